"""An append-only file of JSON lines that survives being killed at any byte.

Each line is ``crc32 json``, and an empty one follows, so that a damaged line break costs one
record and not two. A torn last line is what a kill leaves; it is passed over, and cut off
before the next record is written. Any other line that does not match its checksum is
damage, and is reported.
"""

from __future__ import annotations

import json
import os
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

__all__ = ["Journal", "read_journal", "write_journal"]

_SYNC_SECONDS = 0.2


def _line(record: Mapping[str, Any]) -> bytes:
    data = json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode()
    return b"%08x %s\n\n" % (zlib.crc32(data), data)


def read_journal(path: Path, damage: list[str] | None = None) -> Iterator[dict[str, Any]]:
    """Yield the records of a journal in order.

    Args:
        path: the journal; a missing file has no records.
        damage: where a sentence for each damaged line goes; a torn last line is none.
    """
    if not path.exists():
        return
    data = path.read_bytes()
    loads, crc32 = json.loads, zlib.crc32
    lines = data.split(b"\n")
    for number, line in enumerate(lines, 1):
        if not line:
            continue
        body = line[9:]
        try:
            if int(line[:8], 16) == crc32(body):
                yield loads(body)
                continue
        except ValueError:
            pass
        if damage is not None and number < len(lines):
            damage.append(f"{path}:{number} is damaged and was passed over")


def write_journal(path: Path, records: Iterable[Mapping[str, Any]], temporary: Path) -> None:
    """Put a journal of ``records`` in the place of ``path``, whole or not at all.

    Args:
        path: the journal that is replaced; nobody may be writing it.
        records: all it is to hold, in order.
        temporary: a path on the same file system.

    Raises:
        OSError: it could not be written; the former journal is untouched.
    """
    with temporary.open("wb") as file:
        file.writelines(_line(record) for record in records)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


class Journal:
    """The writing end of a journal; there is one writer at a time.

    Records are written at once and synced to disk in groups, at most 200 ms late.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        _drop_torn_line(path)
        self._file: IO[bytes] = path.open("ab", buffering=0)
        self._dirty_since = 0.0

    def append(self, record: dict[str, Any]) -> None:
        """Write one record."""
        line = _line(record)
        written = self._file.write(line)
        if written != len(line):  # a disk that filled up in the middle of the line
            self._file.write(line[written:])
        self._dirty_since = self._dirty_since or time.monotonic()

    def tick(self) -> None:
        """Sync if the oldest unsynced record has waited long enough."""
        if self._dirty_since and time.monotonic() - self._dirty_since >= _SYNC_SECONDS:
            self.sync()

    def sync(self) -> None:
        """Put everything written so far on disk."""
        if self._dirty_since:
            os.fsync(self._file.fileno())
            self._dirty_since = 0.0

    def close(self) -> None:
        """Sync and close."""
        self.sync()
        self._file.close()


def _drop_torn_line(path: Path) -> None:
    """Cut off what a kill left of a record that was being written."""
    if not path.exists():
        return
    with path.open("rb+") as file:
        end = file.seek(0, os.SEEK_END)
        tail = min(end, 1 << 20)
        while True:
            file.seek(end - tail)
            newline = file.read(tail).rfind(b"\n")
            if newline >= 0 or tail == end:
                break
            tail = min(end, tail * 8)
        keep = end - tail + newline + 1 if newline >= 0 else 0
        if keep != end:
            file.truncate(keep)
