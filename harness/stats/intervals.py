"""Intervals that need no resampling of items: rates, few seeds, and the interquartile mean."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from harness.stats.bootstrap import Floats, Interval, Seed, percentile_interval

__all__ = ["iqm", "iqm_interval", "iqm_replicates", "t_interval", "wilson_interval"]

_BLOCK = 1_000_000  # resampled scores held at once: 8 MB, about a cache


def wilson_interval(successes: ArrayLike, trials: ArrayLike, level: float = 0.95) -> Interval:
    """Return Wilson's score interval of a rate (Wilson, JASA 22, 1927).

    Args:
        successes: (...) counts in ``[0, trials]``.
        trials: (...) counts; 0 trials give NaN.
        level: nominal coverage.

    Raises:
        ValueError: if a count lies outside its range.
    """
    from scipy.special import ndtri

    k, n = np.broadcast_arrays(np.asarray(successes, float), np.asarray(trials, float))
    if np.any((k < 0) | (k > n)):
        raise ValueError("successes must lie between 0 and trials")
    z2 = float(ndtri((1 + level) / 2)) ** 2
    with np.errstate(invalid="ignore", divide="ignore"):
        rate = k / n
        centre = (rate + z2 / (2 * n)) / (1 + z2 / n)
        half = np.sqrt(z2 * (rate * (1 - rate) / n + z2 / (4 * n * n))) / (1 + z2 / n)
    # At the ends the exact bounds are 0 and 1; rounding must not leave them.
    low = np.where(k == 0, np.where(n > 0, 0.0, np.nan), centre - half)
    high = np.where(k == n, np.where(n > 0, 1.0, np.nan), centre + half)
    return Interval(low, high)


def t_interval(values: ArrayLike, level: float = 0.95) -> Interval:
    """Return Student's interval of the mean over the last axis, for a few seeds.

    Args:
        values: (..., N); a single value has no interval (NaN).
        level: nominal coverage.
    """
    from scipy.special import stdtrit

    data = np.asarray(values, np.float64)
    n = data.shape[-1]
    if n < 2:
        nothing = np.full(data.shape[:-1], np.nan)
        return Interval(nothing, nothing.copy())
    centre = data.mean(axis=-1)
    half = stdtrit(n - 1, (1 + level) / 2) * data.std(axis=-1, ddof=1) / np.sqrt(n)
    return Interval(np.asarray(centre - half), np.asarray(centre + half))


def iqm(values: ArrayLike) -> Floats:
    """Return the interquartile mean over the last axis: (..., N) to (...).

    A quarter of the values, rounded down, is cut at each end, as by
    ``scipy.stats.trim_mean(values, 0.25)``.
    """
    data = np.asarray(values, np.float64)
    cut = data.shape[-1] // 4
    ordered = np.sort(data, axis=-1)
    return np.asarray(ordered[..., cut : data.shape[-1] - cut].mean(axis=-1))


def iqm_replicates(scores: ArrayLike, replicates: int = 50_000, seed: Seed = 0) -> Floats:
    """Bootstrap the interquartile mean of runs by tasks, stratified over tasks.

    Runs are drawn with replacement within each task on its own (Agarwal et al., "Deep
    Reinforcement Learning at the Edge of the Statistical Precipice", NeurIPS 2021).

    Args:
        scores: (R runs, T tasks) without NaN.
        replicates: number of resamples B.
        seed: integer seed, or the generator to draw from.

    Returns:
        (B,) float64.
    """
    data = np.asarray(scores, np.float64)
    runs, tasks = data.shape
    rng = np.random.default_rng(seed)
    flat = np.ascontiguousarray(data.T).ravel()
    offsets = np.repeat(np.arange(tasks) * runs, runs)
    rows = max(1, _BLOCK // flat.size)
    # Small integers are several times faster to draw.
    small = np.uint8 if runs <= 256 else np.int64
    result = np.empty(replicates)
    for start in range(0, replicates, rows):
        size = (min(rows, replicates - start), flat.size)
        result[start : start + size[0]] = iqm(flat[rng.integers(0, runs, size, small) + offsets])
    return result


def iqm_interval(
    scores: ArrayLike, replicates: int = 50_000, level: float = 0.95, seed: Seed = 0
) -> Interval:
    """Return the stratified bootstrap interval of the interquartile mean.

    Args:
        scores: (R runs, T tasks) without NaN; a single run has no interval.
        replicates: number of resamples.
        level: nominal coverage.
        seed: integer seed, or the generator to draw from.
    """
    data = np.asarray(scores, np.float64)
    runs, tasks = data.shape
    drawn = iqm_replicates(data, replicates, seed)
    return percentile_interval(drawn, runs, level, freedom=tasks * (runs - 1))
