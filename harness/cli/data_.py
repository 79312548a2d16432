"""``harness data``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.common import echo_json, plugin_option
from harness.cli.text import Column, echo_mark, echo_table, size

if TYPE_CHECKING:
    from harness.spec import Dataset

__all__ = ["command"]


@click.group("data")
def command() -> None:
    """List, fetch and verify datasets."""


@command.command("list")
@click.argument("names", nargs=-1, metavar="[NAME...]")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@plugin_option
def list_(names: tuple[str, ...], as_json: bool, plugins: tuple[Path, ...]) -> None:
    """List datasets, how many of their files are here, and how large they are."""
    from harness.cli.state import state
    from harness.data import status

    rows: list[dict[str, Any]] = []
    for name, dataset in _chosen(names, plugins).items():
        there = state("datasets", dataset)
        files = status(name, dataset.files)
        here = sum(f.state == "present" for f in files)
        told = f"{here} of {len(files)} files" if files else "no files to fetch"
        rows.append(
            {
                "dataset": name,
                "provides": dataset.provides,
                "files": told,
                "size": sum(f.size for f in files),
                "licence": dataset.licence,
                "available": there.available,
                "reason": there.why,
            }
        )
    if as_json:
        echo_json(rows)
        return
    columns = [Column(""), Column("dataset"), Column("provides"), Column("files")]
    columns += [Column("size", right=True), Column("licence", wraps=True)]
    echo_table(columns, [_cells(row) for row in rows], [row["reason"] for row in rows])


def _cells(row: dict[str, Any]) -> list[str]:
    from harness.cli.state import mark_of

    total = size(row["size"]) if row["size"] else ""
    return [
        mark_of(row["available"]),
        row["dataset"],
        row["provides"],
        row["files"],
        total,
        row["licence"],
    ]


@command.command()
@click.argument("names", nargs=-1, metavar="[NAME...]")
@plugin_option
@click.pass_context
def pull(ctx: click.Context, names: tuple[str, ...], plugins: tuple[Path, ...]) -> None:
    """Fetch the files of dataset NAME, or of all datasets.

    What is here is not fetched again; an interrupted download goes on where it stopped. Exit
    code 1: something could not be fetched.
    """
    from harness.cli.files import pull_all

    datasets = _chosen(names, plugins)
    for name in names:
        if not datasets[name].files:
            echo_mark("none", f"{name}: {_without_files(datasets[name])}")
    owners = {name: d.files for name, d in datasets.items() if d.files}
    ctx.exit(0 if (names and not owners) or pull_all(owners) else 1)


@command.command()
@click.argument("names", nargs=-1, metavar="[NAME...]")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@plugin_option
@click.pass_context
def verify(
    ctx: click.Context, names: tuple[str, ...], as_json: bool, plugins: tuple[Path, ...]
) -> None:
    """Hash the files of dataset NAME, or of all datasets.

    A dataset without files to fetch is asked for its items. Exit code 1: a file is damaged,
    or a NAME that was given is not complete.
    """
    from harness.cli.files import echo_verified, verified
    from harness.cli.state import state

    told: list[dict[str, str]] = []
    for name, dataset in _chosen(names, plugins).items():
        if dataset.files:
            told += verified(name, dataset.files, "data", asked=bool(names))
            continue
        there = state("datasets", dataset)
        mark = "ok" if there.ok else "no" if names or there.broken else "none"
        told.append({"of": name, "mark": mark, "text": there.why or "its items are here"})
    ctx.exit(echo_verified(told, as_json=as_json))


@command.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@plugin_option
@click.pass_context
def path(ctx: click.Context, names: tuple[str, ...], plugins: tuple[Path, ...]) -> None:
    """Print the folder in which the items of dataset NAME lie, one line a NAME.

    Exit code 1: it is not here, or its items are made, not kept.
    """
    from harness.registry import resolve

    good = True
    for name, dataset in _chosen(names, plugins).items():
        from harness.cli.state import state

        there = state("datasets", dataset)
        items = resolve(dataset.index)(**dataset.params) if there.ok else ()
        folders = {str(Path(item.path).parent) for item in items if item.path}
        if folders:
            import os

            click.echo(os.path.commonpath(folders))
            continue
        good = False
        echo_mark("no", f"{name}: {there.why or 'its items are made when needed'}", err=True)
    ctx.exit(0 if good else 1)


def _chosen(names: tuple[str, ...], plugins: tuple[Path, ...]) -> dict[str, Dataset]:
    from harness.cli.files import chosen
    from harness.registry import Registry

    datasets = Registry.load(plugins).all("datasets")
    return {
        name: datasets[name]
        for name in chosen(names, {n: d.files for n, d in datasets.items()}, "dataset")
    }


def _without_files(dataset: Dataset) -> str:
    from harness.cli.state import state

    there = state("datasets", dataset)
    return "no files to fetch; " + (there.why or "its items are here")
