"""How decibels of images become decibels of a set.

An image that is reconstructed without error has an infinite number of them, so a plain mean
would say nothing of the other images.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["CAP_DB", "capped_mean", "db_of_mean"]

CAP_DB = 100.0


def capped_mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean of decibels in which no image counts for more than 100 dB.

    100 dB lies above every lossy reconstruction of a photograph: it is passed only where fewer
    than about eight samples of a 768 x 512 image are off by one.

    Args:
        values: (..., N) decibels of N images; ``inf`` where an image is reconstructed exactly.

    Returns:
        (...) decibels.
    """
    mean: NDArray[np.float64] = np.minimum(values, CAP_DB).mean(axis=-1)
    return mean


def db_of_mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the decibels of the mean error instead of the mean of decibels.

    With ``v = -10 log10(e)``, it is ``-10 log10(mean(e))``: of PSNR values, the PSNR of the mean
    MSE; of MS-SSIM in dB, the dB of the mean MS-SSIM. An exact image counts with error 0.

    Args:
        values: (..., N) decibels of N images; ``inf`` where an image is reconstructed exactly.

    Returns:
        (...) decibels; ``inf`` where every image is exact.
    """
    with np.errstate(divide="ignore"):
        decibels: NDArray[np.float64] = -10.0 * np.log10((10.0 ** (-values / 10.0)).mean(axis=-1))
    return decibels
