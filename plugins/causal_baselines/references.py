"""Models that need no training of their own: linear ones, and oracles that are told the truth."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from harness_plugins.causal.interface import Observations
from harness_plugins.causal_baselines.checkpoints import pack, unpack

__all__ = ["Linear", "NotPrivilegedError", "Oracle", "Supervised"]

Floats = np.ndarray
Truth = Mapping[str, np.ndarray]

_PIXELS = 8  # images are reduced to this side before anything linear
_ROWS = 20_000  # observations a linear map is learned from


class NotPrivilegedError(ValueError):
    """A row asks for the truth, and the suite does not allow it."""

    outcome = "invalid"

    def __init__(self) -> None:
        super().__init__("it is told the truth: say 'privileged: true' for this row in the suite")


class Linear:
    """Whitened principal components, or independent components of them (FastICA).

    Args:
        method: ``pca`` or ``ica`` (Hyvärinen, IEEE Transactions on Neural Networks 10, 1999).
        latents: k; None is the dimension of vectors, and 4 for images.
    """

    def __init__(self, method: str, latents: int | None) -> None:
        self._method, self._latents = method, latents

    def fit(self, pairs: Observations, _val: Observations, seed: int, budget: int) -> bytes:
        """Learn the map from single observations."""
        flat = _vectors(pairs.reshape(-1, *pairs.shape[2:])[: min(_ROWS, 2 * budget)])
        k = self._latents or (4 if pairs.dtype == np.uint8 else flat.shape[1])
        k = min(k, *flat.shape)
        mean = flat.mean(axis=0)
        _, sizes, rows = np.linalg.svd(flat - mean, full_matrices=False)
        unmix = rows[:k] * (np.sqrt(len(flat)) / np.maximum(sizes[:k], 1e-12))[:, None]
        if self._method == "ica":
            unmix = _rotation((flat - mean) @ unmix.T, seed) @ unmix
        return pack({}, {"mean": mean, "unmix": unmix})

    def load(self, checkpoint: bytes) -> None:
        """Restore the map."""
        self._arrays = unpack(checkpoint)[1]

    def encode(self, x: Observations) -> Floats:
        """Return the components: (n, k)."""
        return (_vectors(x) - self._arrays["mean"]) @ self._arrays["unmix"].T


class Supervised:
    """A regression of the true variables: how much the observations tell, the upper bound.

    Args:
        iterations: of the perceptron's training.
    """

    def __init__(self, iterations: int) -> None:
        self._iterations = iterations

    def fit(
        self,
        pairs: Observations,
        _val: Observations,
        seed: int,
        budget: int,
        truth: Truth | None = None,
    ) -> bytes:
        """Fit a perceptron from observations to the true variables.

        Raises:
            NotPrivilegedError: there is no truth.
        """
        if truth is None:
            raise NotPrivilegedError
        from sklearn.neural_network import MLPRegressor

        rows = min(_ROWS, len(pairs))
        x = _vectors(pairs[:rows, 0], side=16)
        z = truth["z"][:rows, 0]
        about = {"x_mean": x.mean(0), "x_std": x.std(0) + 1e-9, "z_mean": z.mean(0)}
        about["z_std"] = z.std(0) + 1e-9
        passes = max(1, min(self._iterations, budget // rows))
        net = MLPRegressor((128, 128), max_iter=passes, random_state=seed, tol=0.0)
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it is told how long to train, not to converge
            net.fit((x - about["x_mean"]) / about["x_std"], (z - about["z_mean"]) / about["z_std"])
        layers = {f"w{i}": w for i, w in enumerate(net.coefs_)}
        layers |= {f"b{i}": b for i, b in enumerate(net.intercepts_)}
        return pack({"layers": len(net.coefs_)}, about | layers)

    def load(self, checkpoint: bytes) -> None:
        """Restore the perceptron."""
        self._config, self._arrays = unpack(checkpoint)

    def encode(self, x: Observations) -> Floats:
        """Return the predicted variables: (n, d)."""
        a = self._arrays
        values = (_vectors(x, side=16) - a["x_mean"]) / a["x_std"]
        last = self._config["layers"] - 1
        for layer in range(last + 1):
            values = values @ a[f"w{layer}"] + a[f"b{layer}"]
            values = values if layer == last else np.maximum(values, 0)
        return values.reshape(len(x), -1) * a["z_std"] + a["z_mean"]


class Oracle:
    """Is told the truth and gives it, whole or spoiled in one way: what metrics must tell apart.

    Args:
        gives: ``variables``; ``noise``, the noise encodings, disentangled and not causal; or
            ``rotation``, the variables turned by 45 degrees in each plane of neighbours.
    """

    def __init__(self, gives: str) -> None:
        self._gives = gives

    def fit(self, _pairs: Observations, _val: Observations, _seed: int, _budget: int) -> bytes:
        """Learn nothing."""
        return b"oracle"

    def load(self, _checkpoint: bytes) -> None:
        """Restore nothing."""

    def encode(self, _x: Observations, truth: Truth | None = None) -> Floats:
        """Return what it is told: (n, d)."""
        told = _told(truth)
        if self._gives == "noise":
            return told["noise"]
        z = told["z"] / told["z"].std(axis=0)
        return z @ _turns(z.shape[1]) if self._gives == "rotation" else told["z"]

    def adjacency(self, truth: Truth | None = None) -> Floats:
        """Return the true graph of variables; noises have none."""
        graph = np.asarray(_told(truth)["adjacency"], np.float64)
        return np.zeros_like(graph) if self._gives == "noise" else graph

    def infer_intervention(
        self, _x: Observations, _after: Observations, truth: Truth | None = None
    ) -> Floats:
        """Return what was intervened on, for sure; several targets share the probability."""
        targets = np.asarray(_told(truth)["targets"], np.float64)
        none = (targets.sum(axis=1) == 0).astype(np.float64)
        found = np.column_stack([none, targets])
        return found / found.sum(axis=1, keepdims=True)


def _told(truth: Truth | None) -> Truth:
    if truth is None:
        raise NotPrivilegedError
    return truth


def _turns(d: int) -> Floats:
    """Return a rotation (d, d): 45 degrees in each plane of neighbouring axes, in turn."""
    turned = np.eye(d)
    for i in range(d - 1):
        plane = np.eye(d)
        plane[i : i + 2, i : i + 2] = np.sqrt(0.5) * np.array([[1, -1], [1, 1]])
        turned = turned @ plane
    return turned


def _rotation(white: Floats, seed: int) -> Floats:
    """Return the rotation (k, k) to independent components: FastICA, symmetric, log cosh."""
    import warnings

    from sklearn.decomposition import FastICA

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Gaussian noises have no rotation to converge to
        ica = FastICA(whiten=False, random_state=seed, max_iter=300)
        ica.fit(white)
    return np.asarray(ica.components_)


def _vectors(x: Observations, side: int = _PIXELS) -> Floats:
    """Return observations as float64 vectors; images averaged to ``side`` x ``side`` blocks."""
    if x.dtype != np.uint8:
        return np.asarray(x, np.float64)
    n, height, width, channels = x.shape
    if height % side or width % side:
        return x.reshape(n, -1).astype(np.float64) / 255
    blocks = x.reshape(n, side, height // side, side, width // side, channels)
    return blocks.mean(axis=(2, 4)).reshape(n, -1) / 255
