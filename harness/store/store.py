"""What is done stays done: records by key, artifacts by digest."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness.errors import UsageError
from harness.store.journal import Journal, read_journal, write_journal

__all__ = ["Store", "StoreFull", "disk_trouble"]

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_TROUBLE = (*_FULL, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO)


class StoreFull(Exception):  # noqa: N818 - a state of the disk
    """The disk is full; nothing finished is lost."""


class Store:
    """A folder with a journal and artifacts.

    Attributes:
        records: node key to its last record.
        environments: environment id to what was there.
        published: digest of an imported file to its record.

    Args:
        root: the folder; it is made when the store is opened for writing.
        write: whether to take the writer's lock.

    Raises:
        UsageError: the folder cannot be written, or another process is writing.
    """

    def __init__(self, root: Path, *, write: bool = False) -> None:
        self.root = root.absolute()  # workers stand in folders of their own
        self.records: dict[str, dict[str, Any]] = {}
        self.environments: dict[str, dict[str, Any]] = {}
        self.published: dict[str, dict[str, Any]] = {}
        self.damage: list[str] = []
        self._journal: Journal | None = None
        if write:
            self._open()
        for record in read_journal(self.root / "journal.jsonl", self.damage):
            self._learn(record)

    def _open(self) -> None:
        try:
            for name in ("artifacts", "tmp"):
                (self.root / name).mkdir(parents=True, exist_ok=True)
            self._lock = (self.root / "lock").open("a+")
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self._lock.close()
                raise UsageError(f"{self.root}: another harness process is writing here") from None
            shutil.rmtree(self.root / "tmp")  # what a killed run left
            (self.root / "tmp").mkdir()
            self._journal = Journal(self.root / "journal.jsonl")
        except OSError as error:
            raise full(error, self.root) from None

    def _learn(self, record: dict[str, Any]) -> None:
        match record["t"]:
            case "node":
                self.records[record["key"]] = record
            case "environment":
                self.environments[record["id"]] = record["data"]
            case "published":
                self.published[record["digest"]] = record
            case "forget":
                for key in record["keys"]:
                    self.records.pop(key, None)
                    self.published.pop(key, None)

    def done(self, key: str) -> dict[str, Any] | None:
        """Return the record of a node that need not run again: all it leaves is there.

        A node that had nothing to do ("skipped") has nothing to do the next time either.
        """
        record = self.records.get(key)
        if record is None or record["outcome"] not in ("ok", "skipped"):
            return None
        for digest, size in record.get("artifacts", {}).values():
            try:
                if os.stat(self.artifact(digest)).st_size != size:
                    return None
            except OSError:
                return None
        return record

    def artifact(self, digest: str) -> str:
        """Return where the artifact with a digest lies."""
        return f"{self.root}/artifacts/{digest[:2]}/{digest}"

    def temporary(self, name: str) -> str:
        """Return a path on the same file system for something that is not finished."""
        return f"{self.root}/tmp/{name}"  # noqa: S108 - the store's own

    def folder(self, *names: str) -> str:
        """Return a folder that is kept beside the results, made where it is not there."""
        path = self.root.joinpath(*(re.sub(r"[^A-Za-z0-9._-]", "_", name) for name in names))
        path.mkdir(parents=True, exist_ok=True)
        return str(path)

    def adopt(self, temporary: str, digest: str) -> None:
        """Move a finished artifact to its place."""
        target = self.artifact(digest)
        try:
            os.replace(temporary, target)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(target), exist_ok=True)
            os.replace(temporary, target)

    def append(self, record: Mapping[str, Any]) -> None:
        """Write one record, and know it.

        Raises:
            StoreFull: the disk is full.
        UsageError: the disk cannot be written any more.
        """
        assert self._journal is not None, "opened for reading"
        try:
            self._journal.append(dict(record))
        except OSError as error:
            raise full(error, self.root) from None
        self._learn(dict(record))

    def rewrite(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Replace the journal by these records, whole or not at all; know nothing but them.

        Raises:
            StoreFull: the disk is full; the journal is as it was.
        """
        assert self._journal is not None, "opened for reading"
        kept = [dict(record) for record in records]
        path = self.root / "journal.jsonl"
        self._journal.close()
        try:
            write_journal(path, kept, Path(self.temporary("journal")))
        except OSError as error:
            raise full(error, self.root) from None
        finally:
            self._journal = Journal(path)
        self.records, self.environments, self.published, self.damage = {}, {}, {}, []
        for record in kept:
            self._learn(record)

    def sync(self) -> None:
        """Put everything written so far on disk."""
        if self._journal is not None:
            self._journal.sync()

    def tick(self) -> None:
        """Sync what is due."""
        if self._journal is not None:
            self._journal.tick()

    def close(self) -> None:
        """Sync, close and give the lock back."""
        if self._journal is not None:
            self._journal.close()
            self._journal = None
            shutil.rmtree(self.root / "tmp", ignore_errors=True)
            self._lock.close()


def full(error: OSError, where: Path) -> Exception:
    """Return what to raise for a failed write."""
    if error.errno in _FULL:
        return StoreFull(f"{where}: the disk is full; what was finished is kept")
    return UsageError(f"{where}: cannot be written: {error.strerror}")


@contextmanager
def disk_trouble(where: Path) -> Iterator[None]:
    """Turn a disk that is full or fails, anywhere in the block, into one clear line.

    Raises:
        StoreFull: there is no room.
        UsageError: the disk cannot be written any more.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _TROUBLE:
            raise full(error, where) from None
        raise
