"""The bootstrap over items: shared resamples, replicates and intervals.

Everything that is compared is resampled with the *same* indices, so that differences between
two models are paired by construction. The default interval is the expanded percentile
interval (Hesterberg, "What Teachers Should Know About the Bootstrap", The American
Statistician 69, 2015, section 4): its tail areas are widened so that for a mean of normal
values it has the length of Student's t. It asks for nothing but the replicates, so a derived
score such as BD-rate gets its interval in the same way. BCa, expanded likewise, is there for
skewed statistics. Simulated coverage of means at 95 %, 2,000 trials:

=============  ====  =====  ========  ============
values         N     plain  expanded  BCa expanded
=============  ====  =====  ========  ============
normal         5     0.850  0.938     0.927
normal         12    0.904  0.944     0.940
normal         24    0.928  0.947     0.946
t, 4 d.o.f.    12    0.908  0.944     0.928
exponential    12    0.871  0.902     0.918
exponential    24    0.913  0.932     0.939
=============  ====  =====  ========  ============
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "Interval",
    "bca_interval",
    "bootstrap_interval",
    "bootstrap_replicates",
    "expanded_quantile",
    "mean",
    "percentile_interval",
    "resample_indices",
    "restrict_resamples",
]

Floats = NDArray[np.float64]
Aggregate = Callable[[Floats], Floats]
Seed = int | np.random.Generator

_BLOCK = 2_000_000  # resampled values held at once: 16 MB
_MAX_LOST = 0.05  # share of replicates without a value above which there is no interval


class Interval(NamedTuple):
    """Lower and upper end of an interval; NaN where there is none. Both have shape (...)."""

    low: Floats
    high: Floats


def mean(values: Floats) -> Floats:
    """Return the mean over the last axis: (..., N) to (...)."""
    result: Floats = np.asarray(np.mean(values, axis=-1))
    return result


def resample_indices(
    n: int, replicates: int = 2000, seed: Seed = 0, strata: ArrayLike | None = None
) -> NDArray[np.intp]:
    """Draw items with replacement, once for all models that are compared.

    Args:
        n: number of items N, at least 1.
        replicates: number of resamples B.
        seed: integer seed, or the generator to draw from.
        strata: (N,) labels; every resample keeps the number of items of each label.

    Returns:
        (B, N) intp, indices in ``[0, N)``.

    Raises:
        ValueError: if there is no item, no replicate, or not one label for each item.
    """
    if n < 1 or replicates < 1:
        raise ValueError(f"n and replicates must be at least 1, got {n} and {replicates}")
    rng = np.random.default_rng(seed)
    if strata is None:
        return rng.integers(0, n, size=(replicates, n), dtype=np.intp)
    labels = np.asarray(strata)
    if labels.shape != (n,):
        raise ValueError(f"strata has shape {labels.shape}, expected ({n},)")
    indices = np.empty((replicates, n), np.intp)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        draws = rng.integers(0, members.size, size=(replicates, members.size))
        indices[:, members] = members[draws]
    return indices


def restrict_resamples(
    resamples: NDArray[np.intp], keep: NDArray[np.bool_], seed: Seed = 0
) -> NDArray[np.intp]:
    """Carry resamples of N items over to the n items that are kept.

    Draws of dropped items are replaced by fresh draws among the kept ones and the first n
    columns are taken, so each row is a valid resample of size n that shares as many draws as
    possible with the rows of other subsets.

    Args:
        resamples: (B, N) indices into all items.
        keep: (N,) which items are kept, at least one.
        seed: integer seed, or the generator for the fresh draws.

    Returns:
        (B, n) intp, indices into the kept items in their order.
    """
    n = int(keep.sum())
    if n == keep.size:
        return resamples
    position = np.cumsum(keep) - 1
    draws = resamples[:, :n]
    fresh = np.random.default_rng(seed).integers(0, n, size=draws.shape, dtype=np.intp)
    return np.where(keep[draws], position[draws], fresh).astype(np.intp, copy=False)


def bootstrap_replicates(
    values: ArrayLike, resamples: NDArray[np.intp], aggregate: Aggregate = mean
) -> Floats:
    """Aggregate every resample.

    Args:
        values: (..., N) without NaN; infinities go through as the aggregate takes them.
        resamples: (B, K) indices into the last axis.
        aggregate: function over the last axis, (..., K) to (...).

    Returns:
        (..., B) float64.
    """
    items = np.asarray(values, np.float64)
    if aggregate is mean and np.all(np.isfinite(items)):
        return _mean_replicates(items, resamples)
    lead = items.shape[:-1]
    width = max(1, resamples.shape[1] * int(np.prod(lead, dtype=np.int64)))
    rows = max(1, _BLOCK // width)
    result = np.empty((*lead, resamples.shape[0]))
    for start in range(0, resamples.shape[0], rows):
        block = resamples[start : start + rows]
        result[..., start : start + rows] = aggregate(np.take(items, block, axis=-1))
    return result


def _mean_replicates(items: Floats, resamples: NDArray[np.intp]) -> Floats:
    """Return the mean of every resample: how often each item was drawn, times its value."""
    n, (count, drawn) = items.shape[-1], resamples.shape
    first = items[..., :1]  # so that equal items have replicates that equal them exactly
    result = np.empty((*items.shape[:-1], count))
    rows = max(1, _BLOCK // n)
    for start in range(0, count, rows):
        block = resamples[start : start + rows]
        flat = (block + n * np.arange(len(block))[:, None]).ravel()
        weights = np.bincount(flat, minlength=len(block) * n).reshape(len(block), n)
        result[..., start : start + rows] = (items - first) @ (weights.T / drawn)
    result += first
    return result


def expanded_quantile(n: int, level: float = 0.95, freedom: int | None = None) -> float:
    """Return the normal quantile that a bootstrap interval of n items should use.

    The bootstrap spread of a mean is too small by sqrt((n-1)/n), and its shape is normal where
    Student's t is due; the quantile ``sqrt(n / (n-1)) * t`` undoes both (Hesterberg 2015).

    Args:
        n: number of values drawn together, at least 2.
        level: nominal coverage.
        freedom: degrees of freedom of t; n - 1 unless several strata share the spread.
    """
    from scipy.special import stdtrit

    return float(np.sqrt(n / (n - 1)) * stdtrit(freedom or n - 1, (1 + level) / 2))


def percentile_interval(
    replicates: ArrayLike, n: int, level: float = 0.95, freedom: int | None = None
) -> Interval:
    """Return the expanded percentile interval.

    It turns with any monotone change of the statistic, and its ends are replicates that
    occurred, so infinite replicates do no harm.

    Args:
        replicates: (..., B); NaN marks a resample without a value. Where more than 5 % are
            NaN there is no interval.
        n: number of items that were resampled; one item has no interval.
        level: nominal coverage.
        freedom: as for :func:`expanded_quantile`.
    """
    from scipy.special import ndtr

    data = np.asarray(replicates, np.float64)
    nothing = np.full(data.shape[:-1], np.nan)
    if n < 2 or data.shape[-1] == 0:
        return Interval(nothing, nothing.copy())
    tail = float(ndtr(-expanded_quantile(n, level, freedom)))
    return _quantiles(data, np.full_like(nothing, tail), np.full_like(nothing, 1 - tail))


def bca_interval(
    replicates: ArrayLike, estimate: ArrayLike, jackknife: ArrayLike, level: float = 0.95
) -> Interval:
    """Return the bias-corrected and accelerated interval (Efron, JASA 82, 1987), expanded.

    Args:
        replicates: (..., B), as for :func:`percentile_interval`.
        estimate: (...) the statistic on all items.
        jackknife: (..., N) the statistic with one item left out in turn.
        level: nominal coverage.
    """
    from scipy.special import ndtr, ndtri

    data, left_out = np.asarray(replicates, np.float64), np.asarray(jackknife, np.float64)
    centre = np.asarray(estimate, np.float64)[..., None]
    nothing = np.full(data.shape[:-1], np.nan)
    n, b = left_out.shape[-1], data.shape[-1]
    if n < 2 or b == 0:
        return Interval(nothing, nothing.copy())
    below = np.mean((data < centre) + 0.5 * (data == centre), axis=-1)
    bias = ndtri(np.clip(below, 0.5 / b, 1 - 0.5 / b))
    spread = left_out.mean(axis=-1, keepdims=True) - left_out
    scale = np.sum(spread**2, axis=-1) ** 1.5
    skew = np.sum(spread**3, axis=-1)
    acceleration = np.divide(skew, 6 * scale, out=np.zeros_like(nothing), where=scale > 0)
    quantile = expanded_quantile(n, level)

    def tail(z: Floats) -> Floats:
        # A denominator of zero or less means that the end lies beyond all replicates.
        room = np.maximum(1 - acceleration * z, 1e-9)
        result: Floats = ndtr(bias + z / room)
        return result

    return _quantiles(data, tail(bias - quantile), tail(bias + quantile))


def bootstrap_interval(
    values: ArrayLike,
    aggregate: Aggregate = mean,
    *,
    resamples: NDArray[np.intp] | None = None,
    method: Literal["percentile", "bca"] = "percentile",
    level: float = 0.95,
    seed: Seed = 0,
) -> Interval:
    """Return the interval of an aggregate over items.

    Args:
        values: (..., N) without NaN.
        aggregate: function over the last axis.
        resamples: (B, N) shared indices; 2,000 are drawn where there are none.
        method: ``"percentile"`` (see the module) or ``"bca"``.
        level: nominal coverage.
        seed: used where resamples are drawn.

    Returns:
        Ends of shape (...); NaN for a single item.

    Example:
        >>> low, high = bootstrap_interval([3.0, 4.0, 5.0, 4.5, 3.5, 4.0])
        >>> bool(low < 4.0 < high)
        True
    """
    items = np.asarray(values, np.float64)
    n = items.shape[-1]
    drawn = resample_indices(n, seed=seed) if resamples is None else resamples
    replicates = bootstrap_replicates(items, drawn, aggregate)
    if method == "percentile" or n < 2:
        return percentile_interval(replicates, n, level)
    others = np.arange(n - 1) + (np.arange(n - 1) >= np.arange(n)[:, None])
    jackknife = bootstrap_replicates(items, others, aggregate)
    return bca_interval(replicates, aggregate(items), jackknife, level)


def _quantiles(replicates: Floats, lower: Any, upper: Any) -> Interval:
    """Take the replicates at two probabilities, rounding outwards, NaN apart."""
    ordered = np.sort(replicates, axis=-1)  # NaN goes to the end
    valid = np.sum(~np.isnan(ordered), axis=-1)
    last = np.maximum(valid - 1, 0)
    low_at = np.floor(lower * last).astype(np.intp)
    high_at = np.ceil(upper * last).astype(np.intp)
    low = np.take_along_axis(ordered, low_at[..., None], axis=-1)[..., 0]
    high = np.take_along_axis(ordered, high_at[..., None], axis=-1)[..., 0]
    enough = valid >= (1 - _MAX_LOST) * replicates.shape[-1]
    return Interval(np.where(enough, low, np.nan), np.where(enough, high, np.nan))
