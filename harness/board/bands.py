"""Means of many series with pointwise 95 % bands; shares of scores beyond thresholds.

A band is made as the table's intervals are (:mod:`harness.stats.crossed`). Rows (items, or what
an item holds) are drawn as wholes, with their values under every seed; the expanded percentile
interval [l, h] of that is widened by what the runs under other seeds differ,

    mean - sqrt((mean - l)^2 + t^2 v),   mean + sqrt((h - mean)^2 + t^2 v)

with t Student's quantile for S - 1 degrees of freedom, and v the variance of the mean that is
due to S runs, from the mean squares of a two-way layout. Drawing seeds anew instead would not
do: the interval of three of them never leaves the three means, and holds in 3 of 4 cases.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.stats import percentile_interval, wilson_interval

__all__ = ["Band", "mean_band", "share_band", "thin"]

Floats = NDArray[np.float64]

_REPLICATES: Final = 1000  # fewer of more than 5,000 rows, …
_DRAWN: Final = 5_000_000  # … so that no more is drawn than this
_SEED: Final = 20_261_123  # the same series give the same band


class Band(NamedTuple):
    """A mean, the ends of its band and how many values it stands on; each of shape (T,)."""

    mean: Floats
    low: Floats
    high: Floats
    n: NDArray[np.intp]


def thin(length: int, most: int) -> NDArray[np.intp]:
    """Return at most ``most`` indices into ``length`` values, evenly spaced, both ends kept."""
    return np.unique(np.linspace(0, length - 1, min(length, most)).round().astype(np.intp))


def mean_band(runs: Floats) -> Band:
    """Return the mean over all rows and seeds that have not ended, and its band.

    Args:
        runs: (S seeds, N rows, T); NaN where a series has ended, or there is none.

    Returns:
        NaN where fewer than two series remain; no band where all of them are under one of
        several seeds, or of one row.
    """
    there = ~np.isnan(runs)
    n = there.sum(axis=(0, 1))
    total = np.where(there, runs, 0.0).sum(axis=(0, 1))
    mean = np.divide(total, n, out=np.full(n.shape, np.nan), where=n > 1)
    # About the mean, so that single precision is enough whatever the offset.
    about = np.where(there, runs - np.nan_to_num(mean), 0.0)
    drawn = _weights(runs.shape[1])
    counts = there.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        sums = drawn @ about.sum(axis=0).astype(np.float32)
        replicates = (sums / (drawn @ counts.astype(np.float32))).T
    low, high = np.full(mean.shape, np.nan), np.full(mean.shape, np.nan)
    rows = (counts > 0).sum(axis=0)
    for size in np.unique(rows[n > 1]):
        at = (rows == size) & (n > 1)
        low[at], high[at] = percentile_interval(replicates[at], int(size))
    extra = _spread(about, there) if len(runs) > 1 else np.zeros(mean.shape)
    return Band(mean, mean - np.sqrt(low**2 + extra), mean + np.sqrt(high**2 + extra), n)


def _spread(about: Floats, there: NDArray[np.bool_]) -> Floats:
    """Return t^2 v: what runs under other seeds would change.

    v is the variance of the seeds' means less (S - 1) / S of what the noise of single series
    makes of it, over S. The noise is what rows and seeds leave unexplained; where most rows have
    ended under some seed, what seeds alone do.

    Args:
        about: (S, N, T), 0 where there is none.
        there: (S, N, T).
    """
    from scipy.special import stdtrit

    own = there.sum(axis=1)  # (S, T)
    size = np.maximum(own, 1)
    means = about.sum(axis=1) / size
    seeds = np.maximum((own > 0).sum(axis=0), 1)
    apart = np.where(own > 0, means - means.sum(axis=0) / seeds, 0.0)
    within = np.where(there, about - means[:, None], 0.0)
    noise = (within**2).sum(axis=(0, 1)) / np.maximum(own.sum(axis=0) - seeds, 1)
    whole = np.asarray(there.all(axis=0))
    rows = whole.sum(axis=0)
    paired = (rows > 1) & (rows >= own.mean(axis=0) / 2)
    noise = np.where(paired, _unexplained(about, whole), noise)
    made = noise * np.where(own > 0, 1 / size, 0.0).sum(axis=0) / seeds
    freedom = np.maximum(seeds - 1, 1)
    variance = (apart**2).sum(axis=0) / freedom - (seeds - 1) / seeds * made
    quantile = stdtrit(freedom, 0.975)
    spread = quantile**2 * np.maximum(variance, 0.0) / seeds
    return np.asarray(np.where(seeds > 1, spread, np.nan))


def _unexplained(about: Floats, whole: NDArray[np.bool_]) -> Floats:
    """Return the mean square of what rows and seeds leave, over the rows that all seeds have."""
    rows = np.maximum(whole.sum(axis=0), 1)
    values = np.where(whole, about, 0.0)
    by_row, by_seed = values.mean(axis=0), values.sum(axis=1) / rows
    rest = np.where(whole, values - by_row - by_seed[:, None] + by_seed.mean(axis=0), 0.0)
    freedom = (len(about) - 1) * np.maximum(rows - 1, 1)
    return np.asarray((rest**2).sum(axis=(0, 1)) / freedom)


def share_band(scores: Floats, thresholds: Floats, *, above: bool) -> Band:
    """Return the share of scores beyond each threshold, and its band.

    The band is at least as wide as Wilson's for independent scores: where all of them lie on
    one side, a bootstrap has no width.

    Args:
        scores: (S seeds, N); NaN where there is none.
        thresholds: (T,).
        above: whether scores above a threshold are counted, or those up to it.

    Returns:
        NaN where there are fewer than two scores.
    """
    beyond = ((scores[..., None] > thresholds) == above).astype(np.float64)
    band = mean_band(np.where(np.isnan(scores)[..., None], np.nan, beyond))
    least = wilson_interval(np.nan_to_num(np.round(band.mean * band.n)), band.n)
    low, high = np.fmin(band.low, least.low), np.fmax(band.high, least.high)
    return Band(band.mean, np.clip(low, 0, 1), np.clip(high, 0, 1), band.n)


@lru_cache(maxsize=2)
def _weights(rows: int) -> NDArray[np.float32]:
    """Return how often each row is drawn, (B, N): the same for all that have as many rows."""
    rng = np.random.default_rng(_SEED)
    times = int(np.clip(_DRAWN // rows, 200, _REPLICATES))
    flat = rng.integers(0, rows, (times, rows)) + rows * np.arange(times)[:, None]
    counts = np.bincount(flat.ravel(), minlength=times * rows).reshape(times, rows)
    return counts.astype(np.float32)
