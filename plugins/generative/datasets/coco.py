"""Captions and pictures of COCO 2017 val (Lin et al. 2014; Chen et al. 2015), as published.

``annotations_trainval2017.zip`` holds ``annotations/captions_val2017.json``: ``images`` with
``id`` and ``file_name``, and ``annotations`` with ``id``, ``image_id`` and ``caption``, five or
more of an image. ``val2017.zip`` holds ``val2017/*.jpg``, 5,000 pictures.

The 5k protocol, written down: the 5,000 pictures in the order of their ids; of each, the one
caption with the lowest annotation id, white space at its ends dropped. Publications that say "5K
of COCO 2017" use one caption of each picture too, and mostly do not say which; theirs are other
prompts than these. Reference images are the same 5,000 pictures, cropped and resized as
:mod:`harness_plugins.generative.datasets.pictures` says.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.spec import Item, Resource
from harness_plugins.generative.datasets import pictures
from harness_plugins.generative.prompts import blocks, load

if TYPE_CHECKING:
    from harness_plugins.generative.images import Images

__all__ = ["FILES", "ValPictures", "index", "load"]

# size and sha256 as tensorflow_datasets has them (url_checksums/coco.txt)
FILES = (
    Resource(
        name="annotations_trainval2017.zip",
        url="http://images.cocodataset.org/annotations/annotations_trainval2017.zip",
        sha256="113a836d90195ee1f884e704da6304dfaaecff1f023f49b6ca93c4aaae470268",
        size=252_907_541,
        licence="CC BY 4.0",
    ),
    Resource(
        name="val2017.zip",
        url="http://images.cocodataset.org/zips/val2017.zip",
        sha256="4f7e2ccb2866ec5041993c9cf2a952bbed69647b115d0f74da7ce8f4bef82f05",
        size=815_585_330,
        licence="terms of Flickr; a licence for each picture is in the annotations",
    ),
)

_NAME = "coco2017_captions"
_CAPTIONS = "annotations/captions_val2017.json"
_HERE = "harness_plugins.generative.datasets.coco"


def index(block: int, size: int, seed: int) -> list[Item]:
    """Return the captions, ``block`` to an item, in the order of the pictures' ids.

    Args:
        block: prompts of an item.
        size: side of the images that are asked for, and of the reference images, in pixels.
        seed: of the prompts' seeds.

    Raises:
        Unavailable: an archive is not on this machine.
        ValueError: an archive is damaged, or a number out of its range; one line.
    """
    from harness.data import resource_path
    from harness.data.folders import reading

    side = pictures.check_size(size)
    if side is None:
        raise ValueError("size must be a number of pixels: the pictures are of many sizes")
    path, _ = (resource_path(_NAME, file) for file in FILES)
    with reading(path):
        chosen = _first_captions(path)
    return blocks(
        [caption for _, caption in chosen],
        seed=seed,
        block=block,
        size=(side, side),
        source={
            "ref": f"{_HERE}:ValPictures",
            "params": {"size": side, "archives": [file.sha256 for file in FILES]},
        },
    )


def _first_captions(path: Path) -> list[tuple[str, str]]:
    """Return the file name and the caption of lowest id of each picture, in the order of ids."""
    import zipfile

    with zipfile.ZipFile(path) as archive, archive.open(_CAPTIONS) as stream:
        told: Any = json.load(stream)
    first: dict[int, tuple[int, str]] = {}
    for entry in told["annotations"]:
        image, this = entry["image_id"], (entry["id"], str(entry["caption"]).strip())
        first[image] = min(this, first.get(image, this))
    names = {entry["id"]: str(entry["file_name"]) for entry in told["images"]}
    bare = sorted(set(names) - {image for image, (_, caption) in first.items() if caption})
    if bare or not names:
        raise ValueError(f"picture {bare[0]} has no caption" if bare else "it lists no picture")
    return [(names[image], first[image][1]) for image in sorted(names)]


class ValPictures:
    """The pictures of val2017 as reference images.

    Args:
        size: side in pixels.
        archives: digests of the two archives, which say what is read; those of ``FILES``.
    """

    def __init__(self, size: int, archives: Sequence[str]) -> None:
        self._size, self._archives = size, archives

    @property
    def signature(self) -> str:
        """How the images are made."""
        said = self._archives[1].removeprefix("md5:")[:8]
        return f"coco2017-val@{said}|jpeg|{pictures.FITTING}-{self._size}"

    def reference(self) -> Iterator[Images]:
        """Yield the pictures in the order of their captions, uint8.

        Raises:
            Unavailable: an archive is not on this machine.
            ValueError: an archive or a picture in it is damaged; one line.
        """
        from harness.data import resource_path
        from harness.data.folders import reading

        captions, images = (resource_path(_NAME, file) for file in FILES)
        with reading(captions):
            names = [name for name, _ in _first_captions(captions)]
        return pictures.batches(_decoded(images, names, self._size))


def _decoded(path: Path, names: Sequence[str], size: int) -> Iterator[tuple[str, Any]]:
    import zipfile

    from harness.data.folders import reading

    with reading(path):
        archive = zipfile.ZipFile(path)
    with archive:
        for name in names:
            with reading(f"{path}/val2017/{name}"), archive.open(f"val2017/{name}") as stream:
                pixels = pictures.decode(stream, "JPEG", size)
            yield name, pixels
