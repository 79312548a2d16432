"""Folders of files that a user has: where they lie, what is in them, and faults in one line."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from harness.data.cache import cache_dir
from harness.data.digest import FileMemo, remembered_sha256
from harness.spec import Unavailable

__all__ = ["digests", "find_folder", "reading", "unchanged"]


def find_folder(name: str, folder: str, remedy: str) -> Path:
    """Return where a dataset's files lie.

    Args:
        name: of the dataset; looked for in ``$HARNESS_DATA``, then in the cache.
        folder: the directory a suite names, or "".
        remedy: what the user does to get the files.

    Raises:
        Unavailable: they are in none of these places.
        ValueError: the suite names a directory that is not there.
    """
    if folder:
        root = Path(folder).expanduser().absolute()
        if not root.is_dir():
            raise ValueError(f"there is no directory {root}")
        return root
    data = os.environ.get("HARNESS_DATA", "")
    places = [Path(data).expanduser().absolute() / name] if data else []
    for place in (*places, cache_dir() / name):
        if place.is_dir():
            return place
    raise Unavailable(f"{name} is not on this machine", remedy)


def digests(name: str, files: Sequence[Path]) -> list[str]:
    """Return the sha256 of files, each read in full once and remembered while it stays as it is.

    Args:
        name: of the dataset, under which they are remembered.
        files: of a folder.

    Raises:
        ValueError: a file is not there.
    """
    memo = FileMemo(name, cache_dir())
    missing = [file for file in files if not file.is_file()]
    if missing:
        raise ValueError(f"{missing[0]} is missing")
    found = [remembered_sha256(file, memo) for file in files]
    memo.save()
    return found


def unchanged(name: str, files: Sequence[Path], known: Sequence[str]) -> Sequence[Path]:
    """Return files whose digests are still the known ones.

    Raises:
        ValueError: a file was changed, or is not there.
    """
    for file, now, then in zip(files, digests(name, files), known, strict=True):
        if now != then:
            raise ValueError(f"{file} was changed: its sha256 is not {then}")
    return files


@contextmanager
def reading(path: object) -> Iterator[None]:
    """Turn what a reader raises of a file into one line.

    Raises:
        ValueError: the file is damaged, or of another format.
    """
    import struct
    import tarfile
    import zipfile
    import zlib

    shape = (ValueError, TypeError, KeyError, IndexError, SyntaxError, struct.error)
    packing = (OSError, EOFError, zlib.error, zipfile.BadZipFile, tarfile.TarError)
    try:
        yield
    except (*shape, *packing, NotImplementedError) as error:
        said = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"{path} is damaged or of another format: {said}") from error
