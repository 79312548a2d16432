"""Boards of models that were trained several times, and of items that hold several things."""

from __future__ import annotations

import math
import sys
import types

import numpy as np
import pytest

from harness import stats
from harness.board.html import render_html
from harness.board.write import board_rows
from harness.spec import DerivedScore

ONE = ({},)
SEEDS = (0, 1, 2)


def trained(lab, entry, values, metric="psnr", seeds=SEEDS, points=ONE, **more):
    """Score rows of (S, N) or (S, P, N) values; NaN is a score that is missing."""
    return [
        row
        for seed, own in zip(seeds, values, strict=True)
        for row in lab.rows(entry, metric, own, points, seed=seed, **more)
    ]


def elements(lab, entry, metric, values, seed=None, blocks=4):
    """Score rows of (N,) values of what ``blocks`` items hold."""
    each = len(values) // blocks
    return [
        lab.row(entry, metric, v, item=f"i{n // each}:{n % each:02}", point={}, seed=seed)
        for n, v in enumerate(values)
        if not np.isnan(v)
    ]


def ladder(runs, items=30, noise=0.1, seed=0):
    """Three entries a step of 1 apart, with runs that spread by ``runs``: (3, S, N)."""
    rng = np.random.default_rng(seed)
    spread = np.array([[-1.0, 0.0, 1.0], [1.0, -1.0, 0.0], [0.0, 1.0, -1.0]]) * runs
    values = np.arange(3.0)[:, None, None] + spread[:, :, None]
    return 30 + values + noise * rng.normal(size=(3, 3, items))


def board_of(lab, values, metrics=None, **board):
    rows = [r for e, own in zip("abc", values, strict=True) for r in trained(lab, e, own)]
    suite = lab.suite(
        dict.fromkeys("abc", ONE), metrics or lab.METRICS, **{"rank_by": "psnr"} | board
    )
    return lab.table(suite, rows, size=values.shape[2])


# --- seeds -----------------------------------------------------------------------------


def test_the_spread_of_runs_decides_who_is_tied(lab):
    far, near = ladder(runs=0.02), ladder(runs=1.5)
    assert [board_of(lab, far)[e].rank for e in "abc"] == [(3, 3), (2, 2), (1, 1)]
    assert [board_of(lab, near)[e].rank for e in "abc"] == [(1, 3)] * 3
    assert {e for e, r in board_of(lab, far, rank_by=None).items() if r.cells["psnr"].best} == {
        "c"
    }
    tied = board_of(lab, near, rank_by=None).values()
    assert all(r.cells["psnr"].best for r in tied)


def test_a_number_says_on_how_many_items_and_seeds_it_stands(lab):
    rows = trained(lab, "a", ladder(0.5)[0])
    made = lab.board(lab.suite({"a": ONE}), rows, size=30)
    cell = made.tables[0].rows[0].cells["psnr"]
    assert (cell.n, cell.seeds, cell.note) == (30, 3, "")
    assert "30 items × 3 seeds" in render_html(made)
    (told,) = [r for r in board_rows(made) if r["metric"] == "psnr"]
    assert (told["n"], told["seeds"]) == (30, 3)
    single = lab.board(lab.suite({"a": ONE}), lab.rows("a", "psnr", [30.0, 31.0], ONE), size=2)
    assert "seeds" not in render_html(single).split("<tbody>")[1]


def test_one_item_has_an_interval_over_its_runs(lab):
    rows = trained(lab, "a", [[30.0], [31.0], [32.5]])
    cell = lab.table(lab.suite({"a": ONE}), rows, size=1)["a"].cells["psnr"]
    want = stats.t_interval([30.0, 31.0, 32.5])
    assert (cell.low, cell.high) == pytest.approx([float(end) for end in want], abs=0.3)


def test_scores_of_whole_sets_have_runs_of_their_own(lab):
    """Seed 1 is the worst run of both by chance: that pairs them no more than any two runs."""
    fid = {"a": [6.0, 8.0, 7.0], "b": [6.1, 8.1, 7.1]}
    rows = [
        lab.row(e, "fid", v, point={}, seed=s) for e, own in fid.items() for s, v in enumerate(own)
    ]
    suite = lab.suite({"a": ONE, "b": ONE}, [lab.metric("fid", "lower", per="set")], rank_by="fid")
    found = lab.table(suite, rows)
    assert {r.rank for r in found.values()} == {(1, 2)}
    assert all(r.cells["fid"].seeds == 3 for r in found.values())
    assert "3 seeds" in render_html(lab.board(suite, rows))


def test_further_rows_and_another_order_change_no_number(lab):
    values = ladder(0.5)
    full = board_of(lab, values)["b"].cells["psnr"]
    rows = trained(lab, "b", values[1])
    alone = lab.table(lab.suite({"b": ONE}), rows, size=30)["b"].cells["psnr"]
    assert (full.value, full.low, full.high) == pytest.approx(
        (alone.value, alone.low, alone.high), rel=1e-12
    )
    mixed = trained(lab, "b", values[1][[2, 0, 1]], seeds=(2, 0, 1))
    again = lab.table(lab.suite({"b": ONE}), mixed, size=30)["b"].cells["psnr"]
    assert (again.low, again.high) == pytest.approx((alone.low, alone.high), rel=1e-12)


def test_a_run_that_is_missing_is_told_and_the_rest_is_ranked(lab):
    values = ladder(0.02)
    values[1, 2] = np.nan
    found = board_of(lab, values)
    cell = found["b"].cells["psnr"]
    assert cell.note == "1 of 3 runs (seeds) are missing"
    assert (cell.n, cell.seeds) == (30, 2)
    assert cell.value == pytest.approx(np.nanmean(values[1]))
    assert found["b"].rank is not None
    assert found["a"].cells["psnr"].note == ""


def test_a_single_run_among_several_is_shown_and_not_ranked(lab):
    values = ladder(0.02)
    values[1, 1:] = np.nan
    found = board_of(lab, values)
    cell = found["b"].cells["psnr"]
    assert cell.note == "2 of 3 runs (seeds) are missing, so its interval knows items only"
    assert cell.low < cell.value < cell.high
    assert (found["b"].rank, found["b"].unranked) == (None, cell.note)
    assert [found[e].rank for e in "ac"] == [(2, 2), (1, 1)]


def test_a_run_that_failed_on_an_item_is_told_and_every_item_weighs_the_same(lab):
    values = ladder(0.5)
    values[0, 1, 4:6] = np.nan
    cell = board_of(lab, values)["a"].cells["psnr"]
    assert cell.note == "2 of 90 scores of runs are missing"
    assert (cell.n, cell.seeds) == (30, 3)
    assert cell.value == pytest.approx(np.nanmean(values[0], axis=0).mean(), rel=1e-12)


def test_an_item_that_no_run_has_a_score_of_leaves_a_row_unranked(lab):
    values = ladder(0.02)
    values[0, :, 3] = np.nan
    found = board_of(lab, values)
    assert found["a"].cells["psnr"].note == "1 of 30 items have no score"
    assert found["a"].rank is None
    assert [found[e].rank for e in "bc"] == [(2, 2), (1, 1)]
    values[0] = np.nan
    values[0, 0, 0] = 1.0
    assert board_of(lab, values)["a"].cells["psnr"].n == 1


def test_an_aggregate_of_its_own_is_taken_over_the_scores_of_all_runs(lab):
    values = ladder(2.0)
    metrics = [lab.metric("psnr", aggregate="board_lab:db_of_mean")]
    cell = board_of(lab, values, metrics)["a"].cells["psnr"]
    assert cell.value == pytest.approx(lab.db_of_mean(values[0].ravel()), rel=1e-12)
    assert cell.low < cell.value < cell.high


def test_an_interval_stays_in_the_metrics_range(lab):
    values = np.array([[1.0, 1.0, 1.0], [0.9, 1.0, 1.0], [0.2, 0.2, 0.2]])
    metrics = [lab.metric("psnr", range=(0, 1))]
    rows = trained(lab, "a", values)
    cell = lab.table(lab.suite({"a": ONE}, metrics), rows, size=3)["a"].cells["psnr"]
    assert cell.low >= 0
    assert cell.high == 1


def test_times_of_several_runs_are_averaged_over_the_points(lab):
    rng = np.random.default_rng(1)
    seconds = rng.uniform(1, 2, (3, 4, 8)) + np.array([0, 2, 4])[:, None, None]
    rows = trained(lab, "a", seconds, "encode_seconds", points=lab.POINTS)
    cell = lab.table(lab.suite({"a": lab.POINTS}), rows, size=8)["a"].cells["encode_seconds"]
    assert (cell.n, cell.seeds) == (8, 3)
    assert cell.value == pytest.approx(seconds.mean())
    assert cell.high - cell.low > 2 * 4.303 * 2 / math.sqrt(3) * 0.9


def test_infinite_scores_of_several_runs_raise_no_warning(lab):
    values = ladder(0.5)
    values[2, 1, 3] = np.inf
    found = board_of(lab, values)
    assert found["c"].cells["psnr"].value == math.inf
    assert found["a"].rank is not None


# --- derived scores --------------------------------------------------------------------


@pytest.fixture
def plugin(monkeypatch):
    """Return a module whose functions suites can name as ``seed_lab:NAME``; it keeps curves."""
    module = types.ModuleType("seed_lab")
    module.seen = []

    def level(curves, anchor, metrics=("psnr",)):
        base = next((c for c in curves if c.entry == anchor), None)
        for curve in curves:
            module.seen.append(curve)
            value = sum(
                float(np.nanmean(c.scores[m]) * f)
                for m in metrics
                for c, f in ((curve, 1), (base, -1))
                if c is not None
            )
            drawn = sum(stats.curve_replicates(curve, m)[0] for m in metrics)
            if base is not None:
                drawn = drawn - sum(stats.curve_replicates(base, m)[0] for m in metrics)
            runs = [c.seed_resamples for c in (curve, base) if c is not None]
            low, high = stats.crossed_interval(drawn, value, len(curve.items), *runs)
            yield DerivedScore(
                entry=curve.entry,
                name="level",
                value=value,
                signature="level|v1",
                low=float(low),
                high=float(high),
                replicates=drawn,
            )

    module.level = level
    monkeypatch.setitem(sys.modules, "seed_lab", module)
    return module


def leveled(lab, rows, metrics=None, inputs=("psnr",), size=30, **board):
    derived = lab.derived("level", "seed_lab:level", inputs, metrics=inputs)
    suite = lab.suite(dict.fromkeys("abc", ONE), metrics or lab.METRICS, [derived], **board)
    return lab.table(suite, rows, size=size)


def test_a_derived_score_sees_the_runs_and_what_is_drawn_of_them(lab, plugin):
    values = ladder(1.5)
    rows = [r for e, own in zip("abc", values, strict=True) for r in trained(lab, e, own)]
    found = leveled(lab, rows, rank_by="level")
    first, second, _ = plugin.seen
    assert np.array_equal(first.by_seed["psnr"], values[0][:, None])
    assert np.allclose(first.scores["psnr"], values[0].mean(axis=0))
    assert first.seed_resamples.shape == (len(first.resamples), 3)
    assert not np.array_equal(first.seed_resamples, second.seed_resamples)
    assert np.array_equal(first.resamples, second.resamples)
    for entry, own in zip("abc", values, strict=True):
        derived, direct = found[entry].cells["level"], found[entry].cells["psnr"]
        assert (derived.n, derived.seeds) == (30, 3)
        assert derived.value == pytest.approx(own.mean())
        assert (derived.low, derived.high) == pytest.approx((direct.low, direct.high), rel=1e-6)
    assert {r.rank for r in found.values()} == {(1, 3)}


def test_a_derived_score_of_one_seed_is_drawn_over_items_alone(lab, plugin):
    values = ladder(0.5)[:, :1]
    rows = [
        r for e, own in zip("abc", values, strict=True) for r in trained(lab, e, own, seeds=(7,))
    ]
    found = leveled(lab, rows)
    curve = plugin.seen[0]
    assert curve.seed_resamples is None
    assert curve.by_seed["psnr"].shape == (1, 1, 30)
    want = stats.bootstrap_replicates(values[0, 0], curve.resamples)
    assert np.array_equal(stats.curve_replicates(curve, "psnr")[0], want)
    assert found["a"].cells["level"].seeds == 1


def test_scores_relative_to_a_trained_anchor_are_ranked_by_both_spreads(lab, plugin):
    values = ladder(1.5)
    rows = [r for e, own in zip("abc", values, strict=True) for r in trained(lab, e, own)]
    found = leveled(lab, rows, rank_by="level", anchor="a")
    assert found["a"].cells["level"].value == 0
    assert {r.rank for r in found.values()} == {(1, 3)}
    apart = ladder(0.02)
    rows = [r for e, own in zip("abc", apart, strict=True) for r in trained(lab, e, own)]
    found = leveled(lab, rows, rank_by="level", anchor="a")
    assert [found[e].rank for e in "abc"] == [(3, 3), (2, 2), (1, 1)]


def test_scores_of_runs_and_scores_that_know_no_seed_go_together(lab, plugin):
    values = ladder(0.5)
    rows = [r for e, own in zip("abc", values, strict=True) for r in trained(lab, e, own)]
    rows += [r for e in "abc" for r in lab.rows(e, "bpp", np.linspace(1, 2, 30), ONE)]
    rows += [
        lab.row(e, "fid", v, point={}, seed=s)
        for e in "abc"
        for s, v in enumerate([3.0, 4.0, 8.0])
    ]
    metrics = [*lab.METRICS, lab.metric("fid", per="set")]
    found = leveled(lab, rows, metrics, ("psnr", "bpp", "fid"))
    curve = plugin.seen[0]
    shapes = {name: own.shape for name, own in curve.by_seed.items()}
    assert shapes == {"psnr": (3, 1, 30), "bpp": (1, 1, 30), "fid": (3, 1, 30)}
    assert found["a"].cells["level"].value == pytest.approx(values[0].mean() + 1.5 + 5)
    assert found["a"].cells["level"].low < found["a"].cells["level"].value


# --- elements --------------------------------------------------------------------------


def element_metric(lab, name, **more):
    return lab.metric(name, per="element", **more)


def test_each_metric_is_aggregated_over_its_own_ids(lab):
    rng = np.random.default_rng(2)
    blocks, episodes = rng.normal(size=(3, 4)), rng.normal(size=(3, 100))
    rows = []
    for k, e in enumerate("abc"):
        rows += lab.rows(e, "psnr", blocks[k], ONE) + elements(lab, e, "reward", episodes[k])
    metrics = [*lab.METRICS, element_metric(lab, "reward")]
    made = lab.board(lab.suite(dict.fromkeys("abc", ONE), metrics, rank_by="reward"), rows, size=4)
    assert made.tables[0].items == 4
    found = {r.entry: r.cells for r in made.tables[0].rows}
    for k, e in enumerate("abc"):
        assert (found[e]["psnr"].n, found[e]["reward"].n) == (4, 100)
        assert found[e]["psnr"].note == found[e]["reward"].note == ""
        assert found[e]["reward"].value == pytest.approx(episodes[k].mean())
        want = stats.bootstrap_interval(episodes[k])
        assert (found[e]["reward"].low, found[e]["reward"].high) == pytest.approx(
            [float(end) for end in want], abs=0.05
        )
    assert all(r.rank is not None for r in made.tables[0].rows)


def test_items_are_as_they_would_be_without_elements(lab):
    values = np.random.default_rng(3).normal(size=(3, 12))
    rows = [r for k, e in enumerate("abc") for r in lab.rows(e, "psnr", values[k], ONE)]
    more = [r for e in "abc" for r in elements(lab, e, "reward", np.arange(40.0))]
    metrics = [*lab.METRICS, element_metric(lab, "reward")]
    plain = lab.table(lab.suite(dict.fromkeys("abc", ONE)), rows)
    both = lab.table(lab.suite(dict.fromkeys("abc", ONE), metrics), [*more, *rows])
    assert {e: r.cells["psnr"] for e, r in plain.items()} == {
        e: r.cells["psnr"] for e, r in both.items()
    }


def test_an_element_without_a_score_leaves_the_others(lab):
    values = np.random.default_rng(4).normal(size=40)
    values[::3] = np.nan
    suite = lab.suite({"a": ONE}, [element_metric(lab, "reward")])
    made = lab.board(suite, elements(lab, "a", "reward", values), size=4)
    assert made.tables[0].items == int(np.sum(~np.isnan(values)))
    cell = made.tables[0].rows[0].cells["reward"]
    assert (cell.n, cell.value) == (26, pytest.approx(np.nanmean(values)))


def test_elements_of_several_runs_are_crossed_with_them(lab):
    rng = np.random.default_rng(5)
    runs = np.array([0.0, 1.0, 2.0])[:, None] + 0.1 * rng.normal(size=(3, 200))
    rows = [r for s in SEEDS for r in elements(lab, "a", "reward", runs[s], seed=s)]
    suite = lab.suite({"a": ONE}, [element_metric(lab, "reward")])
    cell = lab.table(suite, rows, size=4)["a"].cells["reward"]
    assert (cell.n, cell.seeds) == (200, 3)
    assert cell.high - cell.low == pytest.approx(2 * 4.303 / math.sqrt(3), rel=0.06)


def test_a_derived_score_of_elements_is_computed_on_elements(lab, plugin):
    rng = np.random.default_rng(6)
    values = rng.normal(size=(3, 80))
    rows = []
    for k, e in enumerate("abc"):
        rows += elements(lab, e, "reward", values[k])
        rows += elements(lab, e, "prompts", np.zeros(12), blocks=6)
        rows += lab.rows(e, "psnr", np.arange(4.0), ONE)
    metrics = [*lab.METRICS, element_metric(lab, "reward"), element_metric(lab, "prompts")]
    found = leveled(lab, rows, metrics, ("reward",), size=4)
    curve = plugin.seen[0]
    assert curve.items[:2] == ("i0:00", "i0:01")
    assert len(curve.items) == 80
    assert curve.resamples.shape[1] == 80
    assert np.array_equal(curve.scores["reward"][0], values[0])
    assert found["a"].cells["level"].n == 80


def test_scores_of_elements_and_of_items_meet_on_the_items(lab, plugin):
    values = np.random.default_rng(7).normal(size=(3, 80))
    values[0, 5] = np.nan
    rows = []
    for k, e in enumerate("abc"):
        rows += elements(lab, e, "reward", values[k])
        rows += lab.rows(e, "psnr", np.arange(4.0), ONE)
    metrics = [*lab.METRICS, element_metric(lab, "reward")]
    found = leveled(lab, rows, metrics, ("reward", "psnr"), size=4)
    curve = plugin.seen[0]
    assert curve.items == ("i0", "i1", "i2", "i3")
    want = np.nanmean(values[0].reshape(4, 20), axis=1)
    assert curve.scores["reward"][0] == pytest.approx(want)
    assert found["a"].cells["level"].value == pytest.approx(want.mean() + 1.5)
    assert found["a"].cells["level"].n == 4
