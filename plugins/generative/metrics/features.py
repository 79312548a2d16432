"""Features of images as arrays: what is taken, and what is refused in one line."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["FeaturesError", "Floats", "NonFiniteFeaturesError", "checked", "checked_pair"]

Floats = NDArray[np.float64]


class FeaturesError(ValueError):
    """Features have a form that no metric of sets can take."""

    outcome = "invalid"


class NonFiniteFeaturesError(ValueError):
    """A feature is NaN or infinite."""

    outcome = "nonfinite"


def checked(features: ArrayLike, least: int = 2, what: str = "features") -> Floats:
    """Return features (n, d) of any real dtype as float64; float64 ones are not copied.

    Args:
        features: one row for each image.
        least: the fewest rows that will do.
        what: how a fault names them.

    Raises:
        FeaturesError: they are no real (n, d) array with d ≥ 1, or have fewer than ``least`` rows.
        NonFiniteFeaturesError: a value is NaN or infinite; the line names the first such row.
    """
    given = np.asarray(features)
    if given.ndim != 2 or given.shape[1] == 0 or given.dtype.kind not in "fiu":
        raise FeaturesError(
            f"{what}: a real array (n, d) was expected, not {given.dtype} {given.shape}"
        )
    if len(given) < least:
        raise FeaturesError(f"{what}: {len(given)} rows are too few: at least {least} are needed")
    bad = np.flatnonzero(~np.isfinite(given).all(axis=1))
    if bad.size:
        raise NonFiniteFeaturesError(
            f"{what}: {bad.size} of {len(given)} rows are not finite, the first is row {bad[0]}"
        )
    return np.asarray(given, np.float64)


def checked_pair(
    generated: ArrayLike, reference: ArrayLike, least: int = 2
) -> tuple[Floats, Floats]:
    """Return both sets as float64, (n, d) and (m, d).

    Raises:
        FeaturesError: as :func:`checked`, or their dimensions differ.
        NonFiniteFeaturesError: as :func:`checked`.
    """
    x = checked(generated, least, "generated features")
    y = checked(reference, least, "reference features")
    if x.shape[1] != y.shape[1]:
        raise FeaturesError(
            f"generated features have dimension {x.shape[1]}, the reference {y.shape[1]}"
        )
    return x, y
