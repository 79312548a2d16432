"""A folder of images as reference images.

Files of formats that lose something, such as JPEG, are taken, since that is what photographs come
in, and the signature names them: against samples that are kept lossless they are not neutral.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness_plugins.generative.datasets import pictures

if TYPE_CHECKING:
    from harness_plugins.generative.images import Images

__all__ = ["ImageFolder", "describe"]

_NAME = "image_folder"


def describe(folder: str, size: int | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a folder as ``source`` and ``places`` of a block of prompts.

    Each file is read in full once, and its digest remembered while it stays as it is.

    Args:
        folder: whose files are the images; those in folders below it are not, nor hidden ones.
        size: side of the images, or None where they are used as they are.

    Raises:
        ValueError: there is no such folder, no image in it, or a file that is none; one line.
    """
    from harness.data.folders import digests

    root = Path(folder).expanduser().absolute()
    if not root.is_dir():
        raise ValueError(f"there is no directory {root}")
    files = _files(root)
    forms = sorted({pictures.SUFFIXES[file.suffix.lower()] for file in files})
    params = {
        "sha256": _digest(files, digests(_NAME, files)),
        "count": len(files),
        "formats": forms,
        "size": size,
    }
    return {"ref": f"{__name__}:ImageFolder", "params": params}, {"folder": str(root)}


class ImageFolder:
    """The images of a folder, in the order of their names.

    Args:
        folder: where they lie.
        sha256: digest of their names and digests.
        count: how many there are.
        formats: of the files, as Pillow names them.
        size: side in pixels, or None.
    """

    def __init__(
        self, folder: str, sha256: str, count: int, formats: Sequence[str], size: int | None
    ) -> None:
        self._root, self._sha256, self._size = Path(folder), sha256, size
        self._count, self._formats = count, formats

    @property
    def signature(self) -> str:
        """How the images are made; formats that lose something are marked."""
        forms = "+".join(f.lower() + "(lossy)" * (f in pictures.LOSSY) for f in self._formats)
        how = f"{pictures.FITTING}-{self._size}" if self._size else "as-stored"
        return f"folder@{self._sha256[:8]}|n{self._count}|{forms}|{how}"

    def reference(self) -> Iterator[Images]:
        """Yield the images, uint8.

        Raises:
            ValueError: a file was added, changed or removed since the plan, is damaged, or has
                another size than the others and there is no ``size``; one line.
        """
        from harness.data.folders import digests

        files = _files(self._root)
        if _digest(files, digests(_NAME, files)) != self._sha256:
            raise ValueError(f"{self._root} was changed: its images are not those of the plan")
        return pictures.batches(self._decoded(files))

    def _decoded(self, files: Sequence[Path]) -> Iterator[tuple[str, Any]]:
        from harness.data.folders import reading

        for file in files:
            with reading(file):
                pixels = pictures.decode(file, pictures.SUFFIXES[file.suffix.lower()], self._size)
            yield file.name, pixels


def _files(root: Path) -> list[Path]:
    files = sorted(f for f in root.iterdir() if f.is_file() and not f.name.startswith("."))
    others = [file.name for file in files if file.suffix.lower() not in pictures.SUFFIXES]
    if others:
        known = ", ".join(sorted(pictures.SUFFIXES))
        raise ValueError(f"{root}/{others[0]} is no image by its name: expected {known}")
    if not files:
        raise ValueError(f"{root} holds no image")
    return files


def _digest(files: Sequence[Path], found: Sequence[str]) -> str:
    lines = "".join(f"{sha256} {f.name}\n" for f, sha256 in zip(files, found, strict=True))
    return hashlib.sha256(lines.encode()).hexdigest()
