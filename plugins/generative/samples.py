"""What models made, kept lossless with how it was made: a ZIP of PNGs and ``samples.json``."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from harness.spec import Json
from harness_plugins.generative.images import Images, InvalidImagesError

__all__ = ["Samples", "thumbnail"]

_EPOCH = (1980, 1, 1, 0, 0, 0)  # equal samples are equal bytes
_ABOUT = "samples.json"


@dataclass(frozen=True, eq=False)
class Samples:
    """Images with what was asked for; as an artifact, its own kind.

    Attributes:
        images: uint8, all of one size. Of videos, all frames of the first, then of the second….
        prompts: of each image, or of each video; empty where nothing was prompted.
        seeds: likewise.
        settings: how they were sampled: scheduler, steps, guidance, …; the same for all.
        frames: images that make one sample: 1, or the frames of a video or the views of a shape.
    """

    images: Images
    prompts: tuple[str, ...] = ()
    seeds: tuple[int, ...] = ()
    settings: Mapping[str, Json] = field(default_factory=dict)
    frames: int = 1

    def __post_init__(self) -> None:
        """Refuse numbers of prompts or seeds that do not fit the images."""
        count, rest = divmod(len(self.images), self.frames)
        if rest or any(given and len(given) != count for given in (self.prompts, self.seeds)):
            raise InvalidImagesError(
                f"{len(self.images)} images do not fit {len(self.prompts)} prompts and "
                f"{len(self.seeds)} seeds, {self.frames} images each"
            )

    def __len__(self) -> int:
        return len(self.images) // self.frames

    @property
    def sequences(self) -> NDArray[np.uint8]:
        """The images as (n, frames, H, W, 3)."""
        pixels = self.images.bytes_()
        return pixels.reshape(len(self), self.frames, *pixels.shape[1:])

    @staticmethod
    def dump(value: Samples) -> bytes:
        """Return the bytes of a file."""
        from PIL import Image

        about = {
            "prompts": list(value.prompts),
            "seeds": list(value.seeds),
            "settings": dict(value.settings),
            "frames": value.frames,
            "images": len(value.images),
        }
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
            archive.writestr(_entry(_ABOUT), json.dumps(about, sort_keys=True, indent=1))
            for number, pixels in enumerate(value.images.bytes_()):
                png = io.BytesIO()
                Image.fromarray(pixels).save(png, "PNG", compress_level=6)
                archive.writestr(_entry(f"{number:05}.png"), png.getvalue())
        return buffer.getvalue()

    @staticmethod
    def load(data: bytes) -> Samples:
        """Return the samples of a file."""
        from PIL import Image

        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            about = json.loads(archive.read(_ABOUT))
            names = [f"{number:05}.png" for number in range(about["images"])]
            pixels = [np.array(Image.open(io.BytesIO(archive.read(name)))) for name in names]
        return Samples(
            images=Images.of(np.stack(pixels)),
            prompts=tuple(about["prompts"]),
            seeds=tuple(about["seeds"]),
            settings=about["settings"],
            frames=about["frames"],
        )


def thumbnail(data: bytes, max_side: int) -> bytes:
    """Return the first samples of a file side by side, as WebP at most ``max_side`` wide."""
    from PIL import Image

    samples = Samples.load(data)
    rows = min(4, max(1, len(samples)))
    columns = samples.frames if samples.frames > 1 else min(8, -(-len(samples) // rows))
    pixels = samples.images.bytes_()[: rows * columns]
    rows = -(-len(pixels) // columns)
    height, width = samples.images.size
    sheet = np.full((rows * columns, height, width, 3), 255, np.uint8)
    sheet[: len(pixels)] = pixels
    whole = sheet.reshape(rows, columns, height, width, 3).swapaxes(1, 2)
    image = Image.fromarray(whole.reshape(rows * height, columns * width, 3))
    scale = max_side / max(image.size)
    way = Image.Resampling.NEAREST if scale >= 1 else Image.Resampling.BOX
    image = image.resize(tuple(max(1, int(side * scale)) for side in image.size), way)
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", lossless=True)
    return buffer.getvalue()


def _entry(name: str) -> zipfile.ZipInfo:
    return zipfile.ZipInfo(name, _EPOCH)
