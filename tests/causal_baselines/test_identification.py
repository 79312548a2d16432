"""What the models are here for, on small problems of two variables and one edge."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from harness_plugins.causal_baselines.mechanisms import Explicit
from tests.causal_baselines.problems import build, linear_pairs

BUDGET = 10**7
STEPS = 2400


@cache
def learn(name: str, seed: int, **params: Any) -> tuple[Any, dict[str, np.ndarray], np.ndarray]:
    data = linear_pairs(20_000, seed)
    model = build(name, steps=STEPS, **params)
    model.load(model.fit(data["x"][:15_000], data["x"][15_000:16_000], seed, BUDGET))
    test = {key: values[16_000:] for key, values in data.items()}
    correlation = np.corrcoef(model.encode(test["x"][:, 0]).T, test["z"][:, 0].T)[:2, 2:]
    return model, test, np.abs(correlation)


def match(correlation: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the latent of each true variable, and the mean correlation."""
    straight = np.trace(correlation) >= np.trace(correlation[::-1])
    latent = np.array([0, 1] if straight else [1, 0])
    return latent, float(correlation[latent, [0, 1]].mean())


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_implicit_model_finds_variables_graph_and_targets(seed: int) -> None:
    model, test, correlation = learn("ilcm", seed, restarts=1)
    latent, mean = match(correlation)
    assert mean > 0.998
    edges = model.adjacency()[np.ix_(latent, latent)] > 0.5
    np.testing.assert_array_equal(edges, [[False, True], [False, False]])
    found = model.infer_intervention(test["x"][:, 0], test["x"][:, 1]).argmax(axis=1)
    names = np.concatenate([[0], latent + 1])
    done = np.where(test["targets"].any(axis=1), test["targets"].argmax(axis=1) + 1, 0)
    assert (names[done] == found).mean() > 0.9  # small changes look like none
    # counterfactuals: set what was set, and see what was seen
    one = np.flatnonzero(test["targets"].any(axis=1))
    target = names[done][one] - 1
    after = model.encode(test["x"][one, 1])[np.arange(len(one)), target]
    told = model.intervene(test["x"][one, 0], target, after)
    error = ((told - test["x"][one, 1]) ** 2).mean() / test["x"].var()
    assert error < 0.01


@pytest.mark.slow
def test_blind_and_independent_models_do_not() -> None:
    implicit, test, _ = learn("ilcm", 0, restarts=1)
    x, after = test["x"][:500, 0], test["x"][:500, 1]
    for name in ("dvae", "beta_vae"):
        model, _, correlation = learn(name, 0, restarts=1)
        assert match(correlation)[1] < 0.95
        assert model.log_prob(x, after).mean() < implicit.log_prob(x, after).mean()


@pytest.mark.slow
def test_explicit_model_with_restarts_finds_the_edge() -> None:
    model, _, correlation = learn("elcm", 0, restarts=4)
    assert isinstance(model.model.mechanisms, Explicit)
    latent, mean = match(correlation)
    assert mean > 0.998
    edges = model.adjacency()[np.ix_(latent, latent)] > 0.5
    np.testing.assert_array_equal(edges, [[False, True], [False, False]])
