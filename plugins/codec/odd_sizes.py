"""Generated images of sizes that break codecs: one pixel, odd sides, no multiple of 16, usual.

Made of integers and SHAKE-256 alone, so the same on every machine and with every library.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from harness.spec import Item

__all__ = ["generate", "index", "load"]

# Width, height, and the sha256 of the samples in row order.
_SIZES = (
    (1, 1, "fee42b4713da87c91091093bfca5af794454530ad4b94e4bf493122b810ff611"),
    (17, 33, "18a7c62b0721ef405cd2d9433594b6040c75625279803961448abdebb1edf5b9"),
    (500, 400, "1e2a898a789c6ffb4c6383a8ef409b63474437fffc467321efea063f5988edf7"),
    (768, 512, "5404faca66a4bf4844b38eeb3e5204bddc1e87d5c8fd6102e6037037f090629b"),
)
_CELLS = (128, 64, 32, 16, 8, 4, 2, 1)


def index() -> Sequence[Item]:
    """Return the images in order of size; ``load`` makes them."""
    return [
        Item(f"{width}x{height}", sha256, "", {"width": width, "height": height})
        for width, height, sha256 in _SIZES
    ]


def load(item: Item, _data: bytes | None) -> NDArray[np.uint8]:
    """Return the image of ``item``, uint8 (H, W, 3).

    Raises:
        ValueError: it came out different from the one this dataset is made of.
    """
    width, height = (int(part) for part in item.id.split("x"))
    image = generate(width, height)
    if hashlib.sha256(image.tobytes()).hexdigest() != item.sha256:
        raise ValueError(f"{item.id}: the generated image is not the expected one")
    return image


def generate(width: int, height: int) -> NDArray[np.uint8]:
    """Return an image with the traits of a photograph, uint8 (H, W, 3).

    Smooth noise at eight scales, with contrast that grows with the scale as in natural images
    and channels that go together, and one sharp bright disc before it.
    """
    total = np.zeros((height, width, 3), np.int64)
    for cell in _CELLS:
        noise = 3 * _noise(width, height, cell, 1) + _noise(width, height, cell, 3)
        total += cell * (noise // 4)
    image = 128 + 2 * (total // sum(_CELLS) - 128)
    y, x = np.ogrid[:height, :width]
    radius = max(min(width, height) // 5, 1)
    disc = (2 * x - width) ** 2 + (2 * y - height) ** 2 < (2 * radius) ** 2
    image[disc] += 70
    return np.clip(image, 0, 255).astype(np.uint8)


def _noise(width: int, height: int, cell: int, channels: int) -> NDArray[np.int64]:
    """Return noise in 0…255 on a grid of ``cell`` pixels, interpolated linearly, (H, W, C)."""
    rows, columns = height // cell + 2, width // cell + 2
    seed = f"{width} {height} {cell} {channels}".encode()
    drawn = hashlib.shake_256(seed).digest(rows * columns * channels)
    grid = np.frombuffer(drawn, np.uint8).reshape(rows, columns, channels).astype(np.int64)
    y, down = np.divmod(np.arange(height, dtype=np.int64), cell)
    x, right = np.divmod(np.arange(width, dtype=np.int64), cell)
    down, right = down[:, None, None], right[None, :, None]
    top = grid[y][:, x] * (cell - right) + grid[y][:, x + 1] * right
    bottom = grid[y + 1][:, x] * (cell - right) + grid[y + 1][:, x + 1] * right
    noise: NDArray[np.int64] = (top * (cell - down) + bottom * down) // cell**2
    return noise
