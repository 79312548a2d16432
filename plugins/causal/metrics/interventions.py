"""Whether a model tells what was intervened on.

Counted are the test pairs with one target or none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from harness_plugins.causal.interface import Lacking
from harness_plugins.causal.metrics.samples import WrongFormError, assign

__all__ = ["accuracy", "accuracy_strict"]

Arrays = Mapping[str, np.ndarray]
Floats = NDArray[np.float64]


def accuracy() -> Callable[[Arrays, Floats], float]:
    """Make the metric: share of test pairs whose target is told, under the best naming.

    Latents are assigned to true variables so that the share is the largest, by a linear
    assignment; "none" stays "none". The callable takes ``truth`` and ``posterior`` (t, k + 1),
    of which the most probable column counts, the first of equals. It raises ``Lacking`` where
    no test pair has a single target.
    """
    return _accuracy


def accuracy_strict() -> Callable[[Arrays, Floats, Arrays], float]:
    """Make the metric: the same with the naming that the latents' values give (``match``).

    A model can only reach it that changes the latent it names. The callable takes ``truth``,
    ``posterior`` (t, k + 1) and ``match``.
    """
    return _accuracy_strict


def _accuracy(truth: Arrays, posterior: Floats) -> float:
    told = _confusion(truth, posterior)
    return _share(told, assign(told[1:, 1:]))


def _accuracy_strict(truth: Arrays, posterior: Floats, match: Arrays) -> float:
    k = match["correlation"].shape[1]
    if posterior.shape[1] != k + 1:
        raise WrongFormError(
            f"infer_intervention() gave {posterior.shape[1]} columns, expected {k} latents and one"
        )
    return _share(_confusion(truth, posterior), match["latent"])


def _confusion(truth: Arrays, posterior: Floats) -> Floats:
    """Count pairs by what was intervened on and what was told, (d + 1, k + 1); 0 is nothing."""
    targets = truth["targets"]
    many = targets.sum(axis=1)
    if not (many == 1).any():
        raise Lacking("no test pair has a single target")
    kept = many <= 1
    done = np.where(many == 1, targets.argmax(axis=1) + 1, 0)[kept]
    counts = np.zeros((targets.shape[1] + 1, posterior.shape[1]))
    np.add.at(counts, (done, posterior.argmax(axis=1)[kept]), 1)
    return counts


def _share(told: Floats, latent: NDArray[np.int64]) -> float:
    known = np.flatnonzero(latent >= 0)
    right = told[0, 0] + told[known + 1, latent[known] + 1].sum()
    return float(right / told.sum())
