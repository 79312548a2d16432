from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

Image = NDArray[np.uint8]


@pytest.fixture(scope="session")
def photo() -> Image:
    """A photograph, 512 x 512."""
    from skimage import data

    return np.ascontiguousarray(data.astronaut())


@pytest.fixture(scope="session")
def jpeg() -> Callable[[Image, int], Image]:
    """Compress an image with JPEG at a quality and return the reconstruction."""
    from PIL import Image as Pillow

    def compress(image: Image, quality: int) -> Image:
        buffer = io.BytesIO()
        Pillow.fromarray(image).save(buffer, "JPEG", quality=quality)
        return np.array(Pillow.open(buffer))

    return compress


@pytest.fixture(scope="session")
def noisy() -> Callable[[Image, float], Image]:
    """Add the same noise pattern at an amplitude."""

    def add(image: Image, amplitude: float) -> Image:
        pattern = np.random.default_rng(7).standard_normal(image.shape)
        return np.clip(np.rint(image + amplitude * pattern), 0, 255).astype(np.uint8)

    return add


@pytest.fixture(scope="session")
def tensors() -> Callable:
    """Turn images into float32 tensors (1, 3, H, W), 0…255 over ``scale``."""
    import torch

    def convert(*images: Image, scale: float = 1.0):
        planes = (np.ascontiguousarray(i.transpose(2, 0, 1)[None]) for i in images)
        return [torch.from_numpy(p).float() / scale for p in planes]

    return convert
