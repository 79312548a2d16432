"""What the documentation says a metric does not see, it does not see; all else it does."""

from __future__ import annotations

import functools
import re
from pathlib import Path

import numpy as np
import pytest

from harness_plugins.causal.metrics import METRICS

PAGE = Path(__file__).parents[2] / "docs" / "causal.md"
ABOUT_CODES = ("order", "sign", "scale", "shift", "increasing maps")
ABOUT_OBSERVATIONS = ("scale of x", "shift of x", "rotation of x")
GBT = ("dci_disentanglement_gbt", "dci_completeness_gbt", "dci_informativeness_gbt")
LEARNED = (*(name.removesuffix("_gbt") for name in GBT), *GBT)


def rows(heading: str) -> dict[str, list[str]]:
    """Return the rows of the table that has this head, by metric."""
    text = PAGE.read_text(encoding="utf-8")
    found = re.search(rf"^{re.escape(heading)}\n\|[-|]+\n((?:\|.*\n)+)", text, re.MULTILINE)
    assert found, f"causal.md has no table {heading!r}"
    cells = [re.split(r"(?<!\\)\|", line)[1:-1] for line in found[1].splitlines()]
    return {
        row[0].strip().strip("`"): [c.strip().replace(r"\|", "|") for c in row] for row in cells
    }


DEFINED = rows("| metric | definition | unchanged by | source |")
DECLARED = rows("| metric | unit | better | range | signature |")


def claims(metric: str) -> set[str]:
    said = DEFINED[metric][2].split("; ")[0]
    return set() if said == "" else set(said.split(", "))


def test_every_metric_is_documented_as_it_is_declared() -> None:
    assert list(DEFINED) == list(DECLARED) == [m.name for m in METRICS]
    for metric in METRICS:
        low, high = (f"{v:g}".replace("inf", "∞").replace("-", "−") for v in metric.range)
        declared = [metric.unit, metric.better, f"{low} … {high}", f"`{metric.signature}`"]
        assert DECLARED[metric.name][1:] == declared
        assert claims(metric.name) <= {*ABOUT_CODES, *ABOUT_OBSERVATIONS}


class Case:
    """Codes that follow the variables, mixed and bent a little, with a graph and a posterior."""

    def __init__(self) -> None:
        rng = np.random.default_rng(3)
        n, d, k = 600, 3, 4
        self.z = rng.normal(size=(n, d)) @ np.triu(np.ones((d, d)) + np.eye(d))
        mix = np.eye(d, k)[:, [2, 0, 3, 1]] * 2 + 0.4 * rng.normal(size=(d, k))
        self.codes = np.exp(0.4 * self.z @ mix) + 0.1 * rng.normal(size=(n, k))
        self.adjacency = rng.random((k, k))
        done = rng.integers(0, d + 1, n)
        self.targets = done[:, None] == np.arange(1, d + 1)
        self.posterior = rng.dirichlet(np.ones(k + 1), n)
        self.truth = {
            "z": self.z,
            "adjacency": np.triu(np.ones((d, d), np.uint8), 1),
            "targets": self.targets,
        }

    def changed(self, change: str) -> dict:
        codes, adjacency, posterior = self.codes, self.adjacency, self.posterior
        if change == "order":
            order = np.array([3, 1, 0, 2])
            codes, adjacency = codes[:, order], adjacency[np.ix_(order, order)]
            posterior = posterior[:, [0, *(order + 1)]]
        elif change == "sign":
            codes = codes * [-1, 1, -1, -1]
        elif change == "scale":
            codes = codes * [0.01, 3, 100, 1]
        elif change == "shift":
            codes = codes + np.array([5, -3, 0.1, 20])
        elif change == "increasing maps":
            codes = np.sqrt(codes - codes.min(axis=0))
        return {
            "truth": self.truth,
            "codes": {"before": codes},
            "adjacency": adjacency,
            "posterior": posterior,
        }


@pytest.fixture(scope="module")
def given(bench):
    """Return what metrics read of a case under a change; weights are learned once for each."""
    case = Case()

    @functools.cache
    def changed(change: str) -> dict:
        made = case.changed(change)
        weighed = ("importance", "reference_importance")
        return made | {name: bench.make(name, **made) for name in weighed}

    return changed


OF_CODES = [m.name for m in METRICS if not {"test", "log_prob"} & set(m.inputs)]


@pytest.mark.parametrize("metric", OF_CODES)
def test_a_metric_sees_what_it_does_not_claim_to_be_blind_to(score, given, metric) -> None:
    plain = score(metric, **given(""))
    # trees follow the order in which they meet what is equally good, and the rounding of values
    tolerance = 0.01 if metric in LEARNED else 1e-9
    blind = {
        change: abs(score(metric, **given(change)) - plain) <= tolerance for change in ABOUT_CODES
    }
    if metric == "intervention_accuracy":  # reads no codes: only their order can be seen
        assert claims(metric) == {"order"}
        assert blind["order"]
    else:
        assert {change for change in ABOUT_CODES if blind[change]} == claims(metric)


OF_OBSERVATIONS = [m.name for m in METRICS if "test" in m.inputs]


@pytest.mark.parametrize("metric", OF_OBSERVATIONS)
def test_units_and_axes_of_observations(score, metric) -> None:
    rng = np.random.default_rng(0)
    x, after, guess = rng.normal(size=(3, 60, 4))
    turn = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    changes = {
        "": lambda v: v,
        "scale of x": lambda v: 7 * v,
        "shift of x": lambda v: v + np.array([1, -2, 3, 4]),
        "rotation of x": lambda v: v @ turn,
    }

    def of(change):
        made = {
            "test": {"x": change(x), "x_after": change(after)},
            "interventions": {"index": np.arange(60), "target": np.repeat([0, 1], 30)},
            "intervened": change(guess),
            "samples": change(guess + 1),
        }
        return score(metric, **made)

    plain = of(changes[""])
    blind = {name for name in ABOUT_OBSERVATIONS if abs(of(changes[name]) - plain) <= 1e-9}
    assert claims(metric) == blind


def test_a_density_has_the_units_of_observations() -> None:
    assert claims("nll") == set()
