"""Bands about means and shares: their values, their coverage, what they do without data."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.board.bands import mean_band, share_band, thin
from harness.stats import bootstrap_interval, wilson_interval

NAN = float("nan")
TRIALS = 3000


def test_without_seeds_a_band_is_the_interval_of_the_table():
    rows = np.random.default_rng(1).normal(size=(40, 3)) ** 2
    band = mean_band(rows[None])
    low, high = bootstrap_interval(rows.T)
    assert band.mean == pytest.approx(rows.mean(axis=0))
    # other resamples: the ends of 1,000 replicates against those of 2,000
    assert band.low == pytest.approx(low, abs=0.08)
    assert band.high == pytest.approx(high, abs=0.08)
    assert list(band.n) == [40] * 3


def test_a_series_that_has_ended_counts_no_more():
    runs = np.array([[[1.0, 2.0, 3.0, NAN], [3.0, 4.0, NAN, NAN], [5.0, NAN, NAN, NAN]]])
    band = mean_band(runs)
    assert list(band.n) == [3, 2, 1, 0]
    assert band.mean[:2] == pytest.approx([3, 3])
    assert np.isnan(band.mean[2:]).all()
    assert np.isnan([band.low[2:], band.high[2:]]).all()


@given(
    shift=st.floats(-1e6, 1e6),
    scale=st.floats(1e-3, 1e3),
    seeds=st.integers(1, 4),
    rows=st.integers(2, 12),
)
def test_a_band_moves_and_stretches_with_its_series(shift, scale, seeds, rows):
    runs = np.random.default_rng(rows).normal(size=(seeds, rows, 2))
    one, other = mean_band(runs), mean_band(scale * runs + shift)
    for a, b in zip(one[:3], other[:3], strict=True):
        # resampling is in single precision, relative to the spread
        assert b == pytest.approx(scale * a + shift, rel=1e-6, abs=1e-4 * scale)
    assert (one.low <= one.mean).all()
    assert (one.mean <= one.high).all()


@pytest.mark.parametrize("left", [1.0, 0.3])
@pytest.mark.parametrize(("seeds", "rows"), [(3, 40), (5, 30)])
@pytest.mark.parametrize(("runs", "items"), [(0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)])
def test_bands_cover_the_mean_of_other_runs_and_rows(seeds, rows, runs, items, left):
    rng = np.random.default_rng(seeds + rows)
    values = rng.normal(size=(seeds, rows, TRIALS))  # each time a trial of its own
    values += runs * rng.normal(size=(seeds, 1, TRIALS))
    values += items * rng.normal(size=(1, rows, TRIALS))
    values[rng.random(values.shape) > left] = NAN
    band = mean_band(values)
    covered = np.mean((band.low <= 0) & (band.high >= 0))
    # 95 % are meant; 3,000 trials have a standard error of 0.4 %
    assert 0.915 <= covered <= 0.99


def test_seeds_that_differ_widen_a_band_though_rows_agree():
    runs = np.stack([np.full((50, 1), level) for level in (0.0, 1.0, 2.0)])
    band = mean_band(runs)
    half = 4.302653 * 1.0 / np.sqrt(3)  # Student's, 2 degrees of freedom, seeds' means 0, 1, 2
    assert band.high - band.mean == pytest.approx([half])
    assert band.mean - band.low == pytest.approx([half])


def test_what_is_left_under_one_of_several_seeds_has_no_band():
    runs = np.full((2, 4, 2), NAN)
    runs[:, :, 0] = np.arange(8).reshape(2, 4)
    runs[0, :, 1] = np.arange(4)
    band = mean_band(runs)
    assert np.isfinite([band.low[0], band.high[0], *band.mean]).all()
    assert np.isnan([band.low[1], band.high[1]]).all()


def test_one_row_has_a_mean_and_no_band():
    band = mean_band(np.array([[[1.0]], [[3.0]]]))
    assert band.mean == pytest.approx([2])
    assert np.isnan([band.low, band.high]).all()


def test_thousands_of_series_of_many_steps_take_less_than_a_second():
    rng = np.random.default_rng(3)
    runs = rng.normal(size=(5, 1200, 120))
    runs[rng.random(runs.shape) < 0.2] = NAN
    start = time.process_time()
    mean_band(runs)
    assert time.process_time() - start < 1


# --- shares ------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 5), min_size=2, max_size=30), st.booleans())
def test_shares_are_counts(scores, above):
    at = np.array([-1.0, 0, 2, 2.5, 5])
    band = share_band(np.array([scores], float), at, above=above)
    expected = [np.mean([s > t if above else s <= t for s in scores]) for t in at]
    assert band.mean == pytest.approx(expected)
    assert (band.low >= 0).all()
    assert (band.high <= 1).all()
    assert ((band.low <= band.mean + 1e-9) & (band.mean <= band.high + 1e-9)).all()


def test_a_share_of_all_or_none_is_as_sure_as_wilson_says():
    band = share_band(np.full((1, 20), 0.5), np.array([0.0, 0.5]), above=True)
    all_, none = wilson_interval(20, 20), wilson_interval(0, 20)
    assert (band.low[0], band.high[0]) == pytest.approx((float(all_.low), 1.0))
    assert (band.low[1], band.high[1]) == pytest.approx((0.0, float(none.high)))


def test_missing_scores_are_not_counted():
    scores = np.array([[0.1, NAN, 0.9], [0.4, 0.8, NAN]])
    band = share_band(scores, np.array([0.5]), above=True)
    assert band.mean == pytest.approx([0.5])
    assert list(band.n) == [4]


@given(st.integers(1, 5000), st.integers(2, 300))
def test_thinning_keeps_both_ends(length, most):
    at = thin(length, most)
    assert (at[0], at[-1]) == (0, length - 1)
    assert len(at) == min(length, most)
    assert (np.diff(at) > 0).all()
