"""Times of calls: what to say of them, how sure a median is, and how two compare.

Times have heavy upper tails and come in runs (a neighbour wakes up, the clock slows down), so
everything rests on medians, and resamples are made of blocks of neighbouring calls. An interval
from here tells of the calls of one session; another session on the same machine may differ by
more.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.stats.bootstrap import Floats, Seed, percentile_interval

__all__ = [
    "Latency",
    "PairedRatio",
    "block_length",
    "median_replicates",
    "paired_ratio",
    "paired_ratio_replicates",
    "summarise_latency",
]

_REPLICATES = 200
_BLOCK = 2_000_000  # resampled values held at once: 16 MB


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """What a number of calls took, in the unit of the samples.

    Attributes:
        median, minimum: of all calls.
        iqr: upper minus lower quartile.
        p90: the time that 90 % of the calls do not exceed.
        n: number of calls.
    """

    median: float
    iqr: float
    minimum: float
    p90: float
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedRatio:
    """How many times as long the second of two takes, from pairs of calls.

    Attributes:
        ratio: the geometric median of second / first; swapping the two inverts it.
        low, high: ends of its 95 % interval; NaN for a single pair.
        n: number of pairs.
    """

    ratio: float
    low: float
    high: float
    n: int


def summarise_latency(samples: ArrayLike) -> Latency:
    """Return the summary of times (N,). Quantiles are linear between neighbouring calls.

    Raises:
        ValueError: if there is no time, or one is not positive and finite.
    """
    times = _times(samples)
    low, median, high, p90 = np.quantile(times, [0.25, 0.5, 0.75, 0.9])
    return Latency(
        median=float(median),
        iqr=float(high - low),
        minimum=float(times.min()),
        p90=float(p90),
        n=times.size,
    )


def median_replicates(
    samples: ArrayLike, *, replicates: int = _REPLICATES, seed: Seed = 0
) -> Floats:
    """Return bootstrap replicates of the median of times in the order they were taken.

    Circular moving blocks of :func:`block_length` calls.

    Args:
        samples: (N,) times, positive and finite.
        replicates: number of replicates B.
        seed: integer seed, or the generator to draw from.

    Returns:
        (B,) float64.
    """
    return _median_replicates(_times(samples), replicates, seed)


def paired_ratio(first: ArrayLike, second: ArrayLike, *, seed: Seed = 0) -> PairedRatio:
    """Compare two by pairs of calls that ran one after the other.

    Args:
        first, second: (N,) times of the same pairs, positive and finite, in order of time.
        seed: of the resampled blocks of pairs.

    Raises:
        ValueError: if the shapes differ, or a time is not positive and finite.
    """
    logs = _logs(first, second)
    drawn = _median_replicates(logs, _REPLICATES, seed)
    low, high = percentile_interval(drawn, logs.size)
    return PairedRatio(
        ratio=float(np.exp(np.median(logs))),
        low=float(np.exp(low)),
        high=float(np.exp(high)),
        n=logs.size,
    )


def paired_ratio_replicates(
    first: ArrayLike, second: ArrayLike, *, replicates: int = _REPLICATES, seed: Seed = 0
) -> Floats:
    """Return bootstrap replicates (B,) of the ratio of :func:`paired_ratio`.

    Args:
        first, second, seed: as there.
        replicates: number of replicates B.
    """
    return np.exp(_median_replicates(_logs(first, second), replicates, seed))


def _logs(first: ArrayLike, second: ArrayLike) -> Floats:
    a, b = _times(first), _times(second)
    if a.shape != b.shape:
        raise ValueError(f"first {a.shape} and second {b.shape} must both be (N,), by pairs")
    return np.log(b) - np.log(a)


def block_length(values: ArrayLike) -> int:
    """Return how many neighbours a block of the bootstrap of the median should hold.

    The rule of Politis and White (Econometric Reviews 23, 2004; corrected by Patton, Politis and
    White, 28, 2009) for the circular block bootstrap, applied to the signs of ``values`` about
    their median: these are what the error of a median is made of. 1 where neighbours are
    independent.

    Args:
        values: (N,) in order of time.
    """
    data = np.asarray(values, np.float64)
    n = data.size
    signs = np.sign(data - np.median(data))
    variance = float(signs @ signs) / n
    if n < 8 or variance == 0:
        return 1
    signs -= signs.mean()
    run = max(5, int(np.ceil(np.log10(n))))
    most = min(int(np.ceil(np.sqrt(n))) + run, n - 1)
    covariance = np.array([signs[: n - lag] @ signs[lag:] for lag in range(most + 1)]) / n
    small = np.abs(covariance[1:]) < 2 * np.sqrt(np.log10(n) / n) * covariance[0]
    last = next((k for k in range(most - run + 1) if small[k : k + run].all()), None)
    if last is None:
        last = 1 + int(np.flatnonzero(~small)[-1])
    if last == 0:
        return 1
    width = min(2 * last, most)
    lags = np.arange(-width, width + 1)
    weight = np.minimum(1.0, 2 * (1 - np.abs(lags) / width))
    terms = weight * covariance[np.abs(lags)]
    slope, level = float(np.abs(lags) @ terms), float(terms.sum())
    if level <= 0:
        return 1
    best = (1.5 * slope**2 / level**2 * n) ** (1 / 3)
    return int(np.clip(np.ceil(best), 1, np.ceil(min(3 * np.sqrt(n), n / 3))))


def _times(samples: ArrayLike) -> Floats:
    times = np.asarray(samples, np.float64)
    if times.ndim != 1 or not times.size:
        raise ValueError(f"times must be (N,) with N at least 1, not {times.shape}")
    if not (np.isfinite(times) & (times > 0)).all():
        raise ValueError("a time is not positive and finite")
    return times


def _median_replicates(values: Floats, replicates: int, seed: Seed) -> Floats:
    n, length = values.size, block_length(values)
    blocks = -(-n // length)
    starts = np.random.default_rng(seed).integers(0, n, size=(replicates, blocks))
    within: NDArray[np.intp] = np.arange(length)
    found = np.empty(replicates)
    rows = max(1, _BLOCK // (blocks * length))
    for at in range(0, replicates, rows):
        chosen = starts[at : at + rows, :, None] + within
        flat = chosen.reshape(len(chosen), -1)[:, :n] % n
        found[at : at + rows] = np.median(values[flat], axis=-1)
    return found
