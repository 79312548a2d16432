"""``harness import``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.common import plugin_option, results_option
from harness.cli.text import echo_mark, plain
from harness.errors import UsageError

if TYPE_CHECKING:
    from harness.registry import Registry
    from harness.spec import Importer, PublishedScore

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

    registry = Registry.load(plugins)
    faults: list[str] = []
    records = []
    for path in files:
        try:
            records.append(_read(path, form, source, registry))
        except UsageError as error:
            faults += error.lines
    if faults:
        raise UsageError(*faults)
    _keep(records, results)


def _read(path: Path, form: str | None, source: str | None, registry: Registry) -> dict[str, Any]:
    """Return the record of a file.

    Raises:
        UsageError: it cannot be read, or not as this format.
    """
    import hashlib
    import time
    from dataclasses import asdict

    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    name, scores = _scores(path, data, form, registry)
    if not scores:
        raise UsageError(f"{path}: there is no score in it")
    return {
        "t": "published",
        "digest": hashlib.sha256(data).hexdigest(),
        "source": source or path.name,
        "format": name,
        "at": round(time.time(), 3),
        "scores": [asdict(score) for score in scores],
    }


def _scores(
    path: Path, data: bytes, form: str | None, registry: Registry
) -> tuple[str, list[PublishedScore]]:
    if form is not None:
        return form, _ask(registry.get("importers", form), path, data)
    taken, refused = [], []
    for name, importer in registry.all("importers").items():
        try:
            taken.append((name, _ask(importer, path, data)))
        except UsageError as error:
            refused.append(error.lines[0].removeprefix(f"{path}: "))
    if len(taken) > 1:
        names = ", ".join(name for name, _ in taken)
        raise UsageError(f"{path}: several importers take it: say --format, one of {names}")
    if not taken:
        why = "; ".join(refused) or "there are no importers"
        raise UsageError(f"{path}: no importer takes it: {why}")
    return taken[0]


def _ask(importer: Importer, path: Path, data: bytes) -> list[PublishedScore]:
    """Read a file by an importer.

    Raises:
        UsageError: the file is not of its format, or the importer failed.
    """
    from harness.registry import resolve

    try:
        return list(resolve(importer.read)(path, data))
    except ValueError as error:
        raise UsageError(f"{path}: not {importer.name}: {plain(error)}") from None
    except Exception as error:
        what = f"{type(error).__name__}: {plain(error)}"
        raise UsageError(f"{path}: importer {importer.name} failed: {what}") from error


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
