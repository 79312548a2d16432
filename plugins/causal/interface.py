"""What a model of the causal family does: learn variables and a graph from pairs."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["CausalModel", "Diverged", "Lacking"]

Observations = NDArray[np.float32] | NDArray[np.uint8]
Floats = NDArray[np.float64]


class CausalModel(Protocol):
    """A representation learned from observations before and after an intervention.

    Observations are float32 (n, m) vectors or uint8 (n, H, W, 3) images. The model has k
    latents, whatever the number d of true variables; it is never told d.

    Optional methods; where one is missing, the metrics that need it are ``skipped``:

    - ``adjacency() -> (k, k)`` float in [0, 1]: [i, j] is the strength of the edge from latent i
      to latent j;
    - ``infer_intervention(x, x_after) -> (n, k + 1)`` probabilities: column 0 that nothing was
      intervened on, column i + 1 that latent i was;
    - ``intervene(x, target, value) -> x_after``: the counterfactual observation, float (n, m) or
      uint8 images; ``target`` int64 (n,) latents, ``value`` float64 (n,) in the units of
      ``encode``;
    - ``sample(n, seed) -> observations``;
    - ``log_prob(x, x_after) -> (n,)`` log density of each pair in nats; of the x alone where
      ``x_after`` is None.

    A row that the suite calls privileged is given the truth where its ``fit``, ``encode``,
    ``adjacency`` or ``infer_intervention`` has a parameter ``truth``: the dict of arrays that
    :mod:`harness_plugins.causal.stages` describes.
    """

    def fit(self, pairs: Observations, val: Observations, seed: int, budget: int) -> bytes:
        """Learn, and return a checkpoint from which :meth:`load` makes the same model.

        Args:
            pairs: (n, 2, m) or (n, 2, H, W, 3): before and after; (n, 1, ...) where the data
                has no pairs.
            val: the same for validation; restarts are chosen by it.
            seed: of everything random.
            budget: examples (pairs) that training may look at, repetitions counted, over all
                restarts.

        Raises:
            Diverged: the loss is no longer finite.
        """
        ...

    def load(self, checkpoint: bytes) -> None:
        """Become the model that a checkpoint holds."""
        ...

    def encode(self, x: Observations) -> Floats:
        """Return the latents of observations: (n, k)."""
        ...


class Diverged(ArithmeticError):  # noqa: N818 - an outcome, not a mistake
    """Training left the finite numbers."""

    outcome = "nonfinite"


class Lacking(Exception):  # noqa: N818 - an outcome, not a mistake
    """The model cannot do what a stage asks for, or the data has nothing to ask."""

    outcome = "skipped"
