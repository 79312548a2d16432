"""Moments: the same numbers for any batching, numpy's mean and covariance, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness_plugins.generative.metrics.features import FeaturesError, NonFiniteFeaturesError
from harness_plugins.generative.metrics.moments import Moments


def close(found: Moments, expected: Moments, relative: float = 1e-12) -> None:
    assert found.n == expected.n
    for name in ("mean", "scatter"):
        a, b = getattr(found, name), getattr(expected, name)
        assert a.dtype == np.float64
        assert np.abs(a - b).max() <= relative * np.abs(b).max()


@given(
    seed=st.integers(0, 2**32 - 1),
    cuts=st.lists(st.integers(1, 99), max_size=8),
    offset=st.sampled_from([0.0, 1.0, 1e3]),
)
def test_any_batching_and_any_merging_give_the_same(seed, cuts, offset) -> None:
    rows = np.random.default_rng(seed).normal(size=(100, 5)) + offset
    parts = np.split(rows, sorted(set(cuts)))
    one_by_one = Moments.empty(5)
    for part in parts:
        one_by_one = one_by_one.add(part)
    from_the_right = Moments.empty(5)
    for part in reversed(parts):
        from_the_right = Moments.of(part) + from_the_right
    whole = Moments.of(rows)
    close(one_by_one, whole)
    close(from_the_right, whole)


def test_they_are_those_of_numpy(rng) -> None:
    rows = rng.normal(size=(50, 7)) @ rng.normal(size=(7, 7)) + 3
    found = Moments.of(rows)
    assert np.allclose(found.mean, rows.mean(axis=0), rtol=1e-14)
    assert np.allclose(found.covariance, np.cov(rows, rowvar=False), rtol=1e-12, atol=1e-14)
    assert (found.scatter == found.scatter.T).all()


def test_float32_features_far_from_zero_keep_their_covariance() -> None:
    # in float32, or from sums of squares, nothing of a spread of 1 at 10⁴ would be left
    rows = np.tile(np.float32([[10_000], [10_001], [10_002]]), (4000, 1))
    found = Moments.empty(1)
    for part in np.array_split(rows, 7):
        found = found.add(part)
    n = len(rows)
    assert found.covariance[0, 0] == pytest.approx(2 / 3 * n / (n - 1), rel=1e-12)


def test_stored_statistics_come_back(rng) -> None:
    rows = rng.normal(size=(30, 4))
    stored = Moments.from_covariance(30, rows.mean(axis=0), np.cov(rows, rowvar=False))
    close(stored, Moments.of(rows))
    close(stored.add(rows[:9]), Moments.of(np.concatenate([rows, rows[:9]])))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((1, [0.0], [[1.0]]), "of 1"),
        ((9, [0.0, 1.0], [[1.0]]), r"\(2,\) and \(1, 1\)"),
        ((9, [0.0, np.nan], np.eye(2)), "not finite"),
        ((9, [0.0, 0.0], [[1.0, 0.5], [0.1, 1.0]]), "not symmetric"),
    ],
)
def test_wrong_stored_statistics_are_refused(arguments, said) -> None:
    with pytest.raises(FeaturesError, match=said):
        Moments.from_covariance(*arguments)


@pytest.mark.parametrize(
    ("features", "said"),
    [
        (np.zeros(3), r"\(n, d\) was expected, not float64 \(3,\)"),
        (np.zeros((3, 0)), r"\(3, 0\)"),
        (np.zeros((2, 2), complex), "complex128"),
        (np.zeros((2, 2), bool), "bool"),
        (np.zeros((0, 2)), "0 rows are too few"),
    ],
)
def test_wrong_features_are_refused(features, said) -> None:
    with pytest.raises(FeaturesError, match=said) as caught:
        Moments.of(features)
    assert caught.value.outcome == "invalid"


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused_with_their_row(bad) -> None:
    rows = np.zeros((5, 2))
    rows[3, 1] = rows[4, 0] = bad
    with pytest.raises(NonFiniteFeaturesError, match=r"2 of 5 rows .* row 3") as caught:
        Moments.of(rows)
    assert caught.value.outcome == "nonfinite"


def test_moments_of_other_dimensions_and_of_one_image_are_refused() -> None:
    with pytest.raises(FeaturesError, match="dimension 2 and 3"):
        _ = Moments.empty(2) + Moments.empty(3)
    with pytest.raises(FeaturesError, match="1 images have no covariance"):
        _ = Moments.of([[1.0, 2.0]]).covariance
