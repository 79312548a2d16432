"""Statistics of runs by tasks, as reinforcement learning is reported.

Definitions of Agarwal et al., "Deep Reinforcement Learning at the Edge of the Statistical
Precipice", NeurIPS 2021; their names are kept. All are pure, and vectorised over leading axes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from harness.stats.bootstrap import Floats

__all__ = ["cvar", "optimality_gap", "performance_profile", "probability_of_improvement"]


def cvar(values: ArrayLike, share: float = 0.1) -> Floats:
    """Return the mean of the worst ``share`` of the values over the last axis.

    The conditional value at risk of a return: ``share * N`` values are averaged, the last of
    them by the fraction of it that still counts, so that the result is continuous in the share.

    Args:
        values: (..., N), N at least 1; the lowest are the worst.
        share: in (0, 1].

    Raises:
        ValueError: if the share lies outside its range.
    """
    if not 0 < share <= 1:
        raise ValueError(f"share must lie in (0, 1], got {share}")
    ordered = np.sort(np.asarray(values, np.float64), axis=-1)
    n = ordered.shape[-1]
    counted = min(max(share * n, 1.0), float(n))  # at least one value stands for the tail
    weights = np.clip(counted - np.arange(n), 0.0, 1.0)
    taken = weights > 0  # an infinite value beyond the tail must not touch it
    return np.asarray((ordered[..., taken] * weights[taken]).sum(axis=-1) / counted)


def optimality_gap(scores: ArrayLike, target: float = 1.0) -> Floats:
    """Return by how much scores fall short of a target, on average over the last axis."""
    return np.asarray(target - np.minimum(np.asarray(scores, np.float64), target).mean(axis=-1))


def performance_profile(scores: ArrayLike, thresholds: ArrayLike) -> Floats:
    """Return the share of scores that lie strictly above each threshold.

    Args:
        scores: (..., N).
        thresholds: (K,).

    Returns:
        (..., K) in [0, 1].
    """
    ordered = np.sort(np.asarray(scores, np.float64), axis=-1)
    taus = np.asarray(thresholds, np.float64)
    n = ordered.shape[-1]
    flat = ordered.reshape(-1, n)
    below = np.stack([np.searchsorted(row, taus, side="right") for row in flat])
    return np.asarray(1.0 - below.reshape(*ordered.shape[:-1], taus.size) / n)


def probability_of_improvement(ours: ArrayLike, theirs: ArrayLike) -> Floats:
    """Return P(X > Y): how likely a run of ours beats one of theirs on the same task.

    Ties count one half (the Mann-Whitney statistic), and tasks count alike. It is above 1/2
    where *ours* is the better one.

    Args:
        ours: (..., R runs, T tasks); higher is better.
        theirs: (..., Q runs, T tasks), with the same leading axes.

    Returns:
        (...) in [0, 1].
    """
    x = np.asarray(ours, np.float64)[..., :, None, :]
    y = np.asarray(theirs, np.float64)[..., None, :, :]
    return np.asarray(((x > y) + 0.5 * (x == y)).mean(axis=(-3, -2, -1)))
