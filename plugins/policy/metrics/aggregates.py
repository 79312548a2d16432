"""How returns of episodes become one number, besides their mean: over the last axis."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from harness import stats

__all__ = ["cvar10", "iqm", "median"]

Floats = NDArray[np.float64]


def median(values: Floats) -> Floats:
    """Return the median: (..., N) to (...)."""
    return np.asarray(np.median(values, axis=-1))


def iqm(values: Floats) -> Floats:
    """Return the interquartile mean: (..., N) to (...)."""
    return stats.iqm(values)


def cvar10(values: Floats) -> Floats:
    """Return the mean of the worst tenth: (..., N) to (...)."""
    return stats.cvar(values, 0.1)
