"""Published numbers: files that importers read, to records of the store."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import UsageError, plain
from harness.registry import Registry, resolve
from harness.spec import ANY_DATASET, PublishedScore

if TYPE_CHECKING:
    from harness.spec import Importer
    from harness.store import Store
    from harness.suite import Suite

__all__ = ["published_rows", "read_published"]


def read_published(
    path: Path, registry: Registry, *, form: str | None = None, source: str | None = None
) -> dict[str, Any]:
    """Return the record of a file.

    Args:
        path: of the file.
        registry: of the importers.
        form: the importer's name; None where only one takes the file.
        source: where the numbers are from; the file's name where nothing is said.

    Raises:
        UsageError: it cannot be read, or not as this format.
    """
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


def published_rows(suite: Suite, store: Store) -> Iterator[dict[str, Any]]:
    """Yield the published scores that a suite asks for, and those that join its rows.

    It asks for all of its own files, and for others by its globs: ``*`` alone means those of
    the suite's datasets; those of no dataset are asked for by name.
    """
    labels = {entry.label for entry in suite.entries}
    own = {hashlib.sha256(path.read_bytes()).hexdigest() for path in suite.published}
    for digest, record in store.published.items():
        for score in record["scores"]:
            joins = score.get("joins") and score["model"] in labels
            source = f"{score.get('source') or record['source']} sha256:{digest[:16]}"
            if joins or digest in own or _asked(score, suite.board.published):
                yield _row(score, source) | (_joined(source) if joins else {})


def _asked(score: Mapping[str, Any], globs: list[str]) -> bool:
    bare = score["dataset"] == ANY_DATASET
    return any(fnmatchcase(score["model"], g) for g in globs if not (bare and g == "*"))


def _row(score: Mapping[str, Any], source: str) -> dict[str, Any]:
    return {
        "kind": "published",
        "metric": score["metric"],
        "value": float(score["value"]),
        "unit": score["unit"],
        "better": score.get("better", "none"),
        "signature": score["signature"],
        "entry": score["model"],
        "model": score["model"],
        "dataset": score["dataset"],
        "item": score["item"],
        "point": {"point": score["position"]},
        "source": source,
        "replicates": score.get("replicates") or None,
        "n": score.get("n") or None,
    }


def _joined(source: str) -> dict[str, Any]:
    """Return what differs where a number stands in the row of what was measured."""
    return {"kind": "joined", "point": None, "note": source}


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
    try:
        return list(resolve(importer.read)(path, data))
    except ValueError as error:
        raise UsageError(f"{path}: not {importer.name}: {plain(error)}") from None
    except Exception as error:
        what = f"{type(error).__name__}: {plain(error)}"
        raise UsageError(f"{path}: importer {importer.name} failed: {what}") from error
