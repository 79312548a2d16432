from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import stats

floats = st.floats(-10, 10)
# Sums of eighths are exact, so that equal sums are equal in any implementation.
eighths = st.integers(-80, 80).map(lambda k: k / 8)


@settings(deadline=None)
@given(st.lists(st.tuples(eighths, eighths), min_size=1, max_size=9))
def test_the_exact_p_equals_scipys_permutation_test(pairs):
    a, b = np.array(pairs).T
    got = stats.compare_paired(a, b)
    if len(pairs) == 1:
        assert got.p == 1
        return
    want = scipy.stats.permutation_test(
        (a - b, np.zeros_like(a)), lambda x, y: abs(np.sum(x - y)), permutation_type="samples",
        n_resamples=np.inf, alternative="greater",
    )  # fmt: skip
    assert got.p == pytest.approx(want.pvalue, abs=1e-12)


def test_sums_that_are_equal_on_paper_count_as_equal():
    # 0.1 + 0.2 - 0.3 is not 0 in floating point; every sign change gives the same two sums.
    a = np.array([0.1, 0.2, 0.3])
    assert stats.compare_paired(a, np.zeros(3)).p == pytest.approx(2 / 8)
    assert stats.compare_paired([0.1, 0.2, -0.3], np.zeros(3)).p == 1


def test_difference_interval_and_p_agree_with_the_t_test_on_normal_data():
    rng = np.random.default_rng(0)
    b = rng.normal(size=40)
    a = b + rng.normal(loc=0.3, size=40)
    got = stats.compare_paired(a, b)
    want = scipy.stats.ttest_rel(a, b)
    interval = want.confidence_interval()
    assert got.difference == pytest.approx(np.mean(a - b))
    assert got.items == 40
    assert got.p == pytest.approx(want.pvalue, abs=0.02)
    assert (got.low, got.high) == pytest.approx((interval.low, interval.high), abs=0.08)


@settings(deadline=None)
@given(st.lists(st.tuples(floats, floats), min_size=2, max_size=30))
def test_swapping_the_models_turns_the_sign_only(pairs):
    a, b = np.array(pairs).T
    one, two = stats.compare_paired(a, b), stats.compare_paired(b, a)
    assert one.difference == -two.difference
    assert one.p == two.p
    assert (one.low, one.high) == pytest.approx((-two.high, -two.low), abs=1e-12)


def test_identical_models_do_not_differ():
    a = np.random.default_rng(0).normal(size=50)
    got = stats.compare_paired(a, a)
    assert (got.difference, got.low, got.high, got.p) == (0, 0, 0, 1)


def test_items_without_a_score_are_dropped_on_both_sides():
    a, b = np.array([1.0, np.nan, 3.0, 5.0]), np.array([0.0, 7.0, np.nan, 3.0])
    got = stats.compare_paired(a, b)
    assert (got.items, got.difference) == (2, 1.5)
    with pytest.raises(ValueError, match="no item"):
        stats.compare_paired([np.nan], [1.0])
    with pytest.raises(ValueError, match="item by item"):
        stats.compare_paired([1.0], [1.0, 2.0])


def test_lossless_items_are_equal_to_each_other_and_above_the_rest():
    got = stats.compare_paired([np.inf, 30.0, 31.0], [np.inf, 29.0, 29.0])
    assert got.difference == 1.0
    got = stats.compare_paired([np.inf, 30.0, 31.0], [33.0, 29.0, 29.0])
    assert got.difference == np.inf
    assert np.isnan(got.p)
    got = stats.compare_paired([np.inf, 30.0], [33.0, np.inf])
    assert np.isnan(got.difference)


def test_shared_resamples_are_used():
    a, b = np.arange(5.0), np.zeros(5)
    always_first = np.zeros((100, 5), np.intp)
    got = stats.compare_paired(a, b, resamples=always_first)
    assert (got.low, got.high) == (0, 0)


@pytest.mark.slow
def test_p_is_uniform_where_nothing_differs():
    rng = np.random.default_rng(1)
    p = [stats.compare_paired(rng.exponential(size=20), rng.exponential(size=20),
                              permutations=499, seed=rng).p for _ in range(400)]  # fmt: skip
    assert scipy.stats.kstest(p, "uniform").pvalue > 1e-3


def test_holm_by_hand_and_with_gaps():
    got = stats.holm([0.01, np.nan, 0.04, 0.03])
    assert got[[0, 2, 3]] == pytest.approx([0.03, 0.06, 0.06])
    assert np.isnan(got[1])
    assert stats.holm([]).shape == (0,)


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_lies_between_p_and_bonferroni_and_keeps_the_order(p):
    values = np.array(p)
    got = stats.holm(values)
    assert np.all(got >= values)
    assert np.all(got <= np.minimum(1, len(p) * values) + 1e-12)
    order = np.argsort(values)
    assert np.all(np.diff(got[order]) >= 0)
