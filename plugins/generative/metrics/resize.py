"""The three ways in which images are brought to the 299 × 299 of Inception, each with its name.

Scores by different ways must never be compared: they differ by several grey levels in the mean and
by up to 127 in a pixel, which changes FID more than most models do (Parmar et al., On aliased
resizing and surprising subtleties in GAN evaluation, CVPR 2022). So each has a signature.

All take uint8 RGB (H, W, 3) of any size and return float32 (299, 299, 3) in 0…255, not rounded.
What a network makes of them, such as (x − 128) / 128, is the extractor's business.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["SIDE", "SIGNATURES", "WAYS", "WrongImageError", "clean", "tf_legacy", "torch_legacy"]

SIDE = 299
SIGNATURES = {
    "clean": "resize:clean-pil-bicubic-antialias-f32-clip-299",
    "tf-legacy": "resize:tf1-bilinear-noantialias-corner-f32-299",
    "torch-legacy": "resize:torch-bilinear-noantialias-halfpixel-f32-299",
}

Image = NDArray[np.uint8]
Resized = NDArray[np.float32]


class WrongImageError(ValueError):
    """An image is not uint8 RGB (H, W, 3)."""

    outcome = "invalid"


def clean(image: Image) -> Resized:
    """Resize by Pillow's bicubic filter with antialias, each channel as float, clipped to 0…255.

    This is ``mode="clean"`` of clean-fid 0.1.35 (``make_resizer("PIL", False, "bicubic")``).

    Raises:
        WrongImageError: the image is not uint8 (H, W, 3).
    """
    from PIL import Image as Pillow

    _check(image)
    channels = (
        Pillow.fromarray(np.ascontiguousarray(image[..., c], np.float32)).resize(
            (SIDE, SIDE), Pillow.Resampling.BICUBIC
        )
        for c in range(3)
    )
    return np.clip(np.stack([np.asarray(c) for c in channels], axis=-1), 0.0, 255.0)


def tf_legacy(image: Image) -> Resized:
    """Resize as TensorFlow 1's ``resize_bilinear`` does: no antialias, output i takes i·H/299.

    Samples hang on the upper left corner, not on pixel centres, so the picture moves by up to half
    a pixel. It is what the weights of 2015 were published with, and what torch-fidelity does.

    Raises:
        WrongImageError: the image is not uint8 (H, W, 3).
    """
    _check(image)
    return _bilinear(image, *(_corner(length) for length in image.shape[:2]))


def torch_legacy(image: Image) -> Resized:
    """Resize as ``torch.nn.functional.interpolate(mode="bilinear", align_corners=False)`` does.

    No antialias; output i takes (i + ½)·H/299 − ½, not below 0. It is what pytorch-fid does, and
    ``legacy_pytorch`` of clean-fid.

    Raises:
        WrongImageError: the image is not uint8 (H, W, 3).
    """
    _check(image)
    return _bilinear(image, *(_centre(length) for length in image.shape[:2]))


WAYS: dict[str, Callable[[Image], Resized]] = {
    "clean": clean,
    "tf-legacy": tf_legacy,
    "torch-legacy": torch_legacy,
}


def _check(image: Image) -> None:
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8:
        kind = getattr(image, "dtype", type(image).__name__)
        raise WrongImageError(f"an image must be a uint8 array of 0…255, not {kind}")
    if image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise WrongImageError(f"an image must have shape (H, W, 3), not {image.shape}")


def _corner(length: int) -> Resized:
    return np.arange(SIDE, dtype=np.float32) * np.float32(length / SIDE)


def _centre(length: int) -> Resized:
    scale = np.float32(length / SIDE)
    places = (np.arange(SIDE, dtype=np.float32) + np.float32(0.5)) * scale - np.float32(0.5)
    return np.maximum(places, np.float32(0))


def _bilinear(image: Image, y: Resized, x: Resized) -> Resized:
    """Sample an image at rows ``y`` (299,) and columns ``x`` (299,), the border repeated."""
    left = np.minimum(x.astype(np.intp), image.shape[1] - 1)
    right = np.minimum(left + 1, image.shape[1] - 1)
    above = np.minimum(y.astype(np.intp), image.shape[0] - 1)
    below = np.minimum(above + 1, image.shape[0] - 1)
    across = (x - left.astype(np.float32))[None, :, None]
    down = (y - above.astype(np.float32))[:, None, None]

    def row(which: NDArray[np.intp]) -> Resized:
        line = image[which].astype(np.float32)
        return line[:, left] + (line[:, right] - line[:, left]) * across

    upper = row(above)
    return upper + (row(below) - upper) * down
