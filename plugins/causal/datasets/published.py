"""What the published problems share: where their files lie, digests, pictures of 64 × 64.

Pictures are made 64 × 64 by averaging areas (Pillow's ``BOX`` filter), whatever their size.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.spec import Item, Unavailable
from harness_plugins.causal.datasets.recipes import item_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

__all__ = ["SIDE", "digests", "find_folder", "item_from_files", "reading", "shrink", "verified"]

SIDE = 64


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
    from harness.data import cache_dir

    data = os.environ.get("HARNESS_DATA", "")
    places = [Path(data).expanduser().absolute() / name] if data else []
    for place in (*places, cache_dir() / name):
        if place.is_dir():
            return place
    raise Unavailable(f"{name} is not on this machine", remedy)


def digests(name: str, files: Sequence[Path]) -> list[str]:
    """Return the sha256 of files, each read in full once and remembered while it stays as it is.

    Raises:
        ValueError: a file is not there.
    """
    from harness.data import FileMemo, cache_dir, remembered_sha256

    memo = FileMemo(name, cache_dir())
    missing = [file for file in files if not file.is_file()]
    if missing:
        raise ValueError(f"{missing[0]} is missing")
    found = [remembered_sha256(file, memo) for file in files]
    memo.save()
    return found


def item_from_files(
    name: str, recipe: Mapping[str, Any], files: Sequence[Path], found: Sequence[str]
) -> Item:
    """Return an item whose digest is that of its recipe and of its files, wherever they lie."""
    return item_of(
        name,
        {**recipe, "digests": list(found)},
        {"files": [str(file) for file in files]},
    )


def verified(name: str, item: Item) -> list[Path]:
    """Return an item's files.

    Raises:
        ValueError: they are no longer those of the plan.
    """
    files = [Path(file) for file in item.meta["files"]]
    for file, found, known in zip(files, digests(name, files), item.meta["digests"], strict=True):
        if found != known:
            raise ValueError(f"{file} was changed: its sha256 is not {known}")
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

    shape = (ValueError, KeyError, IndexError, SyntaxError, struct.error)
    packing = (OSError, EOFError, zlib.error, zipfile.BadZipFile, tarfile.TarError)
    try:
        yield
    except (*shape, *packing) as error:
        said = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"{path} is damaged or of another format: {said}") from error


def shrink(image: Image) -> NDArray[np.uint8]:
    """Return a picture as (64, 64, 3)."""
    import numpy as np
    from PIL.Image import Resampling

    small = image.convert("RGB").resize((SIDE, SIDE), Resampling.BOX)
    return np.asarray(small, np.uint8)
