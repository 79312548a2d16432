"""Bounds that are told the truth. A suite says ``privileged: true`` for their rows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from harness import note
from harness_plugins.causal.interface import Lacking, Observations

__all__ = ["PrivilegeError", "RotatedLatents", "TrueLatents", "TrueNoise", "need"]

Floats = NDArray[np.float64]
Arrays = Mapping[str, np.ndarray]


class PrivilegeError(Exception):
    """A model that needs the truth was not given it."""

    outcome = "invalid"


def need(truth: Arrays | None) -> Arrays:
    """Return the truth.

    Raises:
        PrivilegeError: there is none, because the row is not privileged.
    """
    if truth is None:
        raise PrivilegeError(
            "this model is told the truth; say 'privileged: true' for this row in the suite"
        )
    return truth


class TrueLatents:
    """The true variables."""

    def fit(
        self,
        pairs: Observations,  # noqa: ARG002
        val: Observations,  # noqa: ARG002
        seed: int,
        budget: int,  # noqa: ARG002
        truth: Arrays | None = None,
    ) -> bytes:
        """Learn nothing; keep the seed."""
        need(truth)
        note("examples", 0)
        return str(seed).encode()

    def load(self, checkpoint: bytes) -> None:
        """Become the model of a checkpoint."""
        self.seed = int(checkpoint)

    def encode(self, x: Observations, truth: Arrays | None = None) -> Floats:  # noqa: ARG002
        """Return the true variables of the observations, (n, d)."""
        return np.asarray(need(truth)["z"], np.float64)

    def adjacency(self, truth: Arrays | None = None) -> Floats:
        """Return the true graph, (d, d)."""
        return need(truth)["adjacency"].astype(np.float64)

    def infer_intervention(
        self,
        x: Observations,  # noqa: ARG002
        x_after: Observations,  # noqa: ARG002
        truth: Arrays | None = None,
    ) -> Floats:
        """Return the true targets, (n, d + 1); several targets share the probability."""
        targets = need(truth)["targets"].astype(np.float64)
        none = 1 - targets.max(axis=1, keepdims=True)
        return np.concatenate([none, targets], axis=1) / np.maximum(
            targets.sum(axis=1, keepdims=True), 1
        )


class TrueNoise:
    """The exogenous noise of each variable: disentangled, and not causal."""

    fit, load = TrueLatents.fit, TrueLatents.load
    infer_intervention = TrueLatents.infer_intervention

    def encode(self, x: Observations, truth: Arrays | None = None) -> Floats:  # noqa: ARG002
        """Return the true noises, (n, d)."""
        known = need(truth)
        if "noise" not in known:
            raise Lacking("the noise of this data is not known")
        return np.asarray(known["noise"], np.float64)


class RotatedLatents:
    """The true variables under one fixed random rotation: all is there, and entangled."""

    fit, load = TrueLatents.fit, TrueLatents.load

    def encode(self, x: Observations, truth: Arrays | None = None) -> Floats:  # noqa: ARG002
        """Return rotated variables, (n, d)."""
        z = np.asarray(need(truth)["z"], np.float64)
        start = np.random.default_rng(self.seed).standard_normal((z.shape[1],) * 2)
        turn, triangle = np.linalg.qr(start)
        return z @ (turn * np.sign(np.diag(triangle))).T
