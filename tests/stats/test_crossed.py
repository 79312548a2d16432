"""Items and training runs drawn together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import stats
from harness.spec import Curve

B = 2000


def trimmed(values):
    return stats.iqm(values)


def plain_mean(values):
    return values.mean(axis=-1)


def ends(interval):
    return [float(end) for end in interval]


def drawn(items, runs, seed=0, count=B):
    rng = np.random.default_rng(seed)
    return stats.resample_indices(items, count, rng), stats.resample_indices(runs, count, rng)


def curve(by_seed, draws, resamples, aggregate=stats.mean):
    """Return a curve of one metric: ``by_seed`` is (S, P, N)."""
    with np.errstate(invalid="ignore"):
        count = np.sum(~np.isnan(by_seed), axis=0)
        averaged = np.nansum(by_seed, axis=0) / np.where(count, count, np.nan)
    return Curve(
        entry="a",
        points=({},) * by_seed.shape[1],
        items=tuple(f"i{n}" for n in range(by_seed.shape[2])),
        scores={"m": averaged},
        by_seed={"m": by_seed},
        aggregate={"m": aggregate},
        resamples=resamples,
        seed_resamples=draws,
    )


# --- replicates ------------------------------------------------------------------------


@pytest.mark.parametrize("aggregate", [stats.mean, trimmed])
def test_one_run_is_the_bootstrap_over_items_to_the_last_bit(aggregate):
    values = np.random.default_rng(0).normal(size=(3, 1, 9))
    items, runs = drawn(9, 1)
    want = stats.bootstrap_replicates(values[:, 0], items, aggregate)
    assert np.array_equal(stats.crossed_replicates(values, items, runs, aggregate), want)
    one = curve(values[:1], runs, items, aggregate)
    alone = stats.bootstrap_replicates(values[0, 0], items, aggregate)
    assert np.array_equal(stats.curve_replicates(one, "m")[0], alone)
    assert np.array_equal(
        stats.crossed_interval(want, want.mean(1), 9, runs, None),
        stats.percentile_interval(want, 9),
    )


@pytest.mark.parametrize(("runs", "items"), [(2, 40), (3, 24), (8, 5), (5, 1)])
def test_replicates_of_a_mean_have_the_variance_of_the_two_way_layout(runs, items):
    rng = np.random.default_rng(runs)
    x = rng.normal(size=(runs, 1)) + rng.normal(size=items) + 0.5 * rng.normal(size=(runs, items))
    size = x.size
    of_runs, of_items = x.mean(axis=1), x.mean(axis=0)
    left = x - of_runs[:, None] - of_items + x.mean()
    ms_runs = items * of_runs.var(ddof=1)
    ms_noise = (left**2).sum() / ((runs - 1) * (items - 1)) if items > 1 else 0.0
    between = max(0.0, ms_runs - (runs - 1) / runs * ms_noise) / size
    replicates = stats.crossed_replicates(x, *drawn(items, runs, count=60_000))
    assert replicates.mean() == pytest.approx(x.mean(), abs=0.02)
    assert replicates.var() == pytest.approx(of_items.var() / items + between, rel=0.04)


def test_any_aggregate_takes_the_same_road_as_the_mean():
    values = np.random.default_rng(3).normal(size=(2, 3, 12)) + np.array([[0], [1], [3]])
    items, runs = drawn(12, 3)
    want = stats.crossed_replicates(values, items, runs)
    assert np.allclose(stats.crossed_replicates(values, items, runs, plain_mean), want, atol=1e-12)


def test_scores_of_all_runs_are_pooled():
    """The interquartile mean of six scores is not the mean of two runs' interquartile means."""
    values = np.array([[0.0, 1.0, 50.0], [2.0, 3.0, 4.0]])
    same = np.tile(np.arange(3), (5, 1))
    replicates = stats.crossed_replicates(values, same, np.tile([0, 1], (5, 1)), trimmed)
    assert np.allclose(replicates, trimmed(values.ravel()))


def test_each_row_may_have_draws_of_its_own():
    values = np.random.default_rng(4).normal(size=(2, 3, 7))
    items, first = drawn(7, 3)
    second = drawn(7, 3, seed=9)[1]
    both = stats.crossed_replicates(values, items, np.stack([first, second]))
    assert np.allclose(both[0], stats.crossed_replicates(values[0], items, first))
    assert np.allclose(both[1], stats.crossed_replicates(values[1], items, second))


def test_replicates_do_not_depend_on_the_block_they_are_made_in(monkeypatch):
    from harness.stats import crossed

    values = np.random.default_rng(5).normal(size=(3, 7))
    whole = stats.crossed_replicates(values, *drawn(7, 3), trimmed)
    monkeypatch.setattr(crossed, "_BLOCK", 100)
    assert np.array_equal(stats.crossed_replicates(values, *drawn(7, 3), trimmed), whole)


def test_infinite_scores_stay_infinite_and_raise_no_warning():
    values = np.array([[30.0, np.inf, 31.0], [29.0, 33.0, 31.0]])
    items, runs = drawn(3, 2)
    replicates = stats.crossed_replicates(values, items, runs)
    with np.errstate(invalid="ignore"):
        low, high = stats.crossed_interval(replicates, np.inf, 3, runs)
    assert np.isfinite(low)
    assert high == np.inf


@given(st.data())
def test_a_missing_score_is_filled_with_the_mean_of_the_other_runs(data):
    shape = (data.draw(st.integers(1, 4)), data.draw(st.integers(1, 5)))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    values = np.where(rng.random(shape) < 0.4, np.nan, rng.normal(size=shape))
    values[0] = np.where(np.isnan(values).all(axis=0), 1.0, values[0])
    filled = stats.complete_runs(values)
    there = ~np.isnan(values)
    assert np.array_equal(filled[there], values[there])
    assert filled.mean(axis=0) == pytest.approx(np.nanmean(values, axis=0))


def test_a_run_without_scores_does_not_count_and_an_item_without_scores_neither():
    rng = np.random.default_rng(6)
    values = rng.normal(size=(3, 2, 6))
    values[1, 0], values[:, 1, 2] = np.nan, np.nan
    items, runs = drawn(6, 3)
    found = stats.curve_replicates(curve(values, runs, items), "m")
    keep = np.array([True, False, True])
    want = stats.crossed_replicates(values[[0, 2], 0], items, stats.restrict_resamples(runs, keep))
    assert np.allclose(found[0], want)
    keep = np.arange(6) != 2
    want = stats.crossed_replicates(
        values[:, 1][:, keep], stats.restrict_resamples(items, keep), runs
    )
    assert np.allclose(found[1], want)
    values[:, 0] = np.nan
    assert np.isnan(stats.curve_replicates(curve(values, runs, items), "m")[0]).all()


# --- intervals -------------------------------------------------------------------------


@pytest.mark.parametrize("runs", [2, 3, 8])
def test_runs_on_one_item_have_students_interval(runs):
    values = np.random.default_rng(7).normal(size=(runs, 1))
    items, draws = drawn(1, runs, count=50_000)
    replicates = stats.crossed_replicates(values, items, draws)
    found = stats.crossed_interval(replicates, values.mean(), 1, draws)
    assert ends(found) == pytest.approx(ends(stats.t_interval(values[:, 0])), rel=0.03)


def test_runs_that_agree_leave_the_interval_over_items():
    row = np.random.default_rng(8).exponential(size=20)
    items, draws = drawn(20, 3)
    values = np.tile(row, (3, 1))
    replicates = stats.crossed_replicates(values, items, draws)
    found = stats.crossed_interval(replicates, row.mean(), 20, draws)
    alone = stats.bootstrap_interval(row, resamples=items)
    assert ends(found) == pytest.approx(ends(alone), rel=0.02)


def test_an_interval_grows_with_the_spread_of_the_runs():
    noise = np.random.default_rng(9).normal(size=(3, 20))
    items, draws = drawn(20, 3)
    widths = []
    for spread in (0, 1, 3):
        values = noise + spread * np.array([[-1], [0], [1]])
        replicates = stats.crossed_replicates(values, items, draws)
        low, high = stats.crossed_interval(replicates, values.mean(), 20, draws)
        assert low < values.mean() < high
        widths.append(high - low)
    assert widths[0] < widths[1] < widths[2]
    assert widths[2] == pytest.approx(2 * 4.303 * 3 / np.sqrt(3), rel=0.1)


@given(scale=st.floats(0.1, 10), shift=st.floats(-5, 5))
def test_intervals_move_with_shift_and_scale(scale, shift):
    values = np.random.default_rng(2).exponential(size=(3, 15))
    items, draws = drawn(15, 3, count=500)

    def interval(x):
        return stats.crossed_interval(
            stats.crossed_replicates(x, items, draws), x.mean(), 15, draws
        )

    low, high = interval(values)
    want = (scale * low + shift, scale * high + shift)
    assert ends(interval(scale * values + shift)) == pytest.approx(list(want), abs=1e-8)


def test_the_runs_of_an_anchor_count_too():
    rng = np.random.default_rng(11)
    ours, theirs = (rng.normal(size=(3, 1)) * 2 + rng.normal(size=(3, 30)) * 0.1 for _ in "ab")
    items, own = drawn(30, 3)
    other = drawn(30, 3, seed=5)[1]
    difference = stats.crossed_replicates(ours, items, own) - stats.crossed_replicates(
        theirs, items, other
    )
    value = ours.mean() - theirs.mean()
    low, high = stats.crossed_interval(difference, value, 30, own, other)
    error = np.sqrt(ours.mean(1).var(ddof=1) / 3 + theirs.mean(1).var(ddof=1) / 3)
    # Welch: between two and four degrees of freedom
    assert 2.776 * error * 0.95 < (high - low) / 2 < 4.303 * error * 1.05


def test_lost_replicates_are_tolerated_up_to_five_percent():
    values = np.random.default_rng(12).normal(size=(3, 9))
    items, draws = drawn(9, 3, count=1000)
    replicates = stats.crossed_replicates(values, items, draws)
    for n in (9, 1):
        replicates[:50] = np.nan
        assert np.isfinite(stats.crossed_interval(replicates, values.mean(), n, draws)).all()
        replicates[50] = np.nan
        assert np.isnan(stats.crossed_interval(replicates, values.mean(), n, draws)).all()
        replicates[50] = values.mean()


@pytest.mark.parametrize(("runs", "items"), [(8, 1), (3, 8), (3, 200), (5, 200)])
@pytest.mark.parametrize("decides", ["runs", "items", "noise"])
def test_intervals_cover(runs, items, decides):
    """800 trials; 0.95 would be known to 0.008. The table in docs/statistics.md has 2,000."""
    between = {
        "runs": (1, 0.01 * items / runs * (items > 1), 0.01 * items),
        "items": (0.01 * runs / items, items > 1, 0.01 * runs),
        "noise": (0, 0, 1),
    }[decides]
    rng = np.random.default_rng(runs * items)
    of_runs, of_items, of_both = np.sqrt(between)
    shape = (800, runs, items)
    x = of_runs * rng.normal(size=(800, runs, 1)) + of_items * rng.normal(size=(800, 1, items))
    x = x + of_both * rng.normal(size=shape)
    resamples = stats.resample_indices(items, 500)
    held = 0
    for block in np.split(x, 8):
        draws = rng.integers(0, runs, (len(block), 500, runs))
        replicates = stats.crossed_replicates(block, resamples, draws)
        low, high = stats.crossed_interval(replicates, block.mean(axis=(1, 2)), items, draws)
        held += int(np.sum((low <= 0) & (high >= 0)))
    assert 0.92 <= held / 800 <= 0.985


# --- ranks -----------------------------------------------------------------------------


def ranked(values, items, with_draws=True, seed=0):
    """Rank entries (M, S, N)."""
    entries, runs, n = values.shape
    resamples = stats.resample_indices(n, B, seed=1)
    draws = [stats.resample_indices(runs, B, seed=seed + 10 + k) for k in range(entries)]
    replicates = stats.crossed_replicates(values, resamples, np.stack(draws))
    return stats.rank_sets(
        values.mean(axis=(1, 2)),
        replicates,
        items=items,
        better="higher",
        draws=draws if with_draws else None,
    )


def test_entries_whose_runs_overlap_are_tied_however_many_items_there_are():
    rng = np.random.default_rng(13)
    offsets = np.array([[0.0, 1.0, 2.0], [0.8, 1.8, 2.8]])[:, :, None]
    values = offsets + 0.1 * rng.normal(size=(2, 3, 500))
    assert not ranked(values, 500).better.any()
    averaged = values.mean(axis=1, keepdims=True)
    assert ranked(averaged, 500).better.tolist() == [[False, False], [True, False]]


def test_entries_whose_runs_are_far_apart_are_separated():
    values = np.array([[0.0, 0.1, 0.2], [5.0, 5.1, 5.2]])[:, :, None] + np.zeros(40)
    assert ranked(values, 40).better.tolist() == [[False, False], [True, False]]


def test_runs_separate_entries_on_one_item_where_both_have_several():
    values = np.array([[0.0, 0.1, 0.2, 0.1], [5.0, 5.1, 5.2, 5.0]])[:, :, None]
    assert ranked(values, 1).better.sum() == 1
    assert not ranked(values, 1, with_draws=False).better.any()
    draws = [stats.resample_indices(4, B), None]
    replicates = stats.crossed_replicates(values[0], np.zeros((B, 1), int), draws[0])
    replicates = np.stack([replicates, np.full(B, 5.0)])
    found = stats.rank_sets([0.1, 5.0], replicates, items=1, better="higher", draws=draws)
    assert not found.better.any()


def test_without_runs_nothing_changes():
    rng = np.random.default_rng(14)
    values = rng.normal(size=(6, 12)) + np.arange(6)[:, None] * 0.4
    replicates = stats.bootstrap_replicates(values, stats.resample_indices(12, B))
    known = {"items": 12, "better": "lower"}
    plain = stats.rank_sets(values.mean(axis=1), replicates, **known)
    told = stats.rank_sets(values.mean(axis=1), replicates, **known, draws=[None] * 6)
    assert np.array_equal(plain.better, told.better)


def test_the_runs_of_a_common_anchor_cancel():
    rng = np.random.default_rng(15)
    values = rng.normal(size=(3, 3, 50)) * 0.1 + np.arange(3)[:, None, None]
    resamples = stats.resample_indices(50, B)
    draws = [stats.resample_indices(3, B, seed=k) for k in range(4)]
    replicates = stats.crossed_replicates(values, resamples, np.stack(draws[:3]))
    anchor = 10 * stats.crossed_replicates(rng.normal(size=(3, 50)), resamples, draws[3])
    found = stats.rank_sets(
        values.mean(axis=(1, 2)), replicates - anchor, items=50, better="higher", draws=draws[:3]
    )
    assert found.low.tolist() == found.high.tolist() == [3, 2, 1]
