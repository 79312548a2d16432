"""Google Scanned Objects (Downs et al. 2022), as rendered for the evaluation of SyncDreamer.

Liu et al. (2024) publish pictures of 30 of the objects: a folder ``OBJECT`` each, with
``000.png`` … ``015.png``, RGBA of 256 × 256. Picture k is taken from azimuth 22.5° k, elevation
30° and distance 1.5, towards the middle of the object, which is scaled to a cube of side 1; the
focal length is 35 on a sensor of 32, that is 280 pixels. (The authors turned some objects before.)
No file holds the poses: they are those of the authors' ``blender_script.py``, and a test compares
them with their ``meta_info/camera-16.pkl``. ``OBJECT/*-depth.png`` is not read.

An item is one object, as :mod:`harness_plugins.generative.views.scenes` describes it: the
pictures on white, with their poses. Picture 0 comes first, the authors' only input; those from
behind and from both sides follow, which a model may be given too; then all others.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.errors import nearest
from harness.spec import Item

__all__ = ["OBJECTS", "index", "load"]

# folders of the published archive, as scripts that read it name them; 19 are in the authors' own
OBJECTS = (
    *("alarm", "backpack", "bell", "blocks", "chicken", "cream", "elephant", "grandfather"),
    *("grandmother", "hat", "leather", "lion", "lunch_bag", "mario", "oil", "school_bus1"),
    *("school_bus2", "shoe", "shoe1", "shoe2", "shoe3", "soap", "sofa", "sorter"),
    *("sorting_board", "stucking_cups", "teapot", "toaster", "train", "turtle"),
)

_NAME = "google_scanned_objects"
_VIEWS, _SIDE, _FOCAL = 16, 256, 280.0
_ELEVATION, _DISTANCE = 30.0, 1.5
_FIRST = (0, 8, 4, 12)
_ORDER = (*_FIRST, *(k for k in range(_VIEWS) if k not in _FIRST))
_REMEDY = (
    "download the renderings that the README of github.com/liuyuan-pal/SyncDreamer links to under "
    "Evaluation, unpack them, and put the folders of the objects into "
    "$HARNESS_DATA/google_scanned_objects, or into a directory that the suite names by params "
    "{folder: DIRECTORY}"
)


def index(folder: str, objects: Sequence[str]) -> list[Item]:
    """Return the objects; the first time, their pictures are read in full.

    Args:
        folder: where they lie; "" for ``$HARNESS_DATA/google_scanned_objects``.
        objects: names of folders; none for the 30 that are published.

    Raises:
        Unavailable: the pictures are not on this machine.
        ValueError: an object or a picture of one is missing; one line.
    """
    from harness.data.folders import digests, find_folder

    root = find_folder(_NAME, folder, _REMEDY)
    items = []
    for name in objects or OBJECTS:
        if not (root / name).is_dir():
            here = [path.name for path in root.iterdir() if path.is_dir()]
            raise ValueError(f"{root} has no object {name!r}{nearest(name, here)}")
        files = [root / name / f"{view:03}.png" for view in _ORDER]
        held = {"loader": _NAME, "digests": digests(_NAME, files)}
        text = json.dumps(held, sort_keys=True, separators=(",", ":"))
        meta = {**held, "files": [str(file) for file in files]}
        items.append(Item(name, hashlib.sha256(text.encode()).hexdigest(), "", meta))
    return items


def load(item: Item, _data: bytes | None) -> dict[str, Any]:
    """Return an object: ``images`` (16, 256, 256, 3), ``poses`` (16, 4, 4), ``intrinsics``.

    Raises:
        ValueError: a picture is damaged, or not the one of the plan; one line.
    """
    import numpy as np

    from harness.data.folders import reading, unchanged
    from harness_plugins.generative.views.cameras import around

    meta: Any = item.meta
    images = []
    for file in unchanged(_NAME, [Path(f) for f in meta["files"]], meta["digests"]):
        with reading(file):
            images.append(_on_white(file))
    centre = _SIDE / 2
    step = 360 / _VIEWS
    return {
        "images": np.stack(images),
        "poses": np.stack([around(step * view, _ELEVATION, _DISTANCE) for view in _ORDER]),
        "intrinsics": np.array([[_FOCAL, 0, centre], [0, _FOCAL, centre], [0, 0, 1]]),
    }


def _on_white(path: Path) -> Any:
    """Return an RGBA picture over white, uint8, rounded to the nearest level."""
    import numpy as np
    from PIL import Image

    with Image.open(path, formats=["PNG"]) as image:
        if image.mode != "RGBA" or image.size != (_SIDE, _SIDE):
            raise ValueError(f"{image.mode} of {image.size}, expected RGBA of 256 x 256")
        rgba = np.asarray(image, np.float64)
    alpha = rgba[..., 3:] / 255
    return np.rint(rgba[..., :3] * alpha + 255 * (1 - alpha)).astype(np.uint8)
