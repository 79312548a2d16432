"""The floor of a metric of sets: what real images score against other real images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from harness_plugins.generative.metrics.features import FeaturesError, Floats, checked

__all__ = ["Floor", "floor"]


@dataclass(frozen=True, eq=False)
class Floor:
    """Scores of real images against real ones, at stated numbers of images.

    Attributes:
        value: the mean over the splits: what a perfect model would score.
        low, high: the lowest and the highest split. Splits of one set share images, so no interval
            of the mean is claimed.
        values: (splits,) the score of each split.
        n, n_reference: number of images on the side of the generated ones and of the reference.
    """

    value: float
    low: float
    high: float
    values: Floats
    n: int
    n_reference: int


def floor(
    real: ArrayLike,
    n: int,
    n_reference: int,
    metric: Callable[[Floats, Floats], float],
    splits: int = 10,
    seed: int = 0,
) -> Floor:
    """Score disjoint random parts of a real set against each other, ``splits`` times.

    Metrics of sets change with the number of images, so the floor stands only beside scores of the
    same numbers. Where a real set is not large enough for both sides, there is no floor at these
    numbers, and a smaller one must not be shown instead.

    Args:
        real: (r, d) features, r ≥ n + n_reference.
        n: images on the side of the generated ones.
        n_reference: images on the side of the reference.
        metric: score of features (n, d) against (n_reference, d), such as ``frechet_distance``.
        splits: how often the set is split.
        seed: of the splits; the same seed gives the same splits.

    Raises:
        FeaturesError: the real set is too small or has a wrong form, or a number is not positive.
        NonFiniteFeaturesError: a feature is NaN or infinite.
    """
    if min(n, n_reference, splits) < 1:
        raise FeaturesError("a floor needs at least 1 image on either side and 1 split")
    rows = checked(real, what="real features")
    if len(rows) < n + n_reference:
        raise FeaturesError(
            f"no floor at {n} against {n_reference} images: "
            f"{n + n_reference} real ones are needed, there are {len(rows)}"
        )
    rng = np.random.default_rng(seed)
    values = np.empty(splits)
    for split in range(splits):
        order = rng.permutation(len(rows))
        values[split] = metric(rows[order[:n]], rows[order[n : n + n_reference]])
    return Floor(
        float(values.mean()), float(values.min()), float(values.max()), values, n, n_reference
    )
