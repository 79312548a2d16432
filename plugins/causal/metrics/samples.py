"""What the metrics of this family share: halves of the test pairs, correlations, assignments.

Half A is where regressors and assignments are learned, half B where they are judged. The halves
are the same for every model and seed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness_plugins.causal.interface import Lacking

__all__ = ["WrongFormError", "assign", "correlate", "halves", "rank", "unit", "variables"]

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

_FLAT = 1e-12  # a column that spreads less, relative to its size, is constant but for rounding


class WrongFormError(ValueError):
    """A model gave something whose form does not fit its other answers."""

    outcome = "invalid"


def halves(n: int, least: int) -> tuple[Indices, Indices]:
    """Return the rows of halves A and B: a shuffle under a fixed seed, cut in the middle.

    Shuffled, since published data come in an order; with sorted indices. A has ⌊n/2⌋ rows.

    Raises:
        Lacking: there are fewer than ``least`` rows.
    """
    if n < least:
        raise Lacking(f"{n} test pairs are too few: at least {least} are needed")
    order = np.random.default_rng(0).permutation(n)
    return np.sort(order[: n // 2]), np.sort(order[n // 2 :])


def variables(truth: ArrayLike) -> Floats:
    """Return the true variables (n, d) as float64.

    Raises:
        Lacking: one of them is constant, so nothing can be said about how well it is recovered.
    """
    z = np.asarray(truth, np.float64)
    _, flat = _centred(z)
    if flat.any():
        raise Lacking(f"true variable {flat.argmax()} is constant in the test pairs")
    return z


def unit(x: Floats) -> Floats:
    """Return columns moved to mean 0, their largest deviation scaled to 1; constants as zeros."""
    found, flat = _centred(x)
    largest = np.maximum(found.max(axis=0), -found.min(axis=0))
    found /= np.where(flat, 1.0, largest)
    return found


def correlate(one: Floats, other: Floats) -> Floats:
    """Return the absolute Pearson correlation (d, k) of the columns of (n, d) and (n, k).

    A constant column correlates with nothing: 0.
    """
    (x, _), (y, _) = _centred(one), _centred(other)
    norms = [np.sqrt(np.einsum("ij,ij->j", m, m)) for m in (x, y)]
    scale = np.outer(*norms)
    found: Floats = np.abs(x.T @ y) / np.where(scale > 0, scale, 1.0)
    return np.minimum(found, 1.0)


def rank(x: Floats) -> Floats:
    """Return the ranks within each column, ties by their mean."""
    from scipy.stats import rankdata

    return np.asarray(rankdata(x, axis=0), np.float64)


def assign(gain: Floats) -> NDArray[np.int64]:
    """Return the column (d,) assigned to each row so that the sum of gains is the largest.

    Each column is used once at most. A row that gets none, or one without gain, has −1.
    """
    from scipy.optimize import linear_sum_assignment

    found = np.full(gain.shape[0], -1, np.int64)
    rows, columns = linear_sum_assignment(gain, maximize=True)
    useful = gain[rows, columns] > 0
    found[rows[useful]] = columns[useful]
    return found


def _centred(x: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Return columns of mean 0 and which are constant, those as zeros.

    Each is divided by its largest size first: squares and sums of huge values would overflow.
    """
    high, low = x.max(axis=0), x.min(axis=0)
    size = np.maximum(np.abs(high), np.abs(low))
    size = np.where(size > 0, size, 1.0)
    flat = high / size - low / size <= _FLAT
    found: Floats = x / size
    found -= found.mean(axis=0)
    if flat.any():
        found[:, flat] = 0
    return found, flat
