"""Linear representations: principal and independent components."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from harness import note
from harness_plugins.causal.interface import Diverged, Observations
from harness_plugins.causal_baselines.checkpoints import pack, unpack

__all__ = ["ICA", "PCA", "fast_ica"]

Floats = NDArray[np.float64]

_IMAGE_LATENTS = 4
_MOST = 4000  # observations of which components of images are computed
_ITERATIONS, _TOLERANCE = 200, 1e-6


class PCA:
    """Principal components of observations, each with variance 1; pairs are not used as such.

    Args:
        latents: k; None for the numbers in a vector, 4 for images. There are no more of them
            than numbers in an observation.
    """

    def __init__(self, *, latents: int | None = None) -> None:
        self.latents = latents

    def fit(self, pairs: Observations, val: Observations, seed: int, budget: int) -> bytes:  # noqa: ARG002
        """Learn; see :class:`harness_plugins.causal.interface.CausalModel`."""
        x, examples = _observations(pairs, seed, budget)
        note("examples", examples)
        images = pairs.dtype == np.uint8
        k = min(self.latents or (_IMAGE_LATENTS if images else x.shape[1]), x.shape[1])
        mean = x.mean(axis=0)
        whiten, colour = _whitening(x - mean, k)
        turn = self._turn((x - mean) @ whiten, seed)
        return pack({}, {"mean": mean, "into": whiten @ turn.T, "out": turn @ colour})

    def load(self, checkpoint: bytes) -> None:
        """Become the model of a checkpoint."""
        _, arrays = unpack(checkpoint)
        self.mean, self.into, self.out = arrays["mean"], arrays["into"], arrays["out"]

    def encode(self, x: Observations) -> Floats:
        """Return the components, (n, k)."""
        return np.concatenate(
            [(_flat(x[at : at + 1000]) - self.mean) @ self.into for at in range(0, len(x), 1000)]
        )

    def intervene(self, x: Observations, target: NDArray[np.int64], value: Floats) -> Observations:
        """Return observations with one component set and all else as it was."""
        change = value - self.encode(x)[np.arange(len(x)), target]
        found = x + (change[:, None] * self.out[target]).reshape(x.shape)
        if x.dtype == np.uint8:
            return np.clip(np.rint(found), 0, 255).astype(np.uint8)
        return found

    def _turn(self, white: Floats, seed: int) -> Floats:  # noqa: ARG002
        """Return the rotation (k, k) that white components are given."""
        return np.eye(white.shape[1])


class ICA(PCA):
    """Independent components by FastICA, symmetric, with log cosh (Hyvärinen 1999).

    Where the variables are Gaussian, as in ``linear_son``, every rotation is as good: it cannot
    identify them, and its last iterate is as good as any.
    """

    def _turn(self, white: Floats, seed: int) -> Floats:
        turn, iterations, converged = fast_ica(white, seed)
        note("iterations", iterations)
        note("converged", converged)
        if not np.all(np.isfinite(turn)):
            raise Diverged("the components are no longer finite")
        return turn


def fast_ica(white: Floats, seed: int) -> tuple[Floats, int, bool]:
    """Return the rotation (k, k) of white data (n, k) to independent components.

    Also the number of iterations, and whether it converged in 200.
    """
    turn = _orthogonal(np.random.default_rng(seed).standard_normal((white.shape[1],) * 2))
    moved, iterations = np.inf, 0
    while moved >= _TOLERANCE and iterations < _ITERATIONS:
        response = np.tanh(white @ turn.T)
        slope = (1 - response**2).mean(axis=0)
        new = _orthogonal(response.T @ white / len(white) - slope[:, None] * turn)
        moved = np.abs(np.abs((new * turn).sum(axis=1)) - 1).max()
        turn, iterations = new, iterations + 1
    return turn, iterations, bool(moved < _TOLERANCE)


def _observations(pairs: Observations, seed: int, budget: int) -> tuple[Floats, int]:
    """Return observations (n, m) of as many pairs as the budget has, and how many pairs."""
    most = min(budget, len(pairs))
    if pairs.dtype == np.uint8:
        most = min(most, _MOST // pairs.shape[1])
    chosen = np.random.default_rng(seed).permutation(len(pairs))[:most]
    return _flat(pairs[np.sort(chosen)].reshape(-1, *pairs.shape[2:])), most


def _flat(x: Observations) -> Floats:
    return x.reshape(len(x), -1).astype(np.float64)


def _whitening(centred: Floats, k: int) -> tuple[Floats, Floats]:
    """Return the map to k white components (m, k) and back (k, m).

    Of images there are fewer than pixels, so the smaller Gram matrix is decomposed.
    """
    n, m = centred.shape
    if m <= n:
        values, vectors = np.linalg.eigh(centred.T @ centred / n)
        values, vectors = values[::-1][:k], vectors[:, ::-1][:, :k]
    else:
        values, left = np.linalg.eigh(centred @ centred.T / n)
        values, left = values[::-1][:k], left[:, ::-1][:, :k]
        vectors = centred.T @ left / np.sqrt(n * np.maximum(values, 1e-12))
    deviations = np.sqrt(np.maximum(values, 1e-12))
    return vectors / deviations, (vectors * deviations).T


def _orthogonal(matrix: Floats) -> Floats:
    """Return the nearest orthogonal matrix."""
    left, _, right = np.linalg.svd(matrix)
    return left @ right
