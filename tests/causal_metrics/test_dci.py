"""DCI: values by hand, the fast backend against gradient boosting, codes of odd kinds."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from harness.spec import Unavailable
from harness_plugins.causal.interface import Lacking

# weights (k, d), disentanglement, completeness: worked out by hand from the definitions
KNOWN = (
    (np.eye(2), 1, 1),
    (np.eye(4)[[2, 0, 3, 1]], 1, 1),
    (np.ones((3, 3)), 0, 0),
    ([[0.8, 0.2], [0.3, 0.7]], 0.198391, 0.191165),
    ([[0.9, 0.1, 0], [0, 0.5, 0.5], [0.1, 0.1, 0.8]], 0.497165, 0.469433),
    ([[1, 0], [1, 0], [0, 1], [0, 1]], 1, 0.5),
    ([[1, 1, 0, 0], [0, 0, 1, 1]], 0.5, 1),
    ([[1, 0], [0, 0], [0, 1]], 1, 1),
)
WEIGHTS = st.tuples(st.integers(2, 5), st.integers(2, 5)).flatmap(
    lambda shape: arrays(np.float64, shape, elements=st.floats(0, 10, width=32))
)


def weighed(weights, r2=(1.0,)):
    return {"weights": np.asarray(weights, np.float64), "r2": np.asarray(r2)}


def both(score, weights):
    given = {"importance": weighed(weights)}
    return (score("dci_disentanglement", **given), score("dci_completeness", **given))


@pytest.mark.parametrize(("weights", "disentanglement", "completeness"), KNOWN)
def test_values_worked_out_by_hand(score, weights, disentanglement, completeness) -> None:
    found = both(score, weights)
    assert found == pytest.approx((disentanglement, completeness), abs=5e-7)
    reference = {"reference_importance": weighed(weights)}
    assert score("dci_disentanglement_gbt", **reference) == found[0]
    assert score("dci_completeness_gbt", **reference) == found[1]


@given(weights=WEIGHTS, seed=st.integers(0, 99), scale=st.floats(1e-3, 1e3))
def test_order_and_scale_change_nothing(score, weights, seed, scale) -> None:
    rng = np.random.default_rng(seed)
    found = both(score, weights)
    mixed = scale * rng.permutation(rng.permutation(weights, axis=0), axis=1)
    assert both(score, mixed) == pytest.approx(found, abs=1e-9)
    assert both(score, weights.T) == pytest.approx(found[::-1], abs=1e-12)


@given(weights=WEIGHTS)
def test_dead_latents_do_not_count(score, weights) -> None:
    grown = np.vstack([weights, np.zeros(weights.shape[1])])
    there = score("dci_disentanglement", importance=weighed(weights))
    assert score("dci_disentanglement", importance=weighed(grown)) == pytest.approx(there)


def test_a_code_that_tells_nothing_disentangles_nothing(coded, normal) -> None:
    z = normal(400, 3)
    for metric in ("dci_disentanglement", "dci_completeness", "dci_informativeness"):
        assert coded(metric, z, np.full((400, 4), 2.5)) == 0


def test_one_variable_or_one_latent_leaves_nothing_to_judge(coded, normal) -> None:
    with pytest.raises(Lacking, match="one true variable"):
        coded("dci_disentanglement", normal(400, 1), normal(400, 2))
    with pytest.raises(Lacking, match="one latent"):
        coded("dci_completeness", normal(400, 2), normal(400, 1))
    assert coded("dci_completeness", normal(400, 1), normal(400, 1)[:, [0, 0]]) <= 1
    # all that a variable is told, it is told by the only latent: both weigh the same
    assert coded("dci_disentanglement", normal(400, 2), normal(400, 2)[:, :1]) == 0


def test_informativeness_is_the_mean_r2_with_negative_ones_as_zero(score) -> None:
    given = {"importance": weighed(np.eye(3), [0.9, -0.4, 0.6])}
    assert score("dci_informativeness", **given) == pytest.approx(0.5)


@pytest.mark.parametrize("fault", ["constant", "few"])
@pytest.mark.parametrize("suffix", ["", "_gbt"])
def test_what_cannot_be_learned_from_is_skipped(coded, normal, fault, suffix) -> None:
    z = normal(400, 3)
    if fault == "constant":
        z[:, 1] = -7.1
        with pytest.raises(Lacking, match="true variable 1 is constant"):
            coded(f"dci_disentanglement{suffix}", z, normal(400, 3))
    else:
        with pytest.raises(Lacking, match="199 test pairs are too few"):
            coded(f"dci_disentanglement{suffix}", z[:199], normal(199, 3))


def test_odd_codes_are_judged_as_they_are(coded, normal) -> None:
    z = normal(2000, 3)
    perfect = 4 * z[:, [1, 2, 0]] - 3
    assert coded("dci_disentanglement", z, perfect) > 0.98
    dead = np.column_stack([perfect, np.zeros(2000), np.full(2000, 1e6)])
    assert coded("dci_disentanglement", z, dead) == pytest.approx(
        coded("dci_disentanglement", z, perfect), abs=1e-12
    )
    twice = np.column_stack([perfect, perfect])
    assert coded("dci_disentanglement", z, twice) > 0.98
    fewer = perfect[:, :2]
    assert coded("dci_disentanglement", z, fewer) < 0.8  # the third variable's noise counts
    assert coded("dci_informativeness", z, fewer) == pytest.approx(2 / 3, abs=0.01)
    huge = perfect * [1e200, 1e-200, 1]
    assert coded("dci_disentanglement", z, huge) > 0.98


@settings(max_examples=10)
@given(seed=st.integers(0, 2**16), curve=st.sampled_from([np.exp, np.sinh, np.cbrt, np.tanh]))
def test_increasing_maps_of_latents_change_nothing(bench, seed, curve) -> None:
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(400, 2))
    codes = z @ rng.uniform(-1, 1, size=(2, 3))
    truth = {"z": z}
    plain = bench.make("importance", truth=truth, codes={"before": codes})
    mapped = bench.make("importance", truth=truth, codes={"before": curve(codes)})
    assert np.array_equal(plain["weights"], mapped["weights"])
    assert np.array_equal(plain["r2"], mapped["r2"])


def test_the_same_codes_weigh_the_same_to_the_bit(bench, normal) -> None:
    given = {"truth": {"z": normal(1000, 3)}, "codes": {"before": normal(1000, 4, seed=1)}}
    for artifact in ("importance", "reference_importance"):
        one, two = (bench.make(artifact, **given) for _ in range(2))
        assert one["weights"].shape == (4, 3)
        assert one["weights"].sum(axis=0) == pytest.approx(np.ones(3), abs=1e-12)
        assert all(one[name].tobytes() == two[name].tobytes() for name in one)


@pytest.mark.parametrize(
    ("package", "artifact"),
    [("lightgbm", "importance"), ("sklearn.ensemble", "reference_importance")],
)
def test_a_missing_package_is_unavailable(bench, normal, monkeypatch, package, artifact) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(Unavailable, match=r"pip install 'harness\[causal\]'"):
        bench.make(artifact, truth={"z": normal(400, 2)}, codes={"before": normal(400, 2)})


def codes_of(kind: str, z: np.ndarray) -> np.ndarray:
    rng = np.random.default_rng(5)
    d = z.shape[1]
    if kind == "perfect":
        return z
    if kind == "noise":
        return rng.normal(size=z.shape)
    if kind == "rotation":
        return z @ np.linalg.qr(rng.normal(size=(d, d)))[0]
    return np.tanh(z @ (np.eye(d) + 0.15 * rng.normal(size=(d, d))) / 2)


def agree(coded, z, kind) -> None:
    codes = codes_of(kind, z)
    for name in ("disentanglement", "completeness", "informativeness"):
        fast, reference = (coded(f"dci_{name}{s}", z, codes) for s in ("", "_gbt"))
        assert abs(fast - reference) <= 0.01, (name, fast, reference)


@pytest.mark.parametrize("kind", ["perfect", "noise", "rotation", "mild"])
def test_the_fast_backend_agrees_with_gradient_boosting(coded, normal, kind) -> None:
    agree(coded, normal(2000, 2), kind)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["perfect", "noise", "rotation", "mild"])
def test_the_fast_backend_agrees_with_gradient_boosting_on_many_rows(coded, normal, kind) -> None:
    agree(coded, normal(10_000, 6), kind)
