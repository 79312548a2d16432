"""Precision, recall, density, coverage: against plain sums, known sets, leaving out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from harness_plugins.generative.metrics import manifold as module
from harness_plugins.generative.metrics.features import FeaturesError
from harness_plugins.generative.metrics.manifold import manifold

NAMES = ("precision", "recall", "density", "coverage")
seeds = st.integers(0, 2**32 - 1)
sizes = st.integers(7, 40)


def draw(seed, n, m, d=3, shift=0.5):
    rng = np.random.default_rng(seed)
    return 0.8 * rng.normal(size=(n, d)) + shift, rng.normal(size=(m, d))


def naive(x, y, k=3, wide=5):
    """Return the four as the papers write them, from whole matrices of distances."""
    of_x, of_y = (np.sort(cdist(v, v), axis=1) for v in (x, y))  # column 0 is the row itself
    apart = cdist(x, y)
    return (
        (apart <= of_y[:, k]).any(axis=1).mean(),
        (apart <= of_x[:, [k]]).any(axis=0).mean(),
        (apart <= of_y[:, wide]).sum(axis=1).mean() / wide,
        (apart <= of_y[:, wide]).any(axis=0).mean(),
    )


def values(found):
    return tuple(getattr(found, name).value for name in NAMES)


@given(seeds, sizes, sizes, st.integers(1, 5), st.integers(1, 5), st.integers(1, 300))
def test_they_are_the_plain_sums_for_any_block(seed, n, m, k, wide, block) -> None:
    x, y = draw(seed, n, m)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_BLOCK", block)
        found = manifold(x, y, k, wide)
    assert values(found) == pytest.approx(naive(x, y, k, wide), rel=1e-12)
    assert (found.n, found.n_reference) == (n, m)


@given(seeds, sizes, sizes, st.floats(-3, 3))
def test_shares_lie_in_0_to_1_inside_their_intervals(seed, n, m, shift) -> None:
    found = manifold(*draw(seed, n, m, shift=shift))
    for name in NAMES:
        score = getattr(found, name)
        assert 0 <= score.low <= score.value <= score.high
        assert score.high <= 1 or name == "density"
        assert score.low < score.high or name == "density"


@given(seeds, sizes, sizes)
def test_they_are_unchanged_by_order_rotation_shift_and_scale(seed, n, m) -> None:
    x, y = draw(seed, n, m)
    rng = np.random.default_rng(seed)
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    found = values(manifold(x, y))
    assert values(manifold(rng.permutation(x), rng.permutation(y))) == pytest.approx(found)
    assert values(manifold(2 * x @ turn + 5, 2 * y @ turn + 5)) == pytest.approx(found)


@given(seeds, sizes, sizes)
def test_exchange_of_the_sets_exchanges_precision_and_recall(seed, n, m) -> None:
    x, y = draw(seed, n, m)
    one, other = manifold(x, y), manifold(y, x)
    assert (one.precision.value, one.recall.value) == (other.recall.value, other.precision.value)


def test_a_set_with_itself_and_with_one_far_away(rng) -> None:
    y = rng.normal(size=(50, 4))
    same = manifold(y, y)
    # every ball holds its own image and the k nearest others
    assert values(same) == pytest.approx((1.0, 1.0, 6 / 5, 1.0))
    far = manifold(y + 1e3, y)
    assert values(far) == (0.0, 0.0, 0.0, 0.0)
    assert far.precision.high == pytest.approx(0.0714, abs=1e-3)  # Wilson's at 0 of 50


def test_images_that_are_all_the_same_are_in_their_own_balls() -> None:
    grey = np.full((9, 5), 0.1) * np.arange(1, 6)
    assert values(manifold(grey, grey)) == pytest.approx((1.0, 1.0, 9 / 5, 1.0))
    one_kind = manifold(grey, np.concatenate([grey, grey + 1]))
    assert one_kind.recall.value == 0.5
    assert one_kind.precision.value == 1.0


def test_a_mode_that_is_missing_shows_in_recall_and_coverage(rng) -> None:
    y = np.concatenate([rng.normal(size=(100, 2)), rng.normal(size=(100, 2)) + 50])
    found = manifold(rng.normal(size=(200, 2)), y)
    assert found.recall.value <= 0.5 < found.precision.value
    assert found.coverage.value <= 0.5


@pytest.mark.parametrize("shift", [0.0, 1.0, 2.0])
@pytest.mark.parametrize(("n", "m"), [(30, 20), (15, 40)])
def test_the_error_is_that_of_the_jackknife_done_by_hand(n, m, shift) -> None:
    x, y = draw(3, n, m, shift=shift)
    expected, own = np.zeros(4), np.zeros((n, 4))
    for rows, without in (
        (y, lambda i: (x, np.delete(y, i, 0))),
        (x, lambda i: (np.delete(x, i, 0), y)),
    ):
        left_out = np.array([naive(*without(i)) for i in range(len(rows))])
        expected += (len(rows) - 1) * left_out.var(axis=0)
        own = (len(rows) - 1) * (left_out.mean(axis=0) - left_out)  # at last of the generated
    near = module._neighbours(y, 6)
    precise, dense = module._fall(x, y, near.balls(3), near.balls(5))
    (recalled,) = module._fall(y, x, module._neighbours(x, 4).balls(3))
    parts = precise.share_inside(), recalled.share_inside(), dense.density(5), dense.share_hit()
    assert [p.variance for p in parts] == pytest.approx(expected, rel=1e-9, abs=1e-15)
    whole = manifold(x, y)
    found = [e.influences for e in (whole.precision, whole.recall, whole.density, whole.coverage)]
    assert np.stack(found, axis=1) == pytest.approx(own, rel=1e-9, abs=1e-12)


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(FeaturesError, match=r"reference features: 6 rows .* at least 7"):
        manifold(np.zeros((7, 2)), np.zeros((6, 2)))
    with pytest.raises(FeaturesError, match="k must be at least 1, not 0"):
        manifold(np.zeros((9, 2)), np.zeros((9, 2)), k_density=0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n", "m", "d", "factor", "shift"),
    [
        (200, 200, 8, 1.0, 0.0),
        (200, 200, 8, 1.1, 0.3),
        (200, 100, 8, 1.3, 0.3),
        (100, 100, 64, 1, 0),
    ],
)
def test_the_intervals_cover_the_expected_values(n, m, d, factor, shift) -> None:
    """200 pairs of sets: 95 % intervals hold the mean of all at least 91 times in 100."""
    rng = np.random.default_rng(13)
    found = [
        manifold(factor * rng.normal(size=(n, d)) + shift, rng.normal(size=(m, d)))
        for _ in range(200)
    ]
    for name in NAMES:
        scores = [getattr(f, name) for f in found]
        expected = np.mean([s.value for s in scores])
        assert np.mean([s.low <= expected <= s.high for s in scores]) >= 0.91, name
