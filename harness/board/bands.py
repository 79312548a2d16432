"""Means of many series with pointwise 95 % bands; shares of scores beyond thresholds."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.stats import percentile_interval, wilson_interval

__all__ = ["Band", "mean_band", "share_band", "thin"]

Floats = NDArray[np.float64]

_REPLICATES: Final = 1000
_SEED: Final = 20_261_123  # the same series give the same band


class Band(NamedTuple):
    """A mean, the ends of its band and how many rows it stands on; each of shape (T,)."""

    mean: Floats
    low: Floats
    high: Floats
    n: NDArray[np.intp]


def thin(length: int, most: int) -> NDArray[np.intp]:
    """Return at most ``most`` indices into ``length`` values, evenly spaced, both ends kept."""
    return np.unique(np.linspace(0, length - 1, min(length, most)).round().astype(np.intp))


def mean_band(rows: Floats, seeds: NDArray[np.intp]) -> Band:
    """Return the mean over the rows that have not ended, and its bootstrap band.

    Whole rows are drawn, so that a band knows how a series hangs together; where there are
    several seeds, seeds are drawn first and rows of each drawn seed then. The interval is the
    expanded percentile interval (:mod:`harness.stats.bootstrap`) of what is drawn first: of
    the rows, or of the seeds.

    Args:
        rows: (R, T); NaN where a row has ended.
        seeds: (R,) under which seed each row was made.

    Returns:
        NaN where fewer than two rows remain.
    """
    there = ~np.isnan(rows)
    n = there.sum(axis=0)
    drawn = _weights(np.unique(seeds, return_inverse=True)[1])
    total = np.where(there, rows, 0.0).sum(axis=0)
    mean = np.divide(total, n, out=np.full(n.shape, np.nan), where=n > 1)
    centre = np.nan_to_num(mean)
    # About the mean, so that single precision is enough whatever the offset.
    values = np.where(there, rows - centre, 0.0).astype(np.float32)
    with np.errstate(invalid="ignore", divide="ignore"):
        replicates = ((drawn @ values) / (drawn @ there.astype(np.float32))).T
    clusters = len(np.unique(seeds))
    low, high = np.full(mean.shape, np.nan), np.full(mean.shape, np.nan)
    for size in np.unique(n[n > 1]):
        at = n == size
        ends = percentile_interval(replicates[at], clusters if clusters > 1 else int(size))
        low[at], high[at] = centre[at] + ends.low, centre[at] + ends.high
    return Band(mean, low, high, n)


def share_band(
    scores: Floats, seeds: NDArray[np.intp], thresholds: Floats, *, above: bool
) -> Band:
    """Return the share of scores beyond each threshold, and its band.

    The band is Wilson's, as of independent scores; where there are several seeds it is at
    least as wide as the bootstrap's over seeds and scores. A bootstrap alone has no width
    where all scores lie on one side.

    Args:
        scores: (N,) without NaN, at least one.
        seeds: (N,) under which seed each score was made.
        thresholds: (T,).
        above: whether scores above a threshold are counted, or those up to it.
    """
    beyond = (scores[:, None] > thresholds) == above
    n = np.full(thresholds.shape, scores.size)
    low, high = wilson_interval(beyond.sum(axis=0), n)
    share = beyond.mean(axis=0)
    if len(np.unique(seeds)) > 1:
        drawn = mean_band(beyond.astype(np.float64), seeds)
        low, high = np.fmin(low, drawn.low), np.fmax(high, drawn.high)
    return Band(share, low, high, n)


def _weights(seeds: NDArray[np.intp]) -> NDArray[np.float32]:
    """Return how often each row is drawn: (B, R); ``seeds`` are 0 … S - 1."""
    rng = np.random.default_rng(_SEED)
    sizes = np.bincount(seeds)
    times = rng.multinomial(sizes.size, np.full(sizes.size, 1 / sizes.size), size=_REPLICATES)
    weights = np.empty((_REPLICATES, seeds.size), np.float32)
    for seed, size in enumerate(sizes):
        own = np.full(size, 1 / size)
        weights[:, seeds == seed] = rng.multinomial(times[:, seed] * size, own)
    return weights
