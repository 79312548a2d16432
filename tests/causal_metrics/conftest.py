"""Metrics by their declared names, with the steps of the protocol that leave what they read."""

from __future__ import annotations

import numpy as np
import pytest

from harness.registry.availability import resolve
from harness_plugins.causal import harness_families
from harness_plugins.causal.metrics import METRICS

TASK = next(iter(harness_families())).tasks[0]
STAGES = {o.name: s for s in TASK.stages if not s.model for o in s.outputs}


class Bench:
    """Makes artifacts and scores from a few given ones, as a run does."""

    def score(self, metric: str, **given) -> float:
        """Return a metric; what it reads and is not given is made by the protocol."""
        declared = next(m for m in METRICS if m.name == metric)
        made = dict(given)
        values = [self._made(name, made) for name in declared.inputs]
        found = resolve(declared.factory)(**declared.params)(*values)
        assert isinstance(found, float)
        assert declared.range[0] <= found <= declared.range[1]
        return found

    def make(self, artifact: str, **given):
        return self._made(artifact, dict(given))

    def _made(self, name: str, made: dict):
        if name not in made:
            stage = STAGES[name]
            inputs = {i: self._made(i, made) for i in stage.inputs}
            made |= resolve(stage.run)(None, inputs, {}, 0)
        return made[name]


@pytest.fixture(scope="session")
def bench() -> Bench:
    return Bench()


@pytest.fixture(scope="session")
def score(bench):
    return bench.score


@pytest.fixture(scope="session")
def coded(bench):
    """Return a metric of true variables (n, d) and codes (n, k)."""

    def measure(metric: str, z, codes) -> float:
        return bench.score(
            metric,
            truth={"z": np.asarray(z, np.float64)},
            codes={"before": np.asarray(codes, np.float64)},
        )

    return measure


@pytest.fixture(scope="session")
def normal():
    """Return standard normal numbers of a shape under a seed."""
    return lambda *shape, seed=0: np.random.default_rng(seed).normal(size=shape)


@pytest.fixture(scope="session")
def grid():
    """Return all 64 combinations of three variables with four levels each."""
    return np.stack(np.meshgrid(*[np.arange(4.0)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
