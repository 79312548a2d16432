"""Peak signal-to-noise ratio, in RGB and in YCbCr 4:2:0."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from harness_plugins.codec.metrics.aggregates import CAP_DB
from harness_plugins.codec.metrics.colour import halve, ycbcr
from harness_plugins.codec.metrics.pair import Image, ImageMetric, check_pair

__all__ = ["mse_rgb", "psnr_rgb", "psnr_yuv"]

PEAK = 255.0


def mse_rgb(reference: Image, reconstruction: Image) -> float:
    """Return the mean squared error over all samples, exact up to the last division.

    Args:
        reference: uint8 (H, W, 3).
        reconstruction: the same.

    Returns:
        0…65025.

    Raises:
        ValueError: the two cannot be compared.
    """
    check_pair(reference, reconstruction)
    difference = np.subtract(reference, reconstruction, dtype=np.int32)
    return float(np.sum(np.square(difference), dtype=np.int64)) / difference.size


def psnr_rgb() -> ImageMetric:
    """Make the metric ``10 log10(255² / MSE)`` over all samples of the three channels.

    The callable takes two uint8 (H, W, 3) images and returns dB, ``inf`` where they are equal;
    it raises ``ValueError`` where they cannot be compared.
    """
    return lambda reference, reconstruction: _psnr(mse_rgb(reference, reconstruction))


def psnr_yuv(weights: Sequence[float]) -> ImageMetric:
    """Make the weighted mean of the PSNR of Y, U and V at 4:2:0.

    Both images are converted by BT.709, full range, without rounding; chroma is the mean of
    2 x 2 blocks, an odd last row or column repeated; the peak is 255 for all planes. Weights
    6:1:1 are those of the JVET and DCVC tests, 4:1:1 those of CompressAI's video tools. A plane
    counts for no more than 100 dB, so that one that is exact cannot hide the others.

    Args:
        weights: of Y, U and V; only their ratio matters.

    Returns:
        A callable from two uint8 (H, W, 3) images to dB, ``inf`` where they are equal. It
        raises ``ValueError`` where they cannot be compared.
    """
    share = [weight / sum(weights) for weight in weights]

    def measure(reference: Image, reconstruction: Image) -> float:
        check_pair(reference, reconstruction)
        if np.array_equal(reference, reconstruction):
            return math.inf
        # Conversion and chroma filter are linear: the error is converted once, not two images.
        luma, blue, red = ycbcr(np.subtract(reference, reconstruction, dtype=np.int16))
        errors = [float(np.square(p).mean()) for p in (luma, halve(blue), halve(red))]
        return sum(s * min(_psnr(e), CAP_DB) for s, e in zip(share, errors, strict=True))

    return measure


def _psnr(mse: float) -> float:
    return 10.0 * math.log10(PEAK * PEAK / mse) if mse > 0.0 else math.inf
