"""DAVIS 2017 trainval at 480p (Pont-Tuset et al. 2017) as its authors publish it: videos to edit.

``DAVIS-2017-trainval-480p.zip`` holds, of 90 sequences, ``DAVIS/JPEGImages/480p/NAME/00000.jpg`` …
and ``DAVIS/Annotations/480p/NAME/00000.png`` …, whose palette index is the number of the object
and 0 the background. It is read where it lies, and not unpacked.

An item is one edit of one sequence: a dict of

``frames``
    uint8 (t, H, W, 3), the first t frames; t is 8 in what is published of FateZero on DAVIS
``mask``
    bool (t, H, W): all annotated objects, where the edit belongs
``source_prompt``, ``prompt``
    what the frames show, and what they shall show

Frames that shall be square are cropped and resized as
:mod:`harness_plugins.generative.datasets.pictures` says, masks by the same crop and the nearest
pixel. DAVIS publishes no texts: a file of the user's has them, a CSV in UTF-8 with the columns
``sequence``, ``source_prompt`` and ``prompt``, and a row for each edit.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from harness.errors import nearest
from harness.spec import Item, Resource
from harness_plugins.generative.datasets import pictures
from harness_plugins.generative.datasets.tables import read_table

if TYPE_CHECKING:
    import zipfile

__all__ = ["FILES", "index", "load"]

# size and sha256 as tensorflow_datasets has them (video/davis/checksums.tsv)
FILES = (
    Resource(
        name="DAVIS-2017-trainval-480p.zip",
        url="https://data.vision.ee.ethz.ch/csergi/share/davis/DAVIS-2017-trainval-480p.zip",
        sha256="e3d0b5b77c3d031b000a19e0e25e3e2cac65d183755601bc2cf066df1a2aa492",
        size=832_766_765,
        licence="CC BY 4.0 unless its SOURCES.md says other",
    ),
)

_NAME = "davis2017"
_COLUMNS = ("sequence", "source_prompt", "prompt")
_FRAMES, _MASKS = "DAVIS/JPEGImages/480p", "DAVIS/Annotations/480p"


def index(prompts: str, frames: int, size: int | None) -> list[Item]:
    """Return the edits that a file names, in its order.

    Args:
        prompts: path of the CSV.
        frames: how many of a sequence, from the first on.
        size: side in pixels, or None for the frames as they are stored.

    Raises:
        Unavailable: the archive is not on this machine.
        ValueError: it is damaged, or the CSV names what it has not; one line.
    """
    import zipfile

    from harness.data import resource_path
    from harness.data.folders import reading

    if not prompts:
        raise ValueError(
            "DAVIS publishes no texts of edits: give it params {prompts: FILE}, a CSV with the "
            f"columns {', '.join(_COLUMNS)}"
        )
    if isinstance(frames, bool) or not isinstance(frames, int) or frames < 1:
        raise ValueError(f"frames must be a whole number from 1 on, got {frames!r}")
    recipe = {"archive": FILES[0].sha256, "frames": frames, "size": pictures.check_size(size)}
    path = resource_path(_NAME, FILES[0])
    with reading(path), zipfile.ZipFile(path) as archive:
        lengths = _lengths(archive)
    seen: Counter[str] = Counter()
    items = []
    for line, edit in _edits(Path(prompts).expanduser()):
        name = edit["sequence"]
        where = f"{prompts}:{line}: "
        if name not in lengths:
            raise ValueError(f"{where}DAVIS has no sequence {name!r}{nearest(name, lengths)}")
        if lengths[name] < frames:
            raise ValueError(f"{where}{name} has {lengths[name]} frames, not {frames}")
        meta = {**recipe, **edit}
        text = json.dumps(meta, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        digest = hashlib.sha256(text.encode()).hexdigest()
        items.append(Item(f"{name}-{seen[name]}", digest, "", meta))
        seen[name] += 1
    return items


def load(item: Item, _data: bytes | None) -> dict[str, Any]:
    """Return an edit, as above.

    Raises:
        ValueError: the archive or a picture in it is damaged; one line.
    """
    import zipfile

    import numpy as np

    from harness.data import resource_path
    from harness.data.folders import reading

    meta: Any = item.meta
    path, name = resource_path(_NAME, FILES[0]), meta["sequence"]
    frames, masks = [], []
    with reading(path), zipfile.ZipFile(path) as archive:
        for number in range(meta["frames"]):
            with archive.open(f"{_FRAMES}/{name}/{number:05}.jpg") as stream:
                frames.append(pictures.decode(stream, "JPEG", meta["size"]))
            with archive.open(f"{_MASKS}/{name}/{number:05}.png") as stream:
                masks.append(_mask(stream, meta["size"]))
            if masks[-1].shape != frames[-1].shape[:2]:
                raise ValueError(f"frame {number} of {name} and its annotation differ in size")
    return {
        "frames": np.stack(frames),
        "mask": np.stack(masks),
        "source_prompt": meta["source_prompt"],
        "prompt": meta["prompt"],
    }


def _lengths(archive: zipfile.ZipFile) -> dict[str, int]:
    """Return how many frames from 00000 on each sequence has, with an annotation of each."""
    names = set(archive.namelist())
    lengths = {}
    for first in sorted(n for n in names if PurePosixPath(n).match(f"{_FRAMES}/*/00000.jpg")):
        name = PurePosixPath(first).parent.name
        count = 0
        while {
            f"{_FRAMES}/{name}/{count:05}.jpg",
            f"{_MASKS}/{name}/{count:05}.png",
        } <= names:
            count += 1
        lengths[name] = count
    if not lengths:
        raise ValueError(f"it has no sequence in {_FRAMES}")
    return lengths


def _mask(stream: Any, size: int | None) -> Any:
    import numpy as np
    from PIL import Image

    with Image.open(stream, formats=["PNG"]) as image:
        if image.mode not in {"P", "L"}:
            raise ValueError(f"an annotation of mode {image.mode}, expected a palette")
        return np.asarray(pictures.square(image, size, Image.Resampling.NEAREST)) > 0


def _edits(path: Path) -> list[tuple[int, dict[str, str]]]:
    """Return each row of the CSV with its line."""
    columns, rows = read_table(path)
    lacking = [name for name in _COLUMNS if name not in columns]
    if lacking:
        hint = nearest(lacking[0], columns)
        raise ValueError(f"{path}:1: there is no column {lacking[0]!r}{hint}")
    found = []
    for line, row in rows:
        edit = {name: row[name].strip() for name in _COLUMNS}
        empty = [name for name in _COLUMNS if not edit[name]]
        if empty:
            raise ValueError(f"{path}:{line}: {empty[0]} is empty")
        found.append((line, edit))
    if not found:
        raise ValueError(f"{path}: there is no edit in it")
    return found
