"""Files of owners, listed, fetched and hashed: what ``data`` and ``weights`` share."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from harness.cli.common import echo_json
from harness.cli.text import Column, echo_mark, echo_table, size
from harness.errors import UsageError, nearest

if TYPE_CHECKING:
    from harness.data import FileStatus
    from harness.spec import Resource

__all__ = [
    "Owners",
    "chosen",
    "counted",
    "echo_owners",
    "echo_states",
    "echo_verified",
    "pull_all",
    "states",
    "verified",
]

Owners = Mapping[str, tuple["Resource", ...]]
_MARKS = {"present": "ok", "missing": "none", "damaged": "no"}


def chosen(names: Sequence[str], owners: Owners, what: str) -> dict[str, tuple[Resource, ...]]:
    """Return the owners that were named, or all.

    Raises:
        UsageError: one line for each name that is unknown.
    """
    unknown = [f"unknown {what} {n!r}{nearest(n, owners)}" for n in names if n not in owners]
    if unknown:
        raise UsageError(*unknown)
    return {name: owners[name] for name in names or owners}


def states(
    owners: Owners, find: Callable[[str, tuple[Resource, ...]], Sequence[FileStatus]]
) -> list[dict[str, Any]]:
    """Return how each file stands, as rows; ``find`` is ``harness.data.status`` or ``verify``."""
    return [
        {
            "owner": owner,
            "file": there.name,
            "state": there.state,
            "size": there.size,
            "licence": resource.licence,
            "path": there.path,
            "url": resource.url,
        }
        for owner, resources in owners.items()
        for resource, there in zip(resources, find(owner, resources), strict=True)
    ]


def echo_states(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print files: present, missing or damaged, their size and licence; by owner."""
    columns = [Column(""), Column("file"), Column("state")]
    columns += [Column("size", right=True), Column("licence", wraps=True)]
    owners = list(dict.fromkeys(row["owner"] for row in rows))
    for number, owner in enumerate(owners):
        if len(owners) > 1:
            click.echo(("\n" if number else "") + click.style(owner, bold=True))
        mine = [row for row in rows if row["owner"] == owner]
        cells = [[_MARKS[r["state"]], r["file"], r["state"], _size(r), r["licence"]] for r in mine]
        echo_table(columns, cells, [r["path"] if r["state"] == "damaged" else "" for r in mine])


def echo_owners(rows: Sequence[Mapping[str, Any]], owner: str) -> None:
    """Print how many files of each owner are here, their size and licence."""
    columns = [Column(""), Column(owner), Column("here", right=True), Column("size", right=True)]
    columns.append(Column("licence", wraps=True))
    cells = []
    for name in dict.fromkeys(row["owner"] for row in rows):
        mine = [row for row in rows if row["owner"] == name]
        states = {row["state"] for row in mine}
        worst = next(s for s in ("damaged", "missing", "present") if s in states)
        here = sum(row["state"] == "present" for row in mine)
        whole = {"size": sum(row["size"] for row in mine) if all(r["size"] for r in mine) else 0}
        licences = ", ".join(dict.fromkeys(row["licence"] for row in mine if row["licence"]))
        cells.append([_MARKS[worst], name, f"{here} of {len(mine)}", _size(whole), licences])
    echo_table(columns, cells)


def _size(row: Mapping[str, Any]) -> str:
    return size(row["size"]) if row["size"] else ""


def verified(
    owner: str, resources: tuple[Resource, ...], verb: str, *, asked: bool
) -> list[dict[str, str]]:
    """Hash an owner's files; return lines with their mark, ``no`` where all is not well.

    Args:
        owner: dataset, model or metric.
        resources: its files, at least one.
        verb: ``data`` or ``weights``.
        asked: whether the owner was named, so that a missing file is a fault.
    """
    from harness.data import verify

    rows = states({owner: resources}, verify)
    damaged = [row for row in rows if row["state"] == "damaged"]
    missing = sum(row["state"] == "missing" for row in rows)
    told = [{"of": owner, "mark": "no", "text": f"{row['path']} is damaged"} for row in damaged]
    if missing:
        text = f"{missing} of {counted(len(rows))} missing; harness {verb} pull {owner}"
        told.append({"of": owner, "mark": "no" if asked else "none", "text": text})
    elif not damaged:
        told.append({"of": owner, "mark": "ok", "text": f"{counted(len(rows))} as declared"})
    return told


def counted(files: int) -> str:
    """Return ``"1 file"``, ``"2 files"``."""
    return f"{files} file{'' if files == 1 else 's'}"


def echo_verified(told: Sequence[Mapping[str, str]], *, as_json: bool) -> int:
    """Print the lines of a verification; return the exit code."""
    if as_json:
        echo_json(told)
    else:
        for line in told:
            echo_mark(line["mark"], f"{line['of']}: {line['text']}")
    return 1 if any(line["mark"] == "no" for line in told) else 0


def pull_all(owners: Owners) -> bool:
    """Fetch what the owners lack; print a line for each; return whether all of it is here."""
    from harness.data import DownloadError, pull, status

    if not owners:
        echo_mark("none", "there is nothing to fetch")
    good = True
    for owner, resources in owners.items():
        missing = [s for s in status(owner, resources) if s.state != "present"]
        try:
            with _progress(owner) as report:
                there = pull(owner, resources, report)
        except DownloadError as error:
            good = False
            for line in _grouped(error.lines, resources):
                echo_mark("no", f"{owner}: {line}", err=True)
            continue
        count = counted(len(there))
        total = size(sum(s.size for s in there))
        told = f"fetched {len(missing)} of {count}" if missing else f"{count} here already"
        echo_mark("ok", f"{owner}: {told}, {total}")
    return good


def _grouped(lines: Sequence[str], resources: Sequence[Resource]) -> list[str]:
    """Tell a fault that several files share, e.g. no network, once and with their number."""
    groups: dict[str, list[str]] = {}
    for line in lines:
        resource = next((r for r in resources if line.startswith(r.url)), None)
        fault = line.removeprefix(resource.url).replace(resource.name, "…") if resource else line
        groups.setdefault(fault, []).append(line)
    return [
        told[0] if len(told) == 1 else f"{len(told)} files could not be fetched{fault}"
        for fault, told in groups.items()
    ]


@contextmanager
def _progress(owner: str) -> Iterator[Callable[[Resource, int, int], None] | None]:
    """Show a bar for the file that is coming, on a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    text = TextColumn("{task.description}", markup=False)
    columns = (text, BarColumn(bar_width=24), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        tasks: dict[str, Any] = {}

        def report(resource: Resource, done: int, total: int) -> None:
            if resource.name not in tasks:
                tasks[resource.name] = bar.add_task(f"{owner}/{resource.name}", total=None)
            bar.update(tasks[resource.name], completed=done, total=total or None)
            if total and done >= total:
                bar.update(tasks[resource.name], visible=False)

        yield report
