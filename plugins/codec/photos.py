"""The photographs that ship inside the scikit-image wheel: real images with no download.

Chosen are the colour photographs of a scene whose licence allows any use. Left out are the stereo
pair of a motorcycle (Middlebury 2014, which states no licence), and what is no photograph of a
scene: the composite of the Hubble deep field, the fundus and microscope images, textures and
drawings. ``rocket`` was published as JPEG, the others are PNG.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from harness.spec import Item, Unavailable

__all__ = ["index"]

# Name, sha256, and licence as scikit-image states it in the documentation of skimage.data.
_PHOTOS = (
    (
        "astronaut.png",
        "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5",
        "NASA Great Images; no known copyright restrictions, public domain",
    ),
    (
        "chelsea.png",
        "596aa1e7cb875eb79f437e310381d26b338a81c2da23439704a73c4651e8c4bb",
        "CC0 by the photographer, Stéfan van der Walt",
    ),
    (
        "coffee.png",
        "cc02f8ca188b167c775a7101b5d767d1e71792cf762c33d6fa15a4599b5a8de7",
        "CC0 by the photographer, Rachel Michetti; courtesy of Pikolo Espresso Bar",
    ),
    (
        "rocket.jpg",
        "c2dd0de7c538df8d111e479619b129464d0269d0ae5fd18ca91d33a7fdfea95c",
        "SpaceX, released into the public domain",
    ),
)


def index() -> Sequence[Item]:
    """Return the photographs, each verified by its sha256; scikit-image is not imported.

    Raises:
        Unavailable: scikit-image, or a file of it, is not installed.
        ValueError: a file is not the one this dataset is made of.
    """
    from harness.data import FileMemo, cache_dir, remembered_sha256

    found = find_spec("skimage")
    if found is None or not found.submodule_search_locations:
        raise Unavailable("scikit-image is not installed", 'run: pip install "harness[codec]"')
    folder = Path(found.submodule_search_locations[0]) / "data"
    memo = FileMemo("photos", cache_dir())
    items = []
    for name, sha256, licence in _PHOTOS:
        path = folder / name
        if not path.is_file():
            raise Unavailable(
                f"the installed scikit-image holds no {name}",
                "install the scikit-image of constraints.txt",
            )
        digest = remembered_sha256(path, memo)
        if digest != sha256:
            raise ValueError(f"{path} is not the expected file: sha256 {digest}, not {sha256}")
        items.append(Item(path.stem, sha256, str(path), {"licence": licence}))
    memo.save()
    return items
