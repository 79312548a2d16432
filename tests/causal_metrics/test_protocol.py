"""All steps of the task on a small problem, by a model that knows how the data are made."""

from __future__ import annotations

import numpy as np
import pytest

from harness.registry.availability import resolve
from harness.spec import MatrixPanel
from harness_plugins.causal import harness_families
from harness_plugins.causal.datasets import linear
from harness_plugins.causal.interface import Lacking
from harness_plugins.causal.metrics import METRICS

TASK = next(iter(harness_families())).tasks[0]
SIZE = {"d": 3, "problems": 1, "train": 60, "val": 20, "test": 1200, "budget": 1, "seed": 0}


class Exact:
    """The mechanism itself; its latents are the variables in another order, scaled."""

    def __init__(self, problem, recipe) -> None:
        self.weights, self.graph = linear.weights_of(recipe), problem["adjacency"]
        x, z = problem["x"][:, 0].astype(float), problem["z"][:, 0]
        self.mix = np.linalg.lstsq(z, x, rcond=None)[0]
        self.order, self.scale = np.array([2, 0, 1]), np.array([-2.0, 0.5, 3])

    def fit(self, pairs, val, seed, budget):
        return b"nothing to learn"

    def load(self, checkpoint) -> None:
        assert checkpoint == b"nothing to learn"

    def _variables(self, x):
        return np.linalg.solve(self.mix.T, x.T.astype(float)).T

    def encode(self, x):
        return self._variables(x)[:, self.order] * self.scale

    def adjacency(self):
        return self.graph[np.ix_(self.order, self.order)].astype(float)

    def infer_intervention(self, x, x_after):
        before, after = (self._variables(v) for v in (x, x_after))
        moved = np.abs((after - after @ self.weights) - (before - before @ self.weights)) > 1e-4
        told = np.column_stack([~moved.any(axis=1), moved[:, self.order]]).astype(float)
        return told / told.sum(axis=1, keepdims=True)

    def intervene(self, x, target, value):
        z = self._variables(x)
        noise = z - z @ self.weights
        rows, variable = np.arange(len(x)), self.order[target]
        new = z.copy()
        for _ in range(z.shape[1]):  # as often as there are variables, whatever their order
            new = noise + new @ self.weights
            new[rows, variable] = value / self.scale[target]
        return new @ self.mix

    def sample(self, n, seed):
        noise = np.random.default_rng(seed).normal(size=(n, len(self.mix)))
        return np.linalg.solve((np.eye(len(self.mix)) - self.weights).T, noise.T).T @ self.mix

    def log_prob(self, x, x_after):
        z = self._variables(x)
        noise = z - z @ self.weights
        return -0.5 * (np.square(noise) + np.log(2 * np.pi)).sum(axis=1)


@pytest.fixture(scope="module")
def made():
    (item,) = linear.index_linear(**SIZE)
    artifacts = {"problem": linear.load(item, None)}
    model = Exact(artifacts["problem"], item.meta)
    for stage in (stage for stage in TASK.stages if not stage.aside):
        inputs = {name: artifacts[name] for name in stage.inputs}
        seed = 0 if "seed" in stage.per else None
        found = resolve(stage.run)(model if stage.model else None, inputs, {}, seed)
        assert set(found) == {output.name for output in stage.outputs}
        artifacts |= found
    return artifacts


PERFECT = {m.name: (0.97, 1) for m in METRICS if m.name.startswith(("dci_", "mean_corr_coef"))}
PERFECT |= {m.name: (1, 1) for m in METRICS if m.name.startswith("intervention_")}
PERFECT |= {
    "graph_auroc": (1, 1),
    "shd": (0, 0),
    "shd_reversal_2": (0, 0),
    "r2_diagonal": (0.999, 1),
    "r2_off_diagonal": (0.02, 0.5),  # the variables depend on each other
    "mig": (0.5, 0.99),
    "sap": (0.5, 0.99),
    "irs": (0.5, 0.99),
    "counterfactual_error": (0, 1e-6),
    "interventional_error": (0, 1e-4),
    "sample_distance": (0, 0.01),
    "nll": (4.1, 4.4),  # the entropy of a rotation of three normal noises: 3 x 1.419
}


@pytest.mark.parametrize("metric", METRICS, ids=lambda m: m.name)
def test_the_mechanism_itself_has_the_best_scores(score, made, metric) -> None:
    low, high = PERFECT[metric.name]
    assert low <= score(metric.name, **{name: made[name] for name in metric.inputs}) <= high


def test_the_panels_draw_what_the_steps_leave(made) -> None:
    panels = next(iter(harness_families())).panels
    graphs, heat = (panel for panel in panels if isinstance(panel, MatrixPanel))
    drawn = resolve(graphs.compute)(*(made[name] for name in graphs.inputs))
    assert np.array_equal(drawn["true"], drawn["recovered"])
    (r2,) = resolve(heat.compute)(*(made[name] for name in heat.inputs)).values()
    assert np.diag(r2).min() > 0.999


def test_a_code_of_noise_is_at_chance(score, made, normal) -> None:
    given = {"truth": made["truth"], "codes": {"before": normal(1200, 3)}}
    assert score("mean_corr_coef", **given) < 0.1
    assert score("r2_diagonal", **given) < 0.02
    assert score("dci_informativeness", **given) == pytest.approx(0, abs=0.02)
    assert score("mig", **given) < 0.05
    told = np.random.default_rng(0).dirichlet(np.ones(4), 1200)
    assert score("intervention_accuracy", truth=made["truth"], posterior=told) < 0.4


def test_a_code_of_noise_leaves_interventions_that_say_so(bench, made) -> None:
    given = {n: made[n] for n in ("test", "truth", "codes")}
    nothing = {"latent": np.full(3, -1), "correlation": np.zeros((3, 3))}
    with pytest.raises(Lacking, match="no test pair has a single target that a latent matches"):
        bench.make("interventions", **given, match=nothing)
