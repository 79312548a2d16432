"""FID: against other formulas on the same features, closed forms, invariances, its interval."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given
from hypothesis import strategies as st

from harness_plugins.generative.metrics.features import FeaturesError, NonFiniteFeaturesError
from harness_plugins.generative.metrics.frechet import fid, frechet_distance, influences
from harness_plugins.generative.metrics.moments import Moments

seeds = st.integers(0, 2**32 - 1)
sizes = st.integers(2, 60)
dimensions = st.integers(1, 20)


def draw(seed, n, m, d):
    """Return two sets of correlated features of unlike scales and means."""
    rng = np.random.default_rng(seed)
    mix = rng.normal(size=(d, d))
    return rng.normal(size=(n, d)) @ mix + 0.3, 1.4 * rng.normal(size=(m, d)) @ mix


def scale(x, y):
    """Return the size of the terms that cancel in FID."""
    return x.var(axis=0).sum() + y.var(axis=0).sum() + np.square(x.mean(0) - y.mean(0)).sum()


def by_sqrtm(x, y):
    """Return FID as pytorch-fid has it, from scipy's square root of a matrix."""
    s1, s2 = np.atleast_2d(np.cov(x, rowvar=False)), np.atleast_2d(np.cov(y, rowvar=False))
    apart = x.mean(axis=0) - y.mean(axis=0)
    root = np.trace(scipy.linalg.sqrtm(s1 @ s2)).real
    return apart @ apart + np.trace(s1) + np.trace(s2) - 2 * root


def by_eigenvalues(x, y):
    """Return FID as torch-fidelity 0.4.0 has it (``fid_statistics_to_metric``), in float64."""
    s1, s2 = np.atleast_2d(np.cov(x, rowvar=False)), np.atleast_2d(np.cov(y, rowvar=False))
    apart = x.mean(axis=0) - y.mean(axis=0)
    root = np.sum(np.sqrt(np.linalg.eigvals(s1.dot(s2)).astype("complex128")).real)
    return float(apart.dot(apart) + np.trace(s1) + np.trace(s2) - 2 * root)


@pytest.mark.parametrize(
    ("n", "m", "d"), [(200, 300, 24), (40, 300, 64), (300, 40, 64), (30, 50, 64)]
)
def test_it_is_that_of_the_published_formulas(n, m, d) -> None:
    x, y = draw(n, n, m, d)
    ours = frechet_distance(x, y)
    assert ours == pytest.approx(by_sqrtm(x, y), rel=1e-6)
    assert ours == pytest.approx(by_eigenvalues(x, y), rel=1e-6)
    assert fid(x, y).value == pytest.approx(ours, rel=1e-12)


def test_it_is_that_of_torchmetrics() -> None:
    pytest.importorskip("torchmetrics")
    import torch
    from torchmetrics.image.fid import _compute_fid

    x, y = draw(5, 150, 200, 32)
    theirs = _compute_fid(
        *(torch.from_numpy(a) for a in (x.mean(0), np.cov(x.T), y.mean(0), np.cov(y.T)))
    )
    assert frechet_distance(x, y) == pytest.approx(float(theirs), rel=1e-6)


@given(seeds, sizes, sizes, dimensions)
def test_features_and_moments_give_the_same(seed, n, m, d) -> None:
    x, y = draw(seed, n, m, d)
    expected, size = frechet_distance(x, y), scale(x, y)
    for other in ((Moments.of(x), y), (x, Moments.of(y)), (Moments.of(x), Moments.of(y))):
        # a covariance of n ≤ d images has no more than half the digits of its smallest axes
        assert frechet_distance(*other) == pytest.approx(expected, abs=1e-6 * size)


@given(seeds, sizes, dimensions)
def test_a_set_with_itself_has_none(seed, n, d) -> None:
    x, _ = draw(seed, n, 2, d)
    assert frechet_distance(x, x) <= 1e-9 * scale(x, x)
    assert frechet_distance(x, x[::-1]) <= 1e-9 * scale(x, x)


@given(seeds, sizes, sizes, dimensions)
def test_it_is_unchanged_by_order_rotation_shift_and_exchange(seed, n, m, d) -> None:
    x, y = draw(seed, n, m, d)
    expected, size = frechet_distance(x, y), scale(x, y)
    rng = np.random.default_rng(seed)
    turn, _ = np.linalg.qr(rng.normal(size=(d, d)))
    shift = rng.normal(size=d) * 10

    def same(a, b):
        assert frechet_distance(a, b) == pytest.approx(expected, abs=1e-8 * size)

    same(rng.permutation(x), rng.permutation(y))
    same(x @ turn, y @ turn)
    same(x + shift, y + shift)
    same(y, x)


@given(seeds, st.floats(0.1, 10))
def test_it_grows_with_the_square_of_the_scale(seed, factor) -> None:
    x, y = draw(seed, 30, 40, 6)
    expected = factor**2 * frechet_distance(x, y)
    assert frechet_distance(factor * x, factor * y) == pytest.approx(expected, rel=1e-9)


@given(
    st.lists(st.floats(0.1, 5), min_size=1, max_size=6),
    st.floats(-3, 3),
    st.floats(0.2, 4),
)
def test_gaussians_have_their_closed_form(deviations, shift, ratio) -> None:
    # Covariances with the same axes: Σ (μ₁ − μ₂)² + Σ (σ₁ − σ₂)²
    own = np.array(deviations)
    zero = np.zeros(own.size)
    first = Moments.from_covariance(100, zero + shift, np.diag(own**2))
    second = Moments.from_covariance(100, zero, np.diag((ratio * own) ** 2))
    expected = own.size * shift**2 + np.square((1 - ratio) * own).sum()
    size = expected + np.square(own).sum() * (1 + ratio**2)
    assert frechet_distance(first, second) == pytest.approx(expected, abs=1e-12 * size)


def test_two_turned_gaussians_have_their_closed_form() -> None:
    # det and trace of the 2 × 2 product: (tr A^½)² = tr A + 2 √det A
    a, b = np.array([[4.0, 1.0], [1.0, 2.0]]), np.array([[1.0, -0.5], [-0.5, 3.0]])
    root = np.sqrt(np.trace(a @ b) + 2 * np.sqrt(np.linalg.det(a @ b)))
    expected = 1.0 + np.trace(a) + np.trace(b) - 2 * root
    found = frechet_distance(
        Moments.from_covariance(9, [1.0, 0.0], a), Moments.from_covariance(9, [0.0, 0.0], b)
    )
    assert found == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("fall", [0, 2, 4, 6])
@pytest.mark.parametrize("shift", [0.0, 1e-4, 1.0])
def test_a_wide_range_of_variances_costs_no_digits(rng, fall, shift) -> None:
    # the last axis spreads 10^fall times less than the first
    d = 40
    spread = np.logspace(0, -fall, d)
    x, y = rng.normal(size=(2, 200, d)) * spread
    x += shift * spread
    first, second = (np.linalg.qr(v - v.mean(axis=0), mode="r") / np.sqrt(199) for v in (x, y))
    root = scipy.linalg.svdvals(first @ second.T).sum()
    apart = np.square(x.mean(axis=0) - y.mean(axis=0)).sum()
    expected = apart + np.square(first).sum() + np.square(second).sum() - 2 * root
    assert frechet_distance(x, y) == pytest.approx(expected, rel=1e-6)


def test_dead_features_and_images_that_are_all_the_same(rng) -> None:
    x, y = rng.normal(size=(50, 6)), rng.normal(size=(60, 6)) + 1
    dead = np.concatenate([x, np.zeros((50, 2))], 1), np.concatenate([y, np.zeros((60, 2))], 1)
    assert fid(*dead).value == pytest.approx(fid(x, y).value, rel=1e-12)
    assert fid(*dead).high == pytest.approx(fid(x, y).high, rel=1e-9)
    for n in (3, 50):  # both factors: of features and of the covariance
        grey = fid(np.full((n, 6), 2.0), y)
        expected = np.square(2 - y.mean(axis=0)).sum() + np.trace(np.cov(y.T))
        assert grey.value == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("n", "m", "d"), [(60, 50, 5), (12, 15, 30), (12, 90, 30), (90, 12, 30)])
def test_influences_are_derivatives_by_weights(n, m, d) -> None:
    """Compare with central differences of FID of sets whose images have weights."""
    x, y = draw(7, n, m, d)

    def weighted(rows, weights):
        mean = weights @ rows
        centred = (rows - mean) * np.sqrt(weights)[:, None]
        return mean, centred * np.sqrt(len(rows) / (len(rows) - 1))

    def distance(a, b):
        (m1, f1), (m2, f2) = a, b
        root = np.linalg.svd(f1 @ f2.T, compute_uv=False).sum()
        return np.square(m1 - m2).sum() + np.square(f1).sum() + np.square(f2).sum() - 2 * root

    of_x, of_y = influences(x, y)
    step = 1e-5
    for i in (0, 3):
        for rows, found, put in (
            (x, of_x, lambda w: distance(weighted(x, w), weighted(y, np.full(m, 1 / m)))),
            (y, of_y, lambda w: distance(weighted(x, np.full(n, 1 / n)), weighted(y, w))),
        ):
            even = np.full(len(rows), 1 / len(rows))
            towards = np.eye(len(rows))[i] - even
            slope = (put(even + step * towards) - put(even - step * towards)) / (2 * step)
            assert found[i] == pytest.approx(slope, rel=1e-5, abs=1e-6 * abs(found).max())
    assert abs(of_x.mean()) < 1e-9 * abs(of_x).max()
    assert abs(of_y.mean()) < 1e-9 * abs(of_y).max()
    np.testing.assert_array_equal(fid(x, y).influences, of_x)


def test_a_known_side_has_no_influences_and_widens_nothing(rng) -> None:
    x, y = draw(3, 80, 40, 8)
    assert influences(Moments.of(x), y)[0] is None
    both, one = fid(x, y), fid(x, Moments.of(y))
    assert one.value == pytest.approx(both.value, rel=1e-9)
    assert one.high - one.value < both.high - both.value
    none = fid(Moments.of(x), Moments.of(y))
    assert none.influences is None
    assert np.isnan(none.low)
    assert np.isnan(none.high)
    assert none.value == pytest.approx(both.value, rel=1e-9)


@pytest.mark.parametrize(
    ("n", "m", "note"),
    [
        (8, 8, ""),
        (7, 9, "not ranked: 7 generated images, fewer than the 8 features"),
        (9, 7, "not ranked: 7 reference images, fewer than the 8 features"),
        (6, 7, "not ranked: 6 generated and 7 reference images, fewer than the 8 features"),
    ],
)
def test_fewer_images_than_features_are_flagged(n, m, note) -> None:
    found = fid(*draw(1, n, m, 8))
    assert (found.note, found.rankable) == (note, note == "")
    assert (found.n, found.n_reference, found.dimension) == (n, m, 8)
    assert 0 <= found.low <= found.value <= found.high


def test_wrong_features_are_refused() -> None:
    with pytest.raises(FeaturesError, match="dimension 3, the reference 4"):
        frechet_distance(np.zeros((5, 3)), np.zeros((5, 4)))
    with pytest.raises(FeaturesError, match="generated features: 1 rows are too few"):
        fid(np.zeros((1, 3)), np.zeros((5, 3)))
    with pytest.raises(NonFiniteFeaturesError, match="reference features: 1 of 2 rows"):
        fid(np.zeros((2, 1)), [[0.0], [np.nan]])


def rectified(rng, n, d):
    return np.square(np.maximum(rng.normal(size=(n, d)), 0))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n", "m", "d", "make", "factor", "shift"),
    [
        (200, 200, 8, np.random.Generator.normal, 1.0, 0.0),
        (200, 200, 8, np.random.Generator.normal, 1.3, 0.3),
        (1000, 2000, 8, np.random.Generator.normal, 1.0, 0.1),
        (200, 200, 8, rectified, 1.2, 0.0),
        (40, 100, 64, np.random.Generator.normal, 1.3, 0.3),
        (40, 100, 64, rectified, 1.2, 0.0),
    ],
)
def test_the_interval_covers_the_expected_value(n, m, d, make, factor, shift) -> None:
    """300 pairs of sets: 95 % intervals hold the mean FID of all at least 91 times in 100.

    91 is three standard errors of a share of 300 below 95. Measured: 93 to 99, the most where the
    distributions are equal, as the jackknife promises.
    """
    rng = np.random.default_rng(11)

    def sample(rows):
        return make(rng, size=(rows, d)) if make is not rectified else make(rng, rows, d)

    found = [fid(factor * sample(n) + shift, sample(m)) for _ in range(300)]
    expected = np.mean([f.value for f in found])
    assert np.mean([f.low <= expected <= f.high for f in found]) >= 0.91
