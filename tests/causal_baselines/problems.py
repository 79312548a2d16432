"""Small problems, and models by their declarations."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from harness import spec
from harness_plugins.causal_baselines import harness_models

MODELS: dict[str, spec.Model] = {model.name: model for model in harness_models()}
LATENT = ("ilcm", "elcm", "dvae", "beta_vae")
PAIRED = ("ilcm", "elcm", "dvae")
ORACLES = ("true_latents", "true_noise", "rotated_latents")
PRIVILEGED = ("supervised", *ORACLES)


def build(name: str, **params: Any) -> Any:
    """Return what the factory of a model makes."""
    model = MODELS[name]
    module, _, attribute = model.factory.partition(":")
    return getattr(importlib.import_module(module), attribute)(**{**model.params, **params})


def linear_pairs(n: int, seed: int, weight: float = 1.5) -> dict[str, np.ndarray]:
    """Return pairs of z_0 ~ N(0, 1), z_1 = w z_0 + N(0, 1), rotated by 0.6 radians."""
    rng = np.random.default_rng(seed)
    noise, new = rng.standard_normal((2, n, 2))
    target = rng.integers(0, 3, n)
    targets = target[:, None] == np.array([1, 2])
    z = np.empty((n, 2, 2))
    z[:, 0, 0] = noise[:, 0]
    z[:, 0, 1] = weight * z[:, 0, 0] + noise[:, 1]
    z[:, 1, 0] = np.where(targets[:, 0], new[:, 0], noise[:, 0])
    z[:, 1, 1] = np.where(targets[:, 1], new[:, 1], weight * z[:, 1, 0] + noise[:, 1])
    turn = np.array([[np.cos(0.6), -np.sin(0.6)], [np.sin(0.6), np.cos(0.6)]])
    return {"x": (z @ turn.T).astype(np.float32), "z": z, "targets": targets}


def images(n: int, seed: int, side: int = 16) -> np.ndarray:
    """Return pairs of noisy pictures (n, 2, side, side, 3)."""
    rng = np.random.default_rng(seed)
    colours = rng.integers(0, 200, (n, 2, 1, 1, 3))
    return (colours + rng.integers(0, 56, (n, 2, side, side, 3))).astype(np.uint8)
