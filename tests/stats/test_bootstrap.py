from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import stats


def test_importing_the_package_imports_no_scipy_and_no_numpy():
    code = "import sys, harness.stats; print('scipy' in sys.modules, 'numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_every_public_name_can_be_had_and_no_other():
    assert stats.__all__ == sorted(stats.__all__)
    assert all(getattr(stats, name).__doc__ for name in stats.__all__)
    with pytest.raises(AttributeError, match="bd_rte"):
        _ = stats.bd_rte


# --- resamples -------------------------------------------------------------------------


def test_resamples_are_seeded_and_uniform():
    first = stats.resample_indices(20, replicates=3000, seed=7)
    assert first.shape == (3000, 20)
    assert first.dtype == np.intp
    assert np.array_equal(first, stats.resample_indices(20, replicates=3000, seed=7))
    assert not np.array_equal(first, stats.resample_indices(20, replicates=3000, seed=8))
    counts = np.bincount(first.ravel(), minlength=20)
    assert scipy.stats.chisquare(counts).pvalue > 1e-4


def test_no_global_state_is_touched():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    stats.resample_indices(5)
    assert np.array_equal(before, np.random.get_state()[1])  # noqa: NPY002


def test_a_generator_is_drawn_from():
    rng = np.random.default_rng(3)
    assert not np.array_equal(
        stats.resample_indices(9, seed=rng), stats.resample_indices(9, seed=rng)
    )


def test_strata_keep_their_sizes():
    labels = np.array(["b", "a", "a", "b", "a", "c"])
    drawn = labels[stats.resample_indices(6, replicates=50, strata=labels)]
    assert np.array_equal(np.sort(drawn, axis=1), np.tile(np.sort(labels), (50, 1)))


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"n": 0}, "at least 1"),
        ({"n": 3, "replicates": 0}, "at least 1"),
        ({"n": 3, "strata": ["a"]}, r"shape \(1,\), expected \(3,\)"),
    ],
)
def test_impossible_resamples_are_refused(args, message):
    with pytest.raises(ValueError, match=message):
        stats.resample_indices(**args)


@settings(deadline=None)
@given(st.lists(st.booleans(), min_size=2, max_size=12).filter(any))
def test_restricted_resamples_index_the_kept_items_and_keep_shared_draws(keep):
    kept = np.array(keep)
    n = int(kept.sum())
    full = stats.resample_indices(kept.size, replicates=200, seed=1)
    part = stats.restrict_resamples(full, kept)
    assert part.shape == (200, n)
    assert part.min() >= 0
    assert part.max() < n
    draws = full[:, :n]
    original = np.flatnonzero(kept)[part]
    assert np.array_equal(original[kept[draws]], draws[kept[draws]])


def test_restricted_resamples_stay_uniform():
    keep = np.array([True, False, True, True, False, True])
    part = stats.restrict_resamples(stats.resample_indices(6, replicates=5000), keep)
    assert scipy.stats.chisquare(np.bincount(part.ravel(), minlength=4)).pvalue > 1e-4


# --- replicates ------------------------------------------------------------------------


def test_replicates_are_aggregates_of_resamples_for_any_leading_axes():
    values = np.random.default_rng(0).normal(size=(2, 3, 7))
    indices = stats.resample_indices(7, replicates=11)
    median = lambda v: np.median(v, axis=-1)  # noqa: E731
    replicates = stats.bootstrap_replicates(values, indices, median)
    assert replicates.shape == (2, 3, 11)
    assert replicates[1, 2, 5] == np.median(values[1, 2, indices[5]])


def test_replicates_do_not_depend_on_the_block_they_are_made_in(monkeypatch):
    from harness.stats import bootstrap

    values = np.random.default_rng(0).normal(size=(3, 7))
    indices = stats.resample_indices(7, replicates=101)
    whole = stats.bootstrap_replicates(values, indices)
    middle = stats.bootstrap_replicates(values, indices, lambda v: np.median(v, axis=-1))
    monkeypatch.setattr(bootstrap, "_BLOCK", 50)
    assert np.allclose(whole, stats.bootstrap_replicates(values, indices), rtol=0, atol=1e-14)
    again = stats.bootstrap_replicates(values, indices, lambda v: np.median(v, axis=-1))
    assert np.array_equal(middle, again)


def test_means_are_those_of_the_resampled_items():
    values = np.random.default_rng(0).normal(size=(3, 7)) + 30
    indices = stats.resample_indices(7, replicates=50)
    want = values[:, indices].mean(axis=-1)
    assert np.allclose(stats.bootstrap_replicates(values, indices), want, rtol=1e-14, atol=0)
    values[1, 2] = np.inf
    want = values[:, indices].mean(axis=-1)
    assert np.allclose(stats.bootstrap_replicates(values, indices), want, rtol=1e-14, atol=0)


# --- intervals -------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_one_item_has_no_interval(method):
    low, high = stats.bootstrap_interval(np.ones((4, 1)), method=method)
    assert low.shape == high.shape == (4,)
    assert np.isnan(low).all()
    assert np.isnan(high).all()


def test_intervals_of_given_replicates_need_two_items_and_a_replicate():
    replicates = np.ones((2, 100))
    assert np.isnan(stats.percentile_interval(replicates, 1)).all()
    assert np.isnan(stats.percentile_interval(np.ones((2, 0)), 9)).all()
    assert np.isnan(stats.bca_interval(replicates, np.ones(2), np.ones((2, 1)))).all()


@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_equal_items_have_an_interval_of_no_width(method):
    low, high = stats.bootstrap_interval(np.full(9, 3.25), method=method)
    assert (low, high) == (3.25, 3.25)


@pytest.mark.parametrize("method", ["percentile", "bca"])
@settings(deadline=None)
@given(scale=st.floats(0.1, 10), shift=st.floats(-5, 5))
def test_intervals_move_with_shift_scale_and_sign(method, scale, shift):
    values = np.random.default_rng(2).exponential(size=15)
    low, high = stats.bootstrap_interval(values, method=method)
    moved = stats.bootstrap_interval(scale * values + shift, method=method)
    assert moved == pytest.approx((scale * low + shift, scale * high + shift), abs=1e-9)
    mirrored = stats.bootstrap_interval(-values, method=method)
    assert mirrored == pytest.approx((-high, -low), abs=1e-2)


def test_infinite_items_give_infinite_ends_and_no_nan():
    low, high = stats.bootstrap_interval([30.0, 31.0, 33.0, 29.0, np.inf])
    assert np.isfinite(low)
    assert high == np.inf
    assert stats.bootstrap_interval(np.full(6, np.inf)) == (np.inf, np.inf)


def test_lost_replicates_are_tolerated_up_to_five_percent():
    replicates = np.arange(1000.0)
    replicates[:50] = np.nan
    low, high = stats.percentile_interval(replicates, 24)
    assert 50 <= low < high <= 999
    replicates[50] = np.nan
    assert np.isnan(stats.percentile_interval(replicates, 24)).all()


def test_bca_equals_scipy_but_for_the_expansion():
    values = np.random.default_rng(5).lognormal(size=4000)
    low, high = stats.bootstrap_interval(values, method="bca")
    mean = lambda v, axis: np.mean(v, axis=axis)  # noqa: E731
    want = scipy.stats.bootstrap(
        (values,), mean, n_resamples=1999, batch=200, method="BCa", rng=1
    ).confidence_interval
    # 4,000 items: the expansion is 0.04 % of the width; the rest is bootstrap noise.
    assert (low, high) == pytest.approx(tuple(want), abs=0.1 * (want.high - want.low))


def test_the_expansion_gives_the_length_of_students_t():
    values = np.random.default_rng(9).normal(size=8)
    resamples = stats.resample_indices(8, replicates=40_000)
    low, high = stats.bootstrap_interval(values, resamples=resamples)
    t_low, t_high = stats.t_interval(values)
    assert high - low == pytest.approx(t_high - t_low, rel=0.1)


@pytest.mark.slow
@pytest.mark.parametrize(("n", "nominal"), [(6, 0.925), (12, 0.935), (24, 0.94)])
def test_intervals_of_normal_means_cover_what_they_claim(n, nominal):
    rng = np.random.default_rng(n)
    values = rng.normal(size=(2000, n))
    resamples = stats.resample_indices(n, replicates=1000, seed=rng)
    low, high = stats.bootstrap_interval(values, resamples=resamples)
    coverage = np.mean((low <= 0) & (high >= 0))
    # The plain percentile interval covers 0.87, 0.90 and 0.93 here.
    assert nominal - 0.012 <= coverage <= 0.975
