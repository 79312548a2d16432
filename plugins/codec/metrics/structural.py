"""Structural similarity, at one scale and at five.

The values are those of the definition of Wang et al. with a Gaussian window, as in
pytorch-msssim, at a fraction of the time. Instead of two images x and y, their sum s and
difference d are filtered: four local means instead of five, on planes that stay in the cache.
With E the windowed mean, and V = E[·²] - E[·]²,

    1 - contrast x structure = 2 V(d)  / (V(s)  + V(d)  + 2 C2)
    1 - luminance            = 2 E(d)² / (E(s)² + E(d)² + 2 C1)

which also keeps its digits where the images are nearly equal. The sum is centred on 0, since
variances in single precision lose theirs on bright areas otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from harness_plugins.codec.metrics.pair import Image, ImageMetric, check_pair

__all__ = ["ms_ssim", "ms_ssim_db", "ssim"]

PEAK = 255.0
C1, C2 = (0.01 * PEAK) ** 2, (0.03 * PEAK) ** 2
RADIUS = 5
WINDOW = cv2.getGaussianKernel(2 * RADIUS + 1, 1.5, cv2.CV_32F)
SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # Wang et al. 2003, section 3.2
LEAST_SSIM = 2 * RADIUS + 1
LEAST_MS_SSIM = 2 * RADIUS * 2 ** (len(SCALE_WEIGHTS) - 1) + 1

Plane = NDArray[Any]


def ssim() -> ImageMetric:
    """Make the metric SSIM: the mean over positions and R, G, B (Wang et al. 2004, eq. 13).

    The callable takes two uint8 (H, W, 3) images, both sides at least 11, and returns -1…1, 1
    where they are equal; it raises ``ValueError`` where they cannot be compared.
    """
    cv2.setNumThreads(1)
    return _ssim


def ms_ssim() -> ImageMetric:
    """Make the metric MS-SSIM with five scales (Wang et al. 2003, eq. 7).

    The product over scales is taken per channel, negative factors counting as 0, and averaged
    over R, G, B. Between scales 2 x 2 blocks are averaged; before an odd first row or column
    stands one of zeros, as in pytorch-msssim.

    The callable takes two uint8 (H, W, 3) images, both sides at least 161, and returns 0…1, 1
    where they are equal; it raises ``ValueError`` where they cannot be compared.
    """
    cv2.setNumThreads(1)
    return _ms_ssim


def ms_ssim_db() -> ImageMetric:
    """Make the metric ``-10 log10(1 - MS-SSIM)``.

    The callable takes what ``ms_ssim`` takes and returns dB, ``inf`` where the images are equal.
    """
    cv2.setNumThreads(1)

    def measure(reference: Image, reconstruction: Image) -> float:
        error = 1.0 - _ms_ssim(reference, reconstruction)
        return -10.0 * math.log10(error) if error > 0.0 else math.inf

    return measure


def _ssim(reference: Image, reconstruction: Image) -> float:
    check_pair(reference, reconstruction, least=LEAST_SSIM, why="SSIM has a window of 11 x 11")
    values = [_losses(s, d)[1] for s, d in _sums(reference, reconstruction)]
    return 1.0 - math.fsum(values) / 3.0


def _ms_ssim(reference: Image, reconstruction: Image) -> float:
    check_pair(
        reference,
        reconstruction,
        least=LEAST_MS_SSIM,
        why="the window of 11 x 11 must fit at the fifth scale of MS-SSIM",
    )
    values = [_channel(s, d) for s, d in _sums(reference, reconstruction)]
    return math.fsum(values) / 3.0


def _sums(reference: Image, reconstruction: Image) -> Iterator[tuple[Plane, Plane]]:
    """Yield, for each channel, x + y centred on 0, and x - y; float32 (H, W), exact."""
    for channel in range(3):
        x = reference[..., channel].astype(np.float32)
        y = reconstruction[..., channel].astype(np.float32)
        yield x + y - PEAK, x - y


def _channel(s: Plane, d: Plane) -> float:
    product = 1.0
    for weight in SCALE_WEIGHTS[:-1]:
        contrast_loss, _ = _losses(s, d, luminance=False)
        product *= max(1.0 - contrast_loss, 0.0) ** weight
        s, d = _halve(s, -PEAK), _halve(d, 0.0)
    _, loss = _losses(s, d)
    return float(product * max(1.0 - loss, 0.0) ** SCALE_WEIGHTS[-1])


def _losses(s: Plane, d: Plane, *, luminance: bool = True) -> tuple[float, float]:
    """Return the means of 1 - contrast x structure, and of 1 - SSIM where it is asked for."""
    mean_s, mean_d = _local_mean(s), _local_mean(d)
    power_d = mean_d * mean_d
    variance_s = np.maximum(_local_mean(s * s) - mean_s * mean_s, 0.0)
    variance_d = np.maximum(_local_mean(d * d) - power_d, 0.0)
    contrast = 2.0 * variance_d / (variance_s + variance_d + 2.0 * C2)
    mean_contrast = cv2.mean(contrast)[0]
    if not luminance:
        return mean_contrast, math.nan
    mean_s += PEAK
    light = 2.0 * power_d / (mean_s * mean_s + power_d + 2.0 * C1)
    return mean_contrast, cv2.mean(contrast + light - contrast * light)[0]


def _local_mean(plane: Plane) -> Plane:
    return cv2.sepFilter2D(plane, cv2.CV_32F, WINDOW, WINDOW)[RADIUS:-RADIUS, RADIUS:-RADIUS]


def _halve(plane: Plane, zero: float) -> Plane:
    height, width = plane.shape
    if height % 2 or width % 2:
        plane = np.pad(plane, ((height % 2, 0), (width % 2, 0)), constant_values=zero)
        height, width = plane.shape
    return cv2.resize(plane, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
