"""Causal3DIdent (von Kügelgen et al. 2021) as its authors publish it: no pairs.

``trainset.tar.gz`` and ``testset.tar.gz`` on Zenodo (record 4784282, 9.1 GB) hold, of each of the
seven object classes c, ``raw_latents_c.npy`` (N, 10) float32 in −1…1 and ``images_c/*.png``, whose
names are row numbers, 224 × 224; N is 36,000 and 3,600. One problem is one class: the graph over
the ten variables differs between classes, even in the signs of its edges.

The spotlight's position is a cause of the object's x in every class but 0; the hues of spotlight
and background are causes of the object's hue in classes 1 (hare) and 2 (dragon). Class 0 (teapot)
has no edge. Pictures are independent draws: there are no interventions, and none are made up by
looking for near neighbours; methods and metrics that need pairs are skipped. An archive is read
from its beginning to the last picture asked for; it is not unpacked.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.spec import Item, Resource
from harness_plugins.causal.datasets import published
from harness_plugins.causal.datasets.recipes import check_whole, item_of, sizes_of

__all__ = ["CLASSES", "FILES", "VARIABLES", "index", "load"]

Arrays = dict[str, Any]

CLASSES = ("teapot", "hare", "dragon", "cow", "armadillo", "horse", "head")
VARIABLES = (
    "object x",
    "object y",
    "object z",
    "object rotation alpha",
    "object rotation beta",
    "object rotation gamma",
    "spotlight position",
    "object hue",
    "spotlight hue",
    "background hue",
)
# the MD5s are all that the record states
FILES = tuple(
    Resource(
        name=name,
        url=f"https://zenodo.org/records/4784282/files/{name}?download=1",
        sha256=f"md5:{md5}",
        licence="CC BY 4.0",
    )
    for name, md5 in (
        ("trainset.tar.gz", "acd98fda30eee75856dbbc7c54a27e45"),
        ("testset.tar.gz", "c5d9d32d3737e241a2b12b968275fcb8"),
    )
)

_NAME = "causal3dident"
_POSITION, _HUES = ((6, 0),), ((8, 7), (9, 7))
_EDGES = ((), _POSITION + _HUES, _POSITION + _HUES, *(_POSITION,) * 4)


def index(train: int, val: int, test: int, budget: int) -> Sequence[Item]:
    """Return the seven problems, one for each class, in the order of the classes.

    Args:
        train: training pictures of each class, from the first on; validation pictures are the
            ``val`` after them.
        val: validation pictures.
        test: test pictures, from the first on.
        budget: examples that a model may train on.

    Raises:
        Unavailable: an archive is not on this machine.
        ValueError: an archive is damaged; one line.
    """
    from harness.data import resource_path

    sizes = sizes_of(train, val, test)
    for file in FILES:
        resource_path(_NAME, file)
    recipe = {
        "loader": _NAME,
        "digests": [file.sha256 for file in FILES],
        "budget": check_whole("budget", budget, 1, 2**62),
        **sizes,
    }
    return [item_of(name, {**recipe, "class": n}) for n, name in enumerate(CLASSES)]


def load(item: Item, _data: bytes | None) -> Arrays:
    """Return a problem: the arrays that :mod:`harness_plugins.causal.stages` describes.

    Raises:
        ValueError: an archive is damaged, or holds fewer pictures; one line.
    """
    import numpy as np

    from harness.data import resource_path
    from harness.data.folders import reading

    recipe = item.meta
    train, val, test = (int(recipe[split]) for split in ("train", "val", "test"))
    parts = []
    for file, n in zip(FILES, (train + val, test), strict=True):
        path = resource_path(_NAME, file)
        with reading(path):
            parts.append(_read(path, recipe["class"], n))
    x, z = (np.concatenate(arrays)[:, None] for arrays in zip(*parts, strict=True))
    adjacency = np.zeros((len(VARIABLES), len(VARIABLES)), np.uint8)
    for i, j in _EDGES[recipe["class"]]:
        adjacency[i, j] = 1
    return {
        "x": x,
        "z": z.astype(np.float64),
        "targets": np.zeros((len(z), len(VARIABLES)), np.bool_),
        "split": np.repeat(np.arange(3, dtype=np.uint8), (train, val, test)),
        "adjacency": adjacency,
        "budget": np.array(recipe["budget"], np.int64),
    }


def _read(path: Path, number: int, n: int) -> tuple[Any, Any]:
    """Return the first n pictures of a class and their latents."""
    import tarfile

    import numpy as np
    from PIL import Image

    x = np.empty((n, published.SIDE, published.SIDE, 3), np.uint8)
    z, seen = None, np.zeros(n, np.bool_)
    with tarfile.open(path, "r|gz") as archive:
        for member in archive:
            if z is not None and seen.all():
                break
            folder, _, name = member.name.rpartition("/")
            if name == f"raw_latents_{number}.npy":
                z = np.load(io.BytesIO(_bytes(archive, member)), allow_pickle=False)
            elif folder.endswith(f"images_{number}") and name.endswith(".png"):
                row = int(name.removesuffix(".png"))
                if row < n:
                    with Image.open(io.BytesIO(_bytes(archive, member)), formats=["PNG"]) as image:
                        x[row] = published.shrink(image)
                    seen[row] = True
    if z is None or not seen.all():
        raise ValueError(f"it holds {seen.sum()} of {n} pictures of class {number}")
    if z.shape[0] < n or z.shape[1:] != (len(VARIABLES),):
        raise ValueError(f"raw_latents_{number} has shape {z.shape}")
    return x, z[:n]


def _bytes(archive: Any, member: Any) -> bytes:
    stream = archive.extractfile(member)
    if stream is None:
        raise ValueError(f"{member.name} is no file")
    data: bytes = stream.read()
    return data
