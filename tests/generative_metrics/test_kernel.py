"""KID: against a naive sum and torchmetrics, unbiased, invariant, its jackknife and interval."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness_plugins.generative.metrics import kernel
from harness_plugins.generative.metrics.features import FeaturesError
from harness_plugins.generative.metrics.kernel import kid

seeds = st.integers(0, 2**32 - 1)
sizes = st.integers(3, 25)


def draw(seed, n, m, d):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) + 0.2, 1.3 * rng.normal(size=(m, d))


def naive(x, y):
    """Return the U-statistic of Gretton et al., eq. 3, pair by pair."""

    def mean_pair(a):
        pairs = [(i, j) for i in range(len(a)) for j in range(len(a)) if i != j]
        return np.mean([(a[i] @ a[j] / a.shape[1] + 1) ** 3 for i, j in pairs])

    across = np.mean([(a @ b / a.size + 1) ** 3 for a in x for b in y])
    return mean_pair(x) + mean_pair(y) - 2 * across


def jackknife(x, y):
    """Return the variance with every image left out in turn."""
    found = 0.0
    for rows, without in (
        (x, lambda i: (np.delete(x, i, 0), y)),
        (y, lambda i: (x, np.delete(y, i, 0))),
    ):
        values = [naive(*without(i)) for i in range(len(rows))]
        found += (len(rows) - 1) * np.var(values)
    return found


@given(seeds, sizes, sizes, st.integers(1, 8), st.integers(1, 9))
def test_it_is_the_sum_over_pairs_for_any_block(seed, n, m, d, block) -> None:
    x, y = draw(seed, n, m, d)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernel, "_BLOCK", block)
        found = kid(x, y)
    assert found.value == pytest.approx(naive(x, y), rel=1e-10, abs=1e-12)
    assert (found.n, found.n_reference) == (n, m)


def test_its_error_is_that_of_the_jackknife_done_by_hand() -> None:
    x, y = draw(4, 9, 12, 3)
    found = kid(x, y, level=0.9)
    half = 1.8595480375228424 * np.sqrt(jackknife(x, y))  # Student's 95 % quantile at 8 degrees
    assert found.high - found.value == pytest.approx(half, rel=1e-9)
    assert found.value - found.low == pytest.approx(half, rel=1e-9)
    left_out = np.array([naive(np.delete(x, i, 0), y) for i in range(9)])
    assert left_out.mean() == pytest.approx(found.value, rel=1e-9)  # as of any U-statistic
    assert found.influences == pytest.approx(8 * (found.value - left_out), rel=1e-9)


def test_it_is_that_of_torchmetrics_on_one_subset_of_all() -> None:
    pytest.importorskip("torchmetrics")
    import torch
    from torchmetrics.image.kid import poly_mmd

    x, y = draw(8, 120, 120, 30)
    theirs = float(poly_mmd(torch.from_numpy(y), torch.from_numpy(x)))
    assert kid(x, y).value == pytest.approx(theirs, rel=1e-10)


@given(seeds, sizes, sizes)
def test_it_is_unchanged_by_order_rotation_and_exchange(seed, n, m) -> None:
    x, y = draw(seed, n, m, 4)
    rng = np.random.default_rng(seed)
    turn, _ = np.linalg.qr(rng.normal(size=(4, 4)))
    found = kid(x, y)
    for other in (kid(rng.permutation(x), rng.permutation(y)), kid(x @ turn, y @ turn), kid(y, x)):
        assert other.value == pytest.approx(found.value, rel=1e-9, abs=1e-11)
        assert other.high == pytest.approx(found.high, rel=1e-9, abs=1e-11)


@given(st.floats(-0.5, 0.5), st.floats(0.5, 1.5))
def test_points_have_their_closed_form(a, b) -> None:
    # All images of a set alike: k(a, a) + k(b, b) − 2 k(a, b), in one dimension
    expected = (a * a + 1) ** 3 + (b * b + 1) ** 3 - 2 * (a * b + 1) ** 3
    found = kid(np.full((5, 1), a), np.full((7, 1), b))
    assert found.value == pytest.approx(expected, rel=1e-9, abs=1e-12)
    assert found.high == pytest.approx(found.value, abs=1e-6)


@pytest.mark.parametrize(("n", "m"), [(5, 5), (5, 40), (30, 30)])
def test_it_has_no_bias_at_any_number_of_images(n, m) -> None:
    values = [
        kid(*np.split(np.random.default_rng(s).normal(size=(n + m, 3)), [n])).value
        for s in range(2000)
    ]
    error = np.std(values) / np.sqrt(len(values))
    assert abs(np.mean(values)) < 4 * error
    assert np.mean(np.array(values) < 0) > 0.3  # so it is not held at 0


def test_wrong_features_are_refused() -> None:
    with pytest.raises(FeaturesError, match="generated features: 2 rows are too few: at least 3"):
        kid(np.zeros((2, 3)), np.zeros((5, 3)))
    with pytest.raises(FeaturesError, match="dimension 3, the reference 2"):
        kid(np.zeros((5, 3)), np.zeros((5, 2)))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n", "m", "d", "factor", "shift"),
    [
        (200, 200, 8, 1.0, 0.0),
        (200, 100, 8, 1.3, 0.3),
        (300, 300, 64, 1.0, 0.2),
        (40, 60, 64, 1.2, 0),
    ],
)
def test_the_interval_covers_the_expected_value(n, m, d, factor, shift) -> None:
    """300 pairs of sets: 95 % intervals hold the mean KID of all at least 91 times in 100."""
    rng = np.random.default_rng(12)
    found = [
        kid(factor * rng.normal(size=(n, d)) + shift, rng.normal(size=(m, d))) for _ in range(300)
    ]
    expected = np.mean([f.value for f in found])
    assert np.mean([f.low <= expected <= f.high for f in found]) >= 0.91
