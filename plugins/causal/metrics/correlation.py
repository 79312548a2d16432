"""How well single latents follow the true variables: correlations, and R² of regressions."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from harness_plugins.causal.interface import Lacking
from harness_plugins.causal.metrics.samples import assign, correlate, halves, rank, variables

__all__ = ["mean_corr_coef", "r2_diagonal", "r2_off_diagonal"]

Arrays = Mapping[str, np.ndarray]
Floats = NDArray[np.float64]

_LEAST = 20  # test pairs


def mean_corr_coef(*, ranks: bool, held_out: bool) -> Callable[[Arrays, Arrays], float]:
    """Make the metric: mean absolute correlation of true variables with latents assigned to them.

    Hyvärinen and Morioka, NeurIPS 2016. The callable takes ``truth`` and ``codes``. A variable
    without a latent of its own counts 0.

    Args:
        ranks: Spearman's correlation instead of Pearson's.
        held_out: assign in half A and measure in half B; else do both on all test pairs, where
            chance is higher.

    Raises:
        Lacking: (the callable) fewer than 20 test pairs, or a constant true variable.
    """

    def score(truth: Arrays, codes: Arrays) -> float:
        z, found = variables(truth["z"]), np.asarray(codes["before"], np.float64)
        learn, judge = halves(len(z), _LEAST)
        if held_out:
            latent = assign(_correlations(z[learn], found[learn], ranks))
            measured = _correlations(z[judge], found[judge], ranks)
        else:
            measured = _correlations(z, found, ranks)
            latent = assign(measured)
        return float(_of_assigned(measured, latent).mean())

    return score


def r2_diagonal() -> Callable[[Floats], float]:
    """Make the metric: mean R² of each true variable from the latent assigned to it.

    Lippe et al., CITRIS, ICML 2022. The callable takes ``predictability`` (d, k). Latents are
    assigned so that the mean is the largest; a variable without one counts 0.
    """
    return _r2_diagonal


def r2_off_diagonal() -> Callable[[Floats], float]:
    """Make the metric: mean, over true variables, of the best R² from a latent of another.

    The callable takes ``predictability`` (d, k), and raises ``Lacking`` where there is one
    latent. True variables that depend on each other have some of it even if all is recovered.
    """
    return _r2_off_diagonal


def _correlations(z: Floats, codes: Floats, ranks: bool) -> Floats:
    return correlate(rank(z), rank(codes)) if ranks else correlate(z, codes)


def _of_assigned(values: Floats, latent: NDArray[np.int64]) -> Floats:
    picked = values[np.arange(len(values)), latent]
    return np.where(latent >= 0, picked, 0.0)


def _r2_diagonal(predictability: Floats) -> float:
    return float(_of_assigned(predictability, assign(predictability)).mean())


def _r2_off_diagonal(predictability: Floats) -> float:
    if predictability.shape[1] == 1:
        raise Lacking("there is one latent: no other could tell of a variable")
    latent = assign(predictability)
    others = predictability.copy()
    known = np.flatnonzero(latent >= 0)
    others[known, latent[known]] = 0
    return float(others.max(axis=1).mean())
