"""Looking after a store: what is in it, is it sound, what can go, what others have.

Each of these may be killed at any moment: an artifact comes before the record that names it and
goes after it, and a journal is replaced whole. What a kill leaves over, ``prune`` removes.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import Any

from harness.errors import UsageError
from harness.store.store import Store, full

__all__ = [
    "Contents",
    "Merged",
    "Pruned",
    "Verified",
    "contents",
    "merge",
    "open_store",
    "prune",
    "record_rows",
    "verify",
]

Tick = Callable[[int, int], None]  # how many artifacts are done, of how many

_UNREADABLE = {errno.ENOENT, errno.EACCES, errno.EIO}
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What a store holds.

    Attributes:
        nodes: outcome to number of nodes.
        artifacts: number of artifact files, and ``size`` their bytes.
        named: artifact name to the number and bytes of its files.
        orphans: number and bytes of the files no finished node refers to.
        published: imported files, and ``scores`` the numbers in them.
        journal: bytes of the journal.
        damage: a sentence for each damaged line of the journal.
    """

    nodes: Mapping[str, int]
    artifacts: int
    size: int
    named: Mapping[str, tuple[int, int]]
    orphans: tuple[int, int]
    environments: int
    published: int
    scores: int
    journal: int
    damage: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What a verification found.

    Attributes:
        artifacts: files that were hashed, and ``size`` their bytes.
        damage: a sentence for each thing that is not as it was written.
        forgotten: finished nodes whose artifacts are damaged or gone; the next run makes them.
    """

    artifacts: int
    size: int
    damage: tuple[str, ...]
    forgotten: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What was removed: records of nodes, artifact files, and bytes in all."""

    records: int
    artifacts: int
    freed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """What another store brought: nodes by outcome, artifact files, imported files, damage."""

    nodes: Mapping[str, int]
    artifacts: int
    published: int
    damage: tuple[str, ...]


def open_store(path: Path, *, write: bool = False) -> Store:
    """Open the store of a results folder, or the store folder itself.

    Raises:
        UsageError: there is none, or it cannot be written.
    """
    for root in (path / "store", path):
        if (root / "journal.jsonl").is_file():
            try:
                return Store(root, write=write)
            except OSError as error:
                raise UsageError(f"{root}: cannot be read: {error.strerror}") from None
    raise UsageError(f"{path}: there is no store here; 'harness run' makes one")


def contents(store: Store) -> Contents:
    """Count what a store holds, without reading artifacts."""
    sizes = {digest: size for digest, _, size in _files(store)}
    named: dict[str, set[str]] = {}
    for record in _finished(store):
        for name, (digest, _) in record.get("artifacts", {}).items():
            named.setdefault(name, set()).add(digest)
    used = set().union(*named.values())
    orphans = [size for digest, size in sizes.items() if digest not in used]
    return Contents(
        nodes=dict(Counter(str(r["outcome"]) for r in store.records.values())),
        artifacts=len(sizes),
        size=sum(sizes.values()),
        named={
            name: (len(digests), sum(sizes.get(d, 0) for d in digests))
            for name, digests in sorted(named.items())
        },
        orphans=(len(orphans), sum(orphans)),
        environments=len(store.environments),
        published=len(store.published),
        scores=sum(len(p["scores"]) for p in store.published.values()),
        journal=(store.root / "journal.jsonl").stat().st_size,
        damage=tuple(store.damage),
    )


def verify(store: Store, tick: Tick = lambda done, total: None) -> Verified:
    """Hash every artifact and look for every one that a finished node left.

    Finished nodes that lost an artifact are forgotten, so that the next run makes them; then
    the damaged files are removed.

    Args:
        store: opened for writing.
        tick: is told how many artifacts are done, of how many.
    """
    files = list(_files(store))
    damage, bad, good = list(store.damage), {}, {}
    for number, (digest, path, size) in enumerate(files, 1):
        if _sha256(path) == digest:
            good[digest] = size
        else:
            bad[digest] = path
            damage.append(f"{path} is damaged: its sha256 is not its name")
        tick(number, len(files))
    lost: dict[str, str] = {}
    for key, record in store.records.items():
        for name, (digest, _) in record.get("artifacts", {}).items():
            if record["outcome"] == "ok" and digest not in good:
                lost[key] = digest
                if digest not in bad:
                    damage.append(f"{_told(record)}: its {name} {digest[:16]} is missing")
    if lost:
        store.append({"t": "forget", "keys": sorted(lost)})
        store.sync()
    for path in bad.values():
        path.unlink()
    return Verified(
        artifacts=len(files),
        size=sum(size for _, _, size in files),
        damage=tuple(dict.fromkeys(damage)),
        forgotten=len(lost),
    )


def prune(store: Store, artifacts: Collection[str] = ()) -> Pruned:
    """Remove what no finished node needs: its files first, for a disk may be full.

    Records of failures, superseded records and damaged lines leave the journal; unfinished
    work is tried again by the next run anyway.

    Args:
        store: opened for writing.
        artifacts: names of artifacts to give up although nodes need them. The nodes that left
            them are forgotten and made again by the next run that includes them; scores stay.

    Raises:
        UsageError: no finished node left an artifact of such a name.
        StoreFull: the disk is full; the journal is as it was.
    """
    known = {name for record in _finished(store) for name in record.get("artifacts", {})}
    for name in artifacts:
        if name not in known:
            raise UsageError(f"no artifact is called {name!r}; there are {_list(known)}")
    there = [r for key, r in store.records.items() if store.done(key) is not None]
    kept = [r for r in there if not set(artifacts) & set(r.get("artifacts", {}))]
    used = {digest for r in kept for digest, _ in r.get("artifacts", {}).values()}
    orphans = [(path, size) for digest, path, size in _files(store) if digest not in used]
    for path, _ in orphans:
        path.unlink()
    records, journal = len(store.records), store.root / "journal.jsonl"
    before = journal.stat().st_size
    alive = {r["env"] for r in kept if "env" in r}
    environments = [
        {"t": "environment", "id": id_, "data": data}
        for id_, data in store.environments.items()
        if id_ in alive
    ]
    store.rewrite([*environments, *store.published.values(), *kept])
    return Pruned(
        records=records - len(kept),
        artifacts=len(orphans),
        freed=sum(size for _, size in orphans) + before - journal.stat().st_size,
    )


def merge(store: Store, other: Store, tick: Tick = lambda done, total: None) -> Merged:
    """Bring what another store holds and this one lacks.

    For each node a finished record wins over a failed one, the newer one otherwise; but a
    finished record gives way only to one with the same artifacts, since others stand on them.
    Artifacts are linked where the file system can, copied elsewhere, and hashed either way; a
    node whose artifacts are damaged there is left out.

    Args:
        store: opened for writing.
        other: is only read.
        tick: is told how many records are done, of how many.

    Raises:
        UsageError: both are the same store.
        StoreFull: the disk is full; what was brought before is kept.
    """
    if other.root.resolve() == store.root.resolve():
        raise UsageError(f"{other.root} is this store itself")
    damage = list(other.damage)
    for id_, data in other.environments.items():
        if id_ not in store.environments:
            store.append({"t": "environment", "id": id_, "data": data})
    strange = [p for digest, p in other.published.items() if digest not in store.published]
    for published in strange:
        store.append(published)
    nodes: Counter[str] = Counter()
    brought = 0
    for number, (key, theirs) in enumerate(other.records.items(), 1):
        tick(number, len(other.records))
        if not _wins(theirs, store.records.get(key), finished=store.done(key) is not None):
            continue
        found = [_bring(store, other, d, n) for d, n in theirs.get("artifacts", {}).values()]
        if None in found and theirs["outcome"] == "ok":
            damage.append(f"{other.root}: {_told(theirs)} was left out: its artifacts are damaged")
            continue
        brought += sum(f is True for f in found)
        store.append(theirs)
        store.tick()
        nodes[str(theirs["outcome"])] += 1
    store.sync()
    return Merged(
        nodes=dict(nodes),
        artifacts=brought,
        published=len(strange),
        damage=tuple(dict.fromkeys(damage)),
    )


def record_rows(store: Store) -> Iterator[dict[str, Any]]:
    """Yield every node and every published score as a row of the table ``records``."""
    for record in store.records.values():
        yield {
            **record["about"],
            "key": record["key"],
            "outcome": record["outcome"],
            "reason": record.get("reason"),
            "value": record.get("value"),
            "values": record.get("values"),
            "how": record.get("how"),
            "replicates": record.get("replicates"),
            "n": record.get("n"),
            "note": record.get("note"),
            "unranked": record.get("unranked"),
            "wall": record.get("wall"),
            "cpu": record.get("cpu"),
            "peak_rss": record.get("rss"),
            "jobs": record.get("jobs"),
            "finished": record.get("at"),
            "spans": record.get("spans"),
            "notes": record.get("notes"),
            "artifacts": record.get("artifacts"),
            "environment": record.get("env"),
            "log": record.get("log"),
        }
    for digest, record in store.published.items():
        for score in record["scores"]:
            yield {
                "key": digest,
                "kind": "published",
                "step": score["metric"],
                "entry": score["model"],
                "model": score["model"],
                "dataset": score["dataset"],
                "item": score["item"],
                "point": {"point": score["position"]},
                "value": score["value"],
                "finished": record.get("at"),
                "source": record["source"],
            }


def _finished(store: Store) -> Iterator[dict[str, Any]]:
    return (r for r in store.records.values() if r["outcome"] == "ok")


def _files(store: Store) -> Iterator[tuple[str, Path, int]]:
    """Yield digest, path and bytes of each artifact file; leave strange files alone."""
    root = store.root / "artifacts"
    for folder in sorted(root.iterdir()) if root.is_dir() else ():
        for entry in sorted(os.scandir(folder), key=lambda e: e.name) if folder.is_dir() else ():
            if _DIGEST.fullmatch(entry.name) and entry.is_file():
                yield entry.name, Path(entry.path), entry.stat().st_size


def _sha256(path: Path) -> str:
    """Return the digest of a file, "" where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def _wins(theirs: Mapping[str, Any], ours: Mapping[str, Any] | None, *, finished: bool) -> bool:
    if ours is None or (theirs["outcome"] == "ok") != finished:
        return not finished
    if finished and theirs.get("artifacts") != ours.get("artifacts"):
        return False
    return _age(theirs) > _age(ours)


def _age(record: Mapping[str, Any]) -> tuple[float, str]:
    """Order records by time, and by their text where that is equal."""
    return record["at"], json.dumps(record, sort_keys=True)


def _bring(store: Store, other: Store, digest: str, size: int) -> bool | None:
    """Have an artifact here: True where it was brought, False where it was, None if it is bad."""
    try:
        if os.stat(store.artifact(digest)).st_size == size:
            return False
    except OSError:
        pass
    source, temporary = other.artifact(digest), store.temporary(f"merge-{digest}")
    Path(temporary).unlink(missing_ok=True)
    try:
        os.link(source, temporary)
    except FileNotFoundError:
        return None
    except OSError:  # another disk, or a file system without links
        try:
            shutil.copyfile(source, temporary)
        except OSError as error:
            if error.errno in _UNREADABLE:
                return None
            raise full(error, store.root) from None
    if _sha256(Path(temporary)) != digest:
        Path(temporary).unlink()
        return None
    store.adopt(temporary, digest)
    return True


def _told(record: Mapping[str, Any]) -> str:
    about = record["about"]
    parts = (about["entry"], about["step"], about["dataset"], about["item"])
    return " · ".join(str(p) for p in parts if p is not None)


def _list(names: Collection[str]) -> str:
    return ", ".join(sorted(names)) or "none"
