"""Any directory of images as a dataset."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from harness.data import FileMemo, cache_dir
from harness.errors import nearest
from harness.spec import Item

__all__ = ["index"]

_READ = {".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp"}
_OTHER = {".avif", ".gif", ".heic", ".heif", ".j2k", ".jp2", ".jpx", ".jxl", ".raw", ".dng"}
_SHOWN = 3


def index(path: str = "", pattern: str = "*") -> Sequence[Item]:
    """Return the images of a directory in the order of their names, each read in full once.

    Hidden files and files that are no images by their suffix are passed over. What was found
    out about a file is remembered until its size or time changes.

    Args:
        path: the directory; ``~`` is the home directory.
        pattern: which files, as a glob below ``path``; ``**/*`` enters directories.

    Raises:
        ValueError: one line: no such directory, no image in it, or images that are truncated
            or refused by the rule of :mod:`harness_plugins.codec.images`, by name.
    """
    root = _directory(path)
    memo = FileMemo(f"folder-{hashlib.sha256(str(root).encode()).hexdigest()[:16]}", cache_dir())
    items, faults = [], []
    for file in _files(root, pattern):
        name = file.relative_to(root).as_posix()
        try:
            items.append(Item(name, _digest(file, memo), str(file)))
        except (OSError, ValueError) as error:
            faults.append(f"{name}: {error}")
    memo.save()
    if faults:
        more = f"; and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
        raise ValueError(f"{root}: {'; '.join(faults[:_SHOWN])}{more}")
    if not items:
        raise ValueError(f"{root} holds no image that matches {pattern!r}")
    return items


def _directory(path: str) -> Path:
    if not path:
        raise ValueError("the dataset folder needs a directory: give it params {path: DIRECTORY}")
    root = Path(path).expanduser().absolute()
    if root.is_dir():
        return root
    if root.exists():
        raise ValueError(f"{root} is no directory")
    beside = [p.name for p in root.parent.iterdir()] if root.parent.is_dir() else []
    raise ValueError(f"there is no directory {root}{nearest(root.name, beside)}")


def _files(root: Path, pattern: str) -> list[Path]:
    try:
        found = sorted(root.glob(pattern))
    except (ValueError, NotImplementedError) as error:
        raise ValueError(f"{pattern!r} is no pattern of files: {error}") from error
    names = [(file, file.relative_to(root).parts) for file in found]
    return [
        file
        for file, parts in names
        if file.suffix.lower() in _READ | _OTHER
        and not any(part.startswith(".") for part in parts)
        and file.is_file()
    ]


def _digest(file: Path, memo: FileMemo) -> str:
    """Return the sha256 of an image that was read in full, now or earlier."""
    from harness_plugins.codec.images import FORMATS, read_image

    if file.suffix.lower() in _OTHER:
        raise ValueError(f"this kind of file is not read; expected {', '.join(FORMATS)}")
    known = memo.get(file)
    if isinstance(known, str):
        return known
    data = file.read_bytes()
    read_image(data)
    digest = hashlib.sha256(data).hexdigest()
    memo.put(file, digest)
    return digest
