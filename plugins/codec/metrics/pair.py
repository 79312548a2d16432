"""What every metric on a pair of images asks of it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from harness_plugins.codec.outputs import InvalidOutputError

__all__ = ["Image", "ImageMetric", "TooSmallError", "check_pair"]

Image = NDArray[np.uint8]
ImageMetric = Callable[[Image, Image], float]


class TooSmallError(ValueError):
    """A metric is not defined on an image of this size; that is no fault of the codec."""

    outcome = "skipped"


def check_pair(reference: Image, reconstruction: Image, *, least: int = 1, why: str = "") -> None:
    """Check that two images can be compared.

    Args:
        reference: the original, uint8 (H, W, 3) RGB.
        reconstruction: what the decoder made of it; same shape and dtype.
        least: the smallest side, in pixels, the metric is defined on.
        why: what sets ``least``.

    Raises:
        InvalidOutputError: the decoder returned an image of another size.
        TooSmallError: the metric is not defined on so small an image.
        ValueError: no uint8 (H, W, 3) array.
    """
    for name, image in (("reference", reference), ("reconstruction", reconstruction)):
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise ValueError(
                f"{name} must be a uint8 (H, W, 3) array, got {image.dtype} {image.shape}"
            )
    if reference.shape != reconstruction.shape:
        raise InvalidOutputError(
            f"reconstruction has the shape {reconstruction.shape}, "
            f"expected that of the reference, {reference.shape}"
        )
    height, width = reference.shape[:2]
    if min(height, width) < max(least, 1):
        raise TooSmallError(
            f"the image is {width} x {height}; both sides must have at least {least} pixels"
            + (f": {why}" if why else "")
        )
