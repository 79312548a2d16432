"""Counterfactual and interventional errors, distance of samples, densities."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from harness_plugins.causal.interface import Lacking


def given_after(after, intervened, target=None, index=None):
    n = len(after) if index is None else len(index)
    return {
        "test": {"x_after": after},
        "interventions": {
            "index": np.arange(n) if index is None else index,
            "target": np.zeros(n, np.int64) if target is None else target,
        },
        "intervened": intervened,
    }


def test_a_counterfactual_error_by_hand(score) -> None:
    after = np.array([[0.0, 0], [2, 0], [1, 3]], np.float32)  # mean (1, 1); squares 2 + 2 + 4
    guess = np.array([[1.0, 0], [2, 2], [1, 3]])
    found = score("counterfactual_error", **given_after(after, guess))
    assert found == pytest.approx(5 / 8)
    index = np.array([2, 1])
    assert score("counterfactual_error", **given_after(after, after[index], index=index)) == 0


def test_the_mean_has_an_error_of_one(score, normal) -> None:
    after = normal(300, 7)
    guess = np.broadcast_to(after.mean(axis=0), after.shape)
    assert score("counterfactual_error", **given_after(after, guess)) == pytest.approx(1)


def test_images_are_taken_as_they_are(score) -> None:
    rng = np.random.default_rng(0)
    after = rng.integers(0, 256, size=(600, 4, 4, 3), dtype=np.uint8)  # more than one chunk
    guess = rng.integers(0, 256, size=(600, 4, 4, 3), dtype=np.uint8)
    true = after.astype(float)
    expected = np.square(true - guess).sum() / np.square(true - true.mean(axis=0)).sum()
    found = score("counterfactual_error", **given_after(after, guess))
    assert found == pytest.approx(expected, rel=1e-12)
    assert score("counterfactual_error", **given_after(after, guess.astype(float))) == found


@given(scale=st.floats(1e-3, 1e3), shift=st.floats(-1e3, 1e3))
def test_units_of_observations_change_no_error(score, normal, scale, shift) -> None:
    after, guess = normal(50, 3), normal(50, 3) + 0.1 * normal(50, 3, seed=1)
    for name in ("counterfactual_error", "interventional_error"):
        plain = score(name, **given_after(after, guess))
        other = score(name, **given_after(scale * after + shift, scale * guess + shift))
        assert other == pytest.approx(plain, rel=1e-4, abs=1e-6)


def test_what_does_not_vary_has_no_relative_error(score) -> None:
    with pytest.raises(Lacking, match="all equal"):
        score("counterfactual_error", **given_after(np.ones((5, 2)), np.zeros((5, 2))))


def test_answers_that_are_not_finite_give_a_score_that_is_not(bench, normal) -> None:
    from harness_plugins.causal.metrics import observations

    bad = normal(50, 2)
    bad[3, 1] = np.nan
    given = given_after(normal(50, 2), bad)
    for made in (observations.counterfactual_error(), observations.interventional_error()):
        assert np.isnan(made(*given.values()))  # the run ends such a score nonfinite
    assert np.isnan(observations.sample_distance()({"x": normal(50, 2)}, bad))


def normal_coefficient(shift: float) -> float:
    """Return H of N(0, 1) and N(shift, 1): the mean of |X - Y| is that of a folded normal."""
    spread = np.sqrt(2)
    between = 2 * spread * stats.norm.pdf(shift / spread)
    between += shift * (1 - 2 * stats.norm.cdf(-shift / spread))
    within = 2 / np.sqrt(np.pi)
    return 1 - within / between


def normal_quantiles(n: int, seed: int):
    """Return n numbers spread as a normal distribution is, in random order."""
    evenly = stats.norm.ppf((np.arange(n) + 0.5) / n)
    return np.random.default_rng(seed).permutation(evenly)[:, None]


@pytest.mark.parametrize("shift", [0.0, 0.5, 1.0, 4.0])
def test_shifted_normals_are_as_far_as_the_formula_says(score, shift) -> None:
    expected = normal_coefficient(shift)
    x, samples = normal_quantiles(1000, 0), shift + normal_quantiles(1000, 1)
    found = score("sample_distance", test={"x": x}, samples=samples)
    assert found == pytest.approx(expected, abs=5e-3)
    after = given_after(normal_quantiles(500, 2), shift + normal_quantiles(500, 3))
    assert score("interventional_error", **after) == pytest.approx(expected, abs=5e-3)


def test_two_points_are_as_far_as_can_be(score) -> None:
    zeros = np.zeros((30, 2))
    assert score("interventional_error", **given_after(zeros, zeros + 5)) == 1
    assert score("interventional_error", **given_after(zeros, zeros)) == 0
    assert score("sample_distance", test={"x": zeros}, samples=zeros + 5) == 1


@settings(max_examples=20)
@given(seed=st.integers(0, 2**16))
def test_distributions_count_not_rows(score, seed) -> None:
    rng = np.random.default_rng(seed)
    after = rng.normal(size=(200, 3))
    guess = after + 0.8 * rng.normal(size=(200, 3)) + 0.5
    right = score("interventional_error", **given_after(after, after))
    shuffled = score("interventional_error", **given_after(after, rng.permutation(after)))
    assert right == pytest.approx(0, abs=1e-9)
    assert shuffled == pytest.approx(0, abs=0.03)
    wrong = score("interventional_error", **given_after(after, guess))
    moved = score("interventional_error", **given_after(after, rng.permutation(guess)))
    assert wrong == pytest.approx(moved, abs=0.03)


@settings(max_examples=20)
@given(seed=st.integers(0, 2**16))
def test_a_rotation_of_observations_changes_no_distance(score, seed) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(2, 60, 4))
    q = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    plain = score("sample_distance", test={"x": x}, samples=y + 1)
    turned = score("sample_distance", test={"x": x @ q}, samples=(y + 1) @ q)
    assert turned == pytest.approx(plain, abs=1e-9)


def test_targets_count_alike_and_small_ones_not_at_all(score, normal) -> None:
    after = normal(160, 1)
    target = np.repeat([3, 0, 2], [100, 50, 10])
    guess = after.copy()
    guess[target == 0] += 100  # a distance of nearly 1
    guess[target == 2] += 100  # ten pairs are too few
    found = score("interventional_error", **given_after(after, guess, target))
    alone = given_after(after[100:150], guess[100:150])
    assert found == pytest.approx(score("interventional_error", **alone) / 2)
    with pytest.raises(Lacking, match="no target has 20 test pairs"):
        score("interventional_error", **given_after(after[:19], guess[:19]))


def test_samples_have_the_form_of_observations(score, normal) -> None:
    with pytest.raises(ValueError, match=r"sample\(\) gave shape") as caught:
        score("sample_distance", test={"x": normal(50, 3)}, samples=normal(50, 2))
    assert caught.value.outcome == "invalid"
    with pytest.raises(Lacking, match="fewer than 20"):
        score("sample_distance", test={"x": normal(50, 3)}, samples=normal(19, 3))


def test_images_are_as_far_as_their_pixels(score) -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, size=(60, 8, 8, 3), dtype=np.uint8)
    y = rng.integers(0, 200, size=(60, 8, 8, 3), dtype=np.uint8)
    flat = score(
        "sample_distance",
        test={"x": x.reshape(60, -1).astype(float)},
        samples=y.reshape(60, -1).astype(float),
    )
    assert score("sample_distance", test={"x": x}, samples=y) == pytest.approx(flat, abs=1e-12)


def test_nll_is_the_mean_in_nats(score) -> None:
    log_prob = stats.norm.logpdf([0.0, 1.0, 2.0])
    expected = 0.5 * np.log(2 * np.pi) + 5 / 6
    assert score("nll", log_prob=log_prob) == pytest.approx(expected)
