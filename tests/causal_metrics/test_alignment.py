"""Matching latents with variables, predicting one from the other, and what boards draw."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.registry.availability import resolve
from harness.spec import MatrixPanel
from harness_plugins.causal import harness_families
from harness_plugins.causal.interface import Lacking
from harness_plugins.causal.metrics import alignment
from harness_plugins.causal.metrics.samples import halves


@pytest.fixture(scope="module")
def match(bench):
    return lambda z, codes: bench.make("match", truth={"z": z}, codes={"before": codes})


@pytest.fixture(scope="module")
def predict(bench):
    return lambda z, codes: bench.make("predictability", truth={"z": z}, codes={"before": codes})


@given(n=st.integers(20, 5000))
def test_halves_are_halves_and_always_the_same(n) -> None:
    a, b = halves(n, 20)
    assert np.array_equal(np.sort(np.concatenate([a, b])), np.arange(n))
    assert len(b) - len(a) in (0, 1)
    again = halves(n, 20)
    assert np.array_equal(a, again[0])
    assert np.array_equal(b, again[1])


def test_halves_mix_what_comes_in_order() -> None:
    a, _ = halves(10_000, 20)
    levels = np.bincount(a % 4, minlength=4)  # a grid's last variable would be split by parity
    assert levels.min() > 1100
    assert abs(a.mean() - 5000) < 150


@given(seed=st.integers(0, 2**16), d=st.integers(1, 6), extra=st.integers(-2, 3))
def test_latents_are_found_whatever_their_order_and_number(match, seed, d, extra) -> None:
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(400, d))
    k = max(1, d + extra)
    order = rng.permutation(max(k, d))[:k]  # which variable each latent carries, if any
    codes = rng.normal(size=(400, k))
    for latent, variable in enumerate(order):
        if variable < d:
            codes[:, latent] = rng.choice([-1, 1]) * np.exp(2 * z[:, variable])
    found = match(z, codes)
    assert found["latent"].dtype == np.int64
    assert found["correlation"].shape == (d, k)
    for latent, variable in enumerate(order):
        if variable < d:
            assert found["latent"][variable] == latent
    used = found["latent"][found["latent"] >= 0]
    assert len(set(used)) == len(used) == min(d, k)


def test_a_match_is_learned_in_half_a_alone(match, normal) -> None:
    z, codes = normal(600, 4), normal(600, 5, seed=1)
    codes[:, :4] += z
    _, judge = halves(600, 20)
    changed = codes.copy()
    changed[judge] = normal(len(judge), 5, seed=2)
    one, two = match(z, codes), match(z, changed)
    assert np.array_equal(one["latent"], two["latent"])
    assert np.array_equal(one["correlation"], two["correlation"])


def test_dead_latents_match_nothing(match, normal) -> None:
    z = normal(200, 3)
    codes = np.column_stack([np.zeros(200), z[:, 1], np.full(200, 3.3), -z[:, 0]])
    assert match(z, codes)["latent"].tolist() == [3, 1, -1]
    z[:, 0] = 2.0  # a constant variable has no edges that could be told; the others are matched
    assert match(z, codes)["latent"][:2].tolist() == [-1, 1]


def test_of_equal_latents_one_is_matched(match, normal) -> None:
    z = normal(200, 2)
    found = match(z, z[:, [0, 0, 1, 1]])["latent"]
    assert found[0] in (0, 1)
    assert found[1] in (2, 3)


def test_too_few_pairs_are_skipped(match, normal) -> None:
    with pytest.raises(Lacking, match="19 test pairs are too few: at least 20"):
        match(normal(19, 2), normal(19, 2))


@pytest.mark.parametrize(
    ("name", "curve", "least"),
    [
        ("line", lambda x: 5 - 0.1 * x, 0.9999),
        ("cube", lambda x: x**3, 0.998),
        ("exponential", lambda x: np.exp(2 * x), 0.99),
        ("tanh", np.tanh, 0.99),
        ("huge", lambda x: 1e200 * x, 0.9999),
    ],
)
def test_r2_follows_increasing_maps(predict, normal, name, curve, least) -> None:
    z = normal(10_000, 3)
    found = predict(z, curve(z))
    assert found.shape == (3, 3), name
    assert np.diag(found).min() >= least
    assert (found - np.diag(np.diag(found))).max() < 0.01


def test_r2_sees_what_correlation_does_not(predict, coded, normal) -> None:
    x = normal(10_000, 2)
    folded = x**2
    assert np.diag(predict(folded, x)).min() > 0.98  # the parabola of a latent
    assert coded("mean_corr_coef", folded, x) < 0.05
    assert predict(x, folded).max() < 0.01  # its sign is lost in the other direction


def test_r2_of_noise_and_of_constants_is_zero(predict, normal) -> None:
    z = normal(4000, 2)
    codes = np.column_stack([normal(4000, 1, seed=1), np.full(4000, 9.0)])
    assert predict(z, codes).max() < 0.01


def test_r2_is_that_of_half_b(predict, normal) -> None:
    z = normal(600, 1)
    codes = z.copy()
    _, judge = halves(600, 20)
    codes[judge] = normal(len(judge), 1, seed=3)
    assert predict(z, codes).max() == 0  # learned on what held in half A only


def test_r2_of_a_gaussian_is_its_squared_correlation(predict, normal) -> None:
    z = normal(40_000, 1)
    codes = 0.6 * z + 0.8 * normal(40_000, 1, seed=1)
    assert predict(z, codes)[0, 0] == pytest.approx(0.36, abs=0.015)


def test_r2_of_levels_is_exact(predict) -> None:
    z = np.random.default_rng(0).integers(0, 3, size=(3000, 1)).astype(float)
    levels = np.array([5.0, -1.0, 2.0])[z.astype(int)]
    assert predict(z, levels)[0, 0] == pytest.approx(1, abs=1e-12)


def matched(latent, k):
    return {"latent": np.array(latent), "correlation": np.zeros((len(latent), k))}


def test_graphs_are_drawn_over_the_true_variables() -> None:
    truth = {"adjacency": np.array([[0, 1, 0], [0, 0, 1], [0, 0, 0]], np.uint8)}
    strength = np.arange(16.0).reshape(4, 4) / 16
    found = alignment.graphs(truth, strength, matched([2, -1, 0], 4))
    assert list(found) == ["true", "recovered"]
    assert np.array_equal(found["true"], truth["adjacency"])
    expected = [[0, 0, strength[2, 0]], [0, 0, 0], [strength[0, 2], 0, 0]]
    assert np.array_equal(found["recovered"], expected)


def test_a_graph_of_another_size_than_the_code_is_invalid() -> None:
    with pytest.raises(ValueError, match=r"shape \(3, 3\), but there are 4 latents") as caught:
        alignment.aligned(np.zeros((3, 3)), matched([0, 1], 4))
    assert caught.value.outcome == "invalid"


def test_the_heat_map_has_matched_latents_on_its_diagonal() -> None:
    r2 = np.array([[0.1, 0.2, 0.9, 0.0], [0.8, 0.1, 0.0, 0.3]])
    found = alignment.heat(r2, matched([2, 0], 4))
    assert list(found) == ["R²"]
    assert np.array_equal(found["R²"], r2[:, [2, 0, 1, 3]])
    assert np.array_equal(alignment.heat(r2, matched([-1, 3], 4))["R²"], r2[:, [3, 0, 1, 2]])


def test_the_panels_of_the_family_name_these_functions() -> None:
    panels = next(iter(harness_families())).panels
    drawn = [resolve(p.compute) for p in panels if isinstance(p, MatrixPanel)]
    assert drawn == [alignment.graphs, alignment.heat]
