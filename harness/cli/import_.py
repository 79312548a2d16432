"""``harness import``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from harness.cli.common import plugin_option, results_option
from harness.cli.text import echo_mark
from harness.errors import UsageError

__all__ = ["command"]


@click.command("import")
@click.argument(
    "files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path)
)
@click.option("--format", "form", metavar="FORMAT", help="See 'harness list importers'.")
@click.option("--source", metavar="TEXT", help="Where FILE is from.  [default: its name]")
@plugin_option
@results_option
def command(
    files: tuple[Path, ...],
    form: str | None,
    source: str | None,
    plugins: tuple[Path, ...],
    results: Path,
) -> None:
    """Bring published results in, from FILE.

    They stand on boards that ask for them, with their source and the digest of FILE, and are
    never ranked. FORMAT may be left out where only one importer takes FILE. If one FILE cannot
    be read, nothing is written.
    """
    from harness.registry import Registry
    from harness.run.published import read_published

    registry = Registry.load(plugins)
    faults: list[str] = []
    records = []
    for path in files:
        try:
            records.append(read_published(path, registry, form=form, source=source))
        except UsageError as error:
            faults += error.lines
    if faults:
        raise UsageError(*faults)
    _keep(records, results)


def _keep(records: list[dict[str, Any]], results: Path) -> None:
    """Write the records the store does not have."""
    from harness.store import Store, StoreFull

    store = Store(results / "store", write=True)
    try:
        for record in records:
            former = store.published.get(record["digest"])
            name, scores = record["source"], record["scores"]
            if former is None:
                store.append(record)
                models = ", ".join(dict.fromkeys(score["model"] for score in scores))
                echo_mark("ok", f"{name} ({record['format']}): {len(scores)} scores of {models}")
            else:
                echo_mark("none", f"{name}: imported already, as {former['source']}")
    except StoreFull as error:
        raise UsageError(str(error)) from None
    finally:
        store.close()
