"""Two models on the same items: difference, interval and p-value; and many p-values at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.stats.bootstrap import Floats, Seed, bootstrap_interval, resample_indices

__all__ = ["PairedComparison", "compare_paired", "holm"]

_EXACT_ITEMS = 13  # up to here all 2^13 sign changes are looked at


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedComparison:
    """The mean difference a - b over the items that both have.

    Attributes:
        difference: mean of a - b.
        low: lower end of its 95 % interval; NaN for a single item.
        high: upper end.
        p: two-sided p-value of the sign-flip permutation test; NaN where a difference is
            infinite.
        items: number of items compared.
    """

    difference: float
    low: float
    high: float
    p: float
    items: int


def compare_paired(
    a: ArrayLike,
    b: ArrayLike,
    *,
    resamples: NDArray[np.intp] | None = None,
    permutations: int = 9999,
    seed: Seed = 0,
) -> PairedComparison:
    """Compare two models on the same items.

    Args:
        a: (N,) scores; items with NaN on either side are dropped.
        b: (N,) scores of the same items. Two equal infinities count as no difference.
        resamples: (B, N) shared indices for the interval, used where no item is dropped.
        permutations: random sign changes beyond 13 items; up to there the test is exact.
        seed: integer seed, or the generator to draw from.

    Raises:
        ValueError: if the shapes differ or no item is left.
    """
    left, right = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if left.shape != right.shape or left.ndim != 1:
        raise ValueError(f"a {left.shape} and b {right.shape} must both be (N,), item by item")
    keep = ~(np.isnan(left) | np.isnan(right))
    n = int(keep.sum())
    if not n:
        raise ValueError("a and b have no item with both scores")
    left, right = left[keep], right[keep]
    difference = np.zeros(n)
    np.subtract(left, right, out=difference, where=left != right)
    rng = np.random.default_rng(seed)
    shared = resamples if resamples is not None and n == keep.size else None
    drawn = resample_indices(n, seed=rng) if shared is None else shared
    with np.errstate(invalid="ignore"):  # inf - inf: the mean is NaN, and said to be
        low, high = bootstrap_interval(difference, resamples=drawn)
        middle = float(difference.mean())
    return PairedComparison(
        difference=middle,
        low=float(low),
        high=float(high),
        p=_sign_flip(difference, permutations, rng),
        items=n,
    )


def holm(p: ArrayLike) -> Floats:
    """Adjust p-values for their number (Holm, Scandinavian Journal of Statistics 6, 1979).

    Args:
        p: (K,) p-values; NaN stays NaN and does not count.

    Returns:
        (K,) adjusted p-values, in the order of ``p``.
    """
    values = np.asarray(p, np.float64)
    order = np.argsort(values)[: int(np.sum(~np.isnan(values)))]
    factors = np.arange(order.size, 0, -1)
    adjusted = np.full(values.shape, np.nan)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(factors * values[order]))
    return adjusted


def _sign_flip(difference: Floats, permutations: int, rng: np.random.Generator) -> float:
    """Return the two-sided p-value of a zero mean under exchangeable signs."""
    if not np.all(np.isfinite(difference)):
        return float("nan")
    n = difference.size
    exact = n <= _EXACT_ITEMS
    if exact:
        codes = np.arange(2**n)[:, None] >> np.arange(n) & 1
    else:
        codes = rng.integers(0, 2, (permutations, n), np.int8)
    sums = np.abs((1.0 - 2.0 * codes) @ difference)
    observed = abs(float(difference.sum()))
    # Sums that are equal on paper must count as equal.
    extreme = int(np.sum(sums >= observed - 1e-12 * np.abs(difference).sum()))
    # The observed signs are among the exact ones; of the random ones they are one more.
    return extreme / 2**n if exact else (1 + extreme) / (1 + permutations)
