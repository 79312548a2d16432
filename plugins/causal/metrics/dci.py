"""Disentanglement, completeness and informativeness from weights of importance.

Eastwood and Williams, A framework for the quantitative evaluation of disentangled
representations, ICLR 2018, equations 2 to 4.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from harness_plugins.causal.interface import Lacking

__all__ = ["completeness", "disentanglement", "informativeness"]

Floats = NDArray[np.float64]
Importance = Mapping[str, Floats]


def disentanglement() -> Callable[[Importance], float]:
    """Make the metric: whether each latent matters for one true variable only.

    Σ_i w_i (1 − H_d(P_i)) with P_i = R_i / ΣR_i and w_i = ΣR_i / ΣΣR over the weights R (k, d);
    H_d is the entropy to base d. 0 where no latent matters at all. The callable raises
    ``Lacking`` where there is one true variable: the base would be 1.
    """
    return _disentanglement


def completeness() -> Callable[[Importance], float]:
    """Make the metric: whether each true variable is told by one latent only.

    Disentanglement of the transposed weights. The callable raises ``Lacking`` where there is one
    latent.
    """
    return _completeness


def informativeness() -> Callable[[Importance], float]:
    """Make the metric: the mean over true variables of R² from all latents, negative ones as 0."""
    return _informativeness


def _disentanglement(importance: Importance) -> float:
    weights = np.asarray(importance["weights"], np.float64)
    if weights.shape[1] == 1:
        raise Lacking("there is one true variable: disentanglement is not defined")
    return _focus(weights)


def _completeness(importance: Importance) -> float:
    weights = np.asarray(importance["weights"], np.float64)
    if weights.shape[0] == 1:
        raise Lacking("there is one latent: completeness is not defined")
    return _focus(weights.T)


def _informativeness(importance: Importance) -> float:
    return float(np.clip(importance["r2"], 0.0, 1.0).mean())


def _focus(weights: Floats) -> float:
    """Return 1 minus the entropy of the rows, each weighted by its sum."""
    sums = weights.sum(axis=1)
    if not sums.sum() > 0:
        return 0.0
    shares = weights[sums > 0] / sums[sums > 0, None]
    terms = shares * np.log(shares, out=np.zeros_like(shares), where=shares > 0)
    focus = 1 + terms.sum(axis=1) / np.log(weights.shape[1])
    return float(np.clip(np.average(focus, weights=sums[sums > 0]), 0.0, 1.0))
