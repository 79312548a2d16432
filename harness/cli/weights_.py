"""``harness weights``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.common import echo_json, plugin_option

if TYPE_CHECKING:
    from harness.spec import Resource

__all__ = ["command"]

Owners = dict[str, tuple["Resource", ...]]


@click.group("weights")
def command() -> None:
    """List, fetch and verify the weights of models and metrics."""


@command.command("list")
@click.argument("names", nargs=-1, metavar="[NAME...]")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@plugin_option
def list_(names: tuple[str, ...], as_json: bool, plugins: tuple[Path, ...]) -> None:
    """List each file of NAME, or how much all models and metrics need, and what is here."""
    from harness.cli.files import echo_owners, echo_states, states
    from harness.data import status

    rows = states(_chosen(names, plugins), status)
    if as_json:
        echo_json(rows)
    elif rows and names:
        echo_states(rows)
    elif rows:
        echo_owners(rows, "weights of")
    elif not names:
        click.echo("no model or metric needs weights")


@command.command()
@click.argument("names", nargs=-1, metavar="[NAME...]")
@plugin_option
@click.pass_context
def pull(ctx: click.Context, names: tuple[str, ...], plugins: tuple[Path, ...]) -> None:
    """Fetch the weights of NAME, or of all models and metrics.

    What is here is not fetched again; an interrupted download goes on where it stopped. Exit
    code 1: something could not be fetched.
    """
    from harness.cli.files import pull_all

    owners = _chosen(names, plugins)
    ctx.exit(0 if (names and not owners) or pull_all(owners) else 1)


@command.command()
@click.argument("names", nargs=-1, metavar="[NAME...]")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@plugin_option
@click.pass_context
def verify(
    ctx: click.Context, names: tuple[str, ...], as_json: bool, plugins: tuple[Path, ...]
) -> None:
    """Hash the weights of NAME, or of all models and metrics.

    Exit code 1: a file is damaged, or one of a NAME that was given is missing.
    """
    from harness.cli.files import echo_verified, verified

    told: list[dict[str, str]] = []
    for owner, files in _chosen(names, plugins).items():
        told += verified(owner, files, "weights", asked=bool(names))
    ctx.exit(echo_verified(told, as_json=as_json))


@command.command("import")
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path), metavar="PATH...")
@click.option("--known", is_flag=True, help="Look also where torch, CLIP and Hugging Face keep.")
@plugin_option
@click.pass_context
def import_(
    ctx: click.Context, paths: tuple[Path, ...], known: bool, plugins: tuple[Path, ...]
) -> None:
    """Take in files that are here already: PATH is a file, or a folder of files.

    Each is recognised by its digest, whatever its name, among all that models, metrics and
    datasets ask for, and linked (or else copied) to where they look for it. Exit code 1: a file
    is of no use.
    """
    from harness.cli.exchange import take_all, take_known

    if not paths and not known:
        raise click.UsageError("say which files or folders, or --known")
    owners = _owners(plugins, {"models": "weights", "metrics": "weights", "datasets": "files"})
    good = take_all(paths, owners)
    if known:
        take_known(owners)
    ctx.exit(0 if good else 1)


@command.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), metavar="DIR")
@click.argument("names", nargs=-1, metavar="[NAME...]")
@plugin_option
@click.pass_context
def export(
    ctx: click.Context, folder: Path, names: tuple[str, ...], plugins: tuple[Path, ...]
) -> None:
    """Write the weights of NAME, or all that are here, to DIR with a list, weights.lock.

    'harness weights import DIR' takes them in on another machine, without a network. Exit code 1:
    a file of a NAME that was given is not here, or DIR cannot be written.
    """
    from harness.cli.exchange import export_all

    ctx.exit(0 if export_all(_chosen(names, plugins), folder, asked=bool(names)) else 1)


def _chosen(names: tuple[str, ...], plugins: tuple[Path, ...]) -> Owners:
    """Return the weights of the named models and metrics; say which need none."""
    from harness.cli.files import chosen

    owners = _owners(plugins, {"models": "weights", "metrics": "weights"})
    found = chosen(names, owners, "model or metric")
    for name in names:
        if not found[name]:
            click.echo(f"{name} needs no weights", err=True)
    return {name: files for name, files in found.items() if files}


def _owners(plugins: tuple[Path, ...], kinds: dict[str, str]) -> Owners:
    """Return the files of every declaration of some kinds, by kind and the field that has them."""
    from harness.registry import Registry

    registry = Registry.load(plugins)
    owners: Owners = {}
    for kind, field in kinds.items():
        for name, declared in registry.all(kind).items():
            files = (*owners.get(name, ()), *getattr(declared, field))
            owners[name] = tuple(dict.fromkeys(files))
    return owners
