"""Digests of files, and facts about files that are remembered while the file stays as it is."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import tempfile
import time
from pathlib import Path
from typing import Any

__all__ = [
    "FileMemo",
    "digest_matches",
    "file_digest",
    "file_sha256",
    "remembered_digest",
    "remembered_sha256",
]

_DECLARED = re.compile(r"[0-9a-f]{8,64}|sha256-prefix:[0-9a-f]{8,63}|md5:[0-9a-f]{32}")
_SETTLED_NS = 2_000_000_000  # a file written twice within a tick of its clock looks unchanged


def file_sha256(path: Path) -> str:
    """Return the lower-case hex sha256 of the file at ``path``."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def file_digest(path: Path, like: str) -> str:
    """Return the whole digest of a file in the form of ``like``: its sha256, or MD5 as ``md5:…``.

    Args:
        path: of the file.
        like: a declared digest, as :class:`harness.spec.Resource` has it.
    """
    if not like.startswith("md5:"):
        return file_sha256(path)
    with path.open("rb") as file:
        made = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False))
    return f"md5:{made.hexdigest()}"


def digest_matches(found: str, declared: str) -> bool:
    """Say whether ``found`` is the declared digest.

    Args:
        found: 64 hex digits, or ``md5:`` and 32.
        declared: the whole digest, or the first 8 or more digits of a sha256, best written
            ``sha256-prefix:…``. Eight digits tell a damaged file and another version from the
            right one; they are no protection against a file made to match.

    Raises:
        ValueError: ``declared`` is neither.
    """
    if not _DECLARED.fullmatch(declared):
        raise ValueError(
            f"{declared!r} is not a sha256: expected 64 lower-case hex digits, or sha256-prefix: "
            f"and the first 8 or more, or md5: and 32"
        )
    return found.startswith(declared.removeprefix("sha256-prefix:"))


class FileMemo:
    """Facts about files, kept in the cache and forgotten when a file's size or time changes.

    Losing it costs time and nothing else: a memo that cannot be read or written is empty.

    Args:
        name: which facts; one JSON file each under ``folder``.
        folder: the cache folder, ``cache_dir()``.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self._file = folder / "memo" / f"{name.replace('/', '+')}.json"
        self._facts: dict[str, list[Any]] = {}
        self._changed = False
        with contextlib.suppress(OSError, ValueError):
            facts = json.loads(self._file.read_text(encoding="utf-8"))
            self._facts = facts if isinstance(facts, dict) else {}

    def get(self, path: Path) -> Any:
        """Return what was remembered of the file as it is now, or None."""
        entry = self._facts.get(str(path.absolute()))
        if not isinstance(entry, list) or len(entry) != 3 or entry[:2] != _stamp(path):
            return None
        return entry[2]

    def put(self, path: Path, fact: Any) -> None:
        """Remember ``fact`` (JSON) of ``path``, unless the file was written just now."""
        stamp = _stamp(path)
        if time.time_ns() - stamp[1] > _SETTLED_NS:
            self._facts[str(path.absolute())] = [*stamp, fact]
            self._changed = True

    def save(self) -> None:
        """Write the memo; of two processes that write at once, one is remembered."""
        if not self._changed:
            return
        with contextlib.suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self._file.parent, prefix=".memo")
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as file:
                    json.dump(self._facts, file)
                os.replace(name, self._file)
            except OSError:
                Path(name).unlink(missing_ok=True)
            self._changed = False


def remembered_sha256(path: Path, memo: FileMemo) -> str:
    """Return the file's sha256, hashing it only where ``memo`` does not know it."""
    return remembered_digest(path, memo, "")


def remembered_digest(path: Path, memo: FileMemo, like: str) -> str:
    """Return what :func:`file_digest` does, hashing only where ``memo`` does not know it."""
    found = memo.get(path)
    if not isinstance(found, str) or found.startswith("md5:") != like.startswith("md5:"):
        found = file_digest(path, like)
        memo.put(path, found)
    return found


def _stamp(path: Path) -> list[int]:
    there = path.stat()
    return [there.st_size, there.st_mtime_ns]
