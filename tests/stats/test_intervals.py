from __future__ import annotations

import time

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import stats


@settings(deadline=None)
@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_equals_scipy(counts):
    successes, trials = counts
    want = scipy.stats.binomtest(successes, trials).proportion_ci(method="wilson")
    low, high = stats.wilson_interval(successes, trials)
    assert (low, high) == pytest.approx((want.low, want.high), abs=1e-12)
    assert 0 <= low <= high <= 1


def test_wilson_is_vectorised_and_knows_no_rate_of_nothing():
    low, high = stats.wilson_interval([0, 5, 10, 0], [10, 10, 10, 0])
    assert low[0] == 0
    assert high[2] == 1
    assert low[1] + high[1] == pytest.approx(1)
    assert np.isnan(low[3])
    assert np.isnan(high[3])


@pytest.mark.parametrize("successes", [-1, 11])
def test_wilson_refuses_impossible_counts(successes):
    with pytest.raises(ValueError, match="between 0 and trials"):
        stats.wilson_interval(successes, 10)


def test_t_equals_scipy():
    values = np.random.default_rng(0).normal(size=(3, 5))
    low, high = stats.t_interval(values, level=0.9)
    want = scipy.stats.t.interval(
        0.9, 4, loc=values.mean(1), scale=scipy.stats.sem(values, axis=1)
    )
    assert np.allclose([low, high], want, rtol=1e-12)
    assert np.isnan(stats.t_interval([3.0])).all()


@settings(deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40))
def test_iqm_is_scipys_trimmed_mean(values):
    want = scipy.stats.trim_mean(values, 0.25)
    assert stats.iqm(values) == pytest.approx(want, rel=1e-9, abs=1e-6)


def test_iqm_replicates_draw_runs_within_each_task():
    # Two tasks of one run's score each, far apart: a draw across tasks would show.
    scores = np.array([[0.0, 100.0]] * 4)
    assert np.all(stats.iqm_replicates(scores, 100) == 50.0)
    varied = np.random.default_rng(0).normal(size=(10, 6))
    replicates = stats.iqm_replicates(varied, 4000, seed=1)
    again = stats.iqm_replicates(varied, 4000, seed=1)
    assert np.array_equal(replicates, again)
    rng = np.random.default_rng(2)
    slow = [
        scipy.stats.trim_mean(rng.permuted(varied, axis=0)[rng.integers(0, 10, (10, 6)), range(6)]
                              .ravel(), 0.25)
        for _ in range(2000)
    ]  # fmt: skip
    assert replicates.mean() == pytest.approx(np.mean(slow), abs=0.02)
    assert replicates.std() == pytest.approx(np.std(slow), rel=0.1)


def test_iqm_interval_holds_the_iqm_and_one_run_has_none():
    scores = np.random.default_rng(3).normal(size=(10, 6))
    low, high = stats.iqm_interval(scores, 5000)
    assert low < stats.iqm(scores.ravel()) < high
    assert np.isnan(stats.iqm_interval(scores[:1], 100)).all()


def test_fifty_thousand_iqms_take_less_than_a_third_of_a_second():
    scores = np.random.default_rng(3).normal(size=(10, 6))
    start = time.process_time()
    stats.iqm_replicates(scores, 50_000)
    assert time.process_time() - start <= 0.3
