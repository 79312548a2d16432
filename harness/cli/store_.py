"""``harness store``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.common import echo_json, results_option
from harness.cli.text import echo_fields, echo_mark, size

if TYPE_CHECKING:
    from harness.store import Store

__all__ = ["command"]


@click.group("store")
def command() -> None:
    """Look after what was run.

    Every command may be stopped at any moment; nothing finished is lost by it.
    """


@command.command()
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@results_option
def info(as_json: bool, results: Path) -> None:
    """Show what the store holds: nodes, artifacts by name, environments, damage."""
    from dataclasses import asdict

    from harness.store.upkeep import contents, open_store

    there = contents(open_store(results))
    if as_json:
        echo_json(asdict(there))
        return
    count, spare = there.orphans
    echo_fields(
        {
            "nodes": {outcome: f"{n:,}" for outcome, n in sorted(there.nodes.items())} or "none",
            "artifacts": f"{there.artifacts:,} files, {size(there.size)}",
            "by name": {n: f"{c:,} files, {size(s)}" for n, (c, s) in there.named.items()},
            "unused": f"{count:,} files, {size(spare)}; harness store prune" if count else "",
            "environments": f"{there.environments:,}",
            "published": f"{there.published:,} files, {there.scores:,} scores",
            "journal": size(there.journal),
        },
        indent=0,
    )
    for line in there.damage:
        echo_mark("no", line)


@command.command()
@results_option
@click.pass_context
def verify(ctx: click.Context, results: Path) -> None:
    """Hash every artifact and check every line of the journal.

    A node that lost an artifact is forgotten, so that the next run makes it again; the damaged
    file is removed. Exit code 1: something was damaged.
    """
    from harness.store import upkeep

    with _writing(results) as store, _bar("hashing") as tick:
        found = upkeep.verify(store, tick)
    for line in found.damage:
        echo_mark("no", line)
    told = f"{found.artifacts:,} artifacts ({size(found.size)}) and the journal"
    if not found.damage:
        echo_mark("ok", f"{told} are as they were written")
        return
    click.echo(
        f"{told} were checked: {len(found.damage):,} damaged, {found.forgotten:,} nodes "
        "forgotten; the next run makes them again"
    )
    ctx.exit(1)


@command.command()
@click.option(
    "--artifacts",
    multiple=True,
    metavar="NAME",
    help="Give up the artifacts of this name too; may be repeated.",
)
@results_option
def prune(artifacts: tuple[str, ...], results: Path) -> None:
    """Remove what no finished node needs.

    Artifacts nothing refers to, records of failures and superseded records go; everything
    finished stays.

    \b
    When the disk is full: 'harness store info' shows the bytes by name of artifact. Give up
    those that can be made again (decoded images, say) with --artifacts NAME. Scores, tables
    and boards stay; a run that includes those nodes again makes the artifacts again.
    """  # noqa: D301 - click reads the \b
    from harness.store import upkeep

    with _writing(results) as store:
        gone = upkeep.prune(store, artifacts)
    freed = f"{size(gone.freed)} freed" if gone.freed > 0 else "nothing to free"
    echo_mark("ok", f"{freed}: {gone.artifacts:,} artifacts, {gone.records:,} records")


@command.command()
@click.argument(
    "others", nargs=-1, required=True, metavar="OTHER...", type=click.Path(path_type=Path)
)
@results_option
@click.pass_context
def merge(ctx: click.Context, others: tuple[Path, ...], results: Path) -> None:
    """Bring what the stores of OTHER results folders hold into this one.

    A finished node wins over a failed one, the newer otherwise; nothing finished here is lost.
    Artifacts are hashed on the way. Exit code 1: something was damaged there and left out.
    """
    from harness.store import Store, upkeep

    found = [upkeep.open_store(other) for other in others]
    store = Store(results / "store", write=True)
    damaged = False
    with _closing(store):
        for other in found:
            with _bar("merging") as tick:
                merged = upkeep.merge(store, other, tick)
            nodes = ", ".join(f"{n:,} {outcome}" for outcome, n in sorted(merged.nodes.items()))
            told = f"{other.root}: nodes: {nodes or 'none new'}; {merged.artifacts:,} artifacts"
            more = f"; {merged.published:,} imported files" if merged.published else ""
            echo_mark("ok", told + more)
            for line in merged.damage:
                damaged = True
                echo_mark("no", line)
    ctx.exit(1 if damaged else 0)


@command.command()
@click.argument("file", metavar="FILE.parquet", type=click.Path(path_type=Path, dir_okay=False))
@results_option
def export(file: Path, results: Path) -> None:
    """Write every node and every imported score to FILE.parquet, one row each."""
    from harness.errors import UsageError
    from harness.store import StoreFull
    from harness.store.tables import write_table
    from harness.store.upkeep import open_store, record_rows

    if file.suffix != ".parquet":
        raise UsageError(f"{file}: expected a name that ends in .parquet")
    if not file.parent.is_dir():
        raise UsageError(f"{file.parent} is no folder")
    rows = list(record_rows(open_store(results)))
    try:
        write_table(file, "records", rows, {})
    except StoreFull as error:
        raise UsageError(str(error)) from None
    echo_mark("ok", f"{file}: {len(rows):,} rows, {size(file.stat().st_size)}")


@contextmanager
def _writing(results: Path) -> Iterator[Store]:
    from harness.store.upkeep import open_store

    store = open_store(results, write=True)
    with _closing(store):
        yield store


@contextmanager
def _closing(store: Store) -> Iterator[None]:
    """Close the store; a full disk is a line, not a trace."""
    from harness.errors import UsageError
    from harness.store import StoreFull

    try:
        yield
    except StoreFull as error:
        raise UsageError(str(error)) from None
    finally:
        store.close()


@contextmanager
def _bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show how far it is, on a terminal."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
