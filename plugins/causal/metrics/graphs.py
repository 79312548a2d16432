"""The recovered graph against the true one, aligned by the variables.

The alignment is that of :func:`harness_plugins.causal.metrics.alignment.match`: it knows nothing
of graphs. Edges of variables that no latent matches are missing; of latents that match none,
they are not counted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from harness_plugins.causal.interface import Lacking
from harness_plugins.causal.metrics.alignment import aligned

__all__ = ["auroc", "shd"]

Arrays = Mapping[str, np.ndarray]
Floats = NDArray[np.float64]

_THRESHOLD = 0.5  # an edge is recovered where its strength is above; never chosen by the truth


def shd(*, reversal: int) -> Callable[[Arrays, Floats, Arrays], float]:
    """Make the metric: the structural Hamming distance.

    The callable takes ``truth``, ``adjacency`` (k, k) and ``match``; an edge is recovered where
    its strength exceeds 0.5.

    Args:
        reversal: what a reversed edge counts: 1, as in Tsamardinos et al. 2006, gCastle and
            causal-learn; or 2, one missing and one extra, as in cdt's default.
    """

    def score(truth: Arrays, adjacency: Floats, match: Arrays) -> float:
        true, found = truth["adjacency"] > 0, aligned(adjacency, match) > _THRESHOLD
        wrong = true != found
        np.fill_diagonal(wrong, val=False)
        return float(np.triu(wrong | wrong.T).sum() if reversal == 1 else wrong.sum())

    return score


def auroc() -> Callable[[Arrays, Floats, Arrays], float]:
    """Make the metric: how likely a true edge is stronger than an absent one, ties counting ½.

    Over all ordered pairs of true variables. The callable takes ``truth``, ``adjacency`` (k, k)
    and ``match``; it raises ``Lacking`` where the true graph has no edge, or every one.
    """
    return _auroc


def _auroc(truth: Arrays, adjacency: Floats, match: Arrays) -> float:
    from scipy.stats import rankdata

    pairs = ~np.eye(len(truth["adjacency"]), dtype=bool)
    true, strength = truth["adjacency"][pairs] > 0, aligned(adjacency, match)[pairs]
    edges = int(true.sum())
    if edges in (0, true.size):
        has = "no edge" if edges == 0 else "every edge"
        raise Lacking(f"the true graph has {has}: there is nothing to tell apart")
    above = rankdata(strength)[true].sum() - edges * (edges + 1) / 2
    return float(above / (edges * (true.size - edges)))
