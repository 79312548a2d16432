"""Score rows to the numbers of the table."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

NAN = float("nan")
ONE = ({},)


def by_metric(row, metric):
    return [p.cells[metric].value for p in row.points]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(items=st.integers(1, 9), seed=st.integers(0, 99))
def test_aggregates_are_means_over_items_and_intervals_contain_them(lab, items, seed):
    values = np.random.default_rng(seed).normal(30, 3, (4, items))
    suite = lab.suite({"a": lab.POINTS}, replicates=300)
    row = lab.table(suite, lab.rows("a", "psnr", values), size=items)["a"]
    assert by_metric(row, "psnr") == pytest.approx(values.mean(axis=1), rel=1e-12)
    for point in row.points:
        cell = point.cells["psnr"]
        assert cell.n == items
        assert cell.signature == "psnr|v1"
        if items == 1:
            assert math.isnan(cell.low)
            assert math.isnan(cell.high)
        else:
            assert cell.low <= cell.value <= cell.high


def test_intervals_shrink_with_the_number_of_items(lab):
    values = np.random.default_rng(3).normal(size=256)
    widths = []
    for n in (8, 64, 256):
        cell = lab.table(lab.suite({"a": ONE}), lab.rows("a", "psnr", values[:n], ONE), size=n)[
            "a"
        ].cells["psnr"]
        widths.append(cell.high - cell.low)
    assert widths[0] > 2 * widths[1] > 2.5 * widths[2]


def test_scores_under_several_seeds_are_averaged_and_their_spread_counts(lab):
    values = np.random.default_rng(4).normal(size=(3, 6)) + np.array([[0], [1], [4]])
    rows = [r for s in range(3) for r in lab.rows("a", "psnr", values[s], ONE, seed=s)]
    cell = lab.table(lab.suite({"a": ONE}), rows, size=6)["a"].cells["psnr"]
    averaged = lab.rows("a", "psnr", values.mean(axis=0), ONE)
    same = lab.table(lab.suite({"a": ONE}), averaged, size=6)["a"].cells["psnr"]
    assert (cell.n, cell.seeds, same.seeds) == (6, 3, 1)
    assert cell.value == pytest.approx(values.mean(), rel=1e-12)
    assert cell.low < same.low < same.high < cell.high


def test_a_score_of_the_set_has_an_interval_only_over_seeds(lab):
    one = [lab.row("a", "fid", 7.5, point={})]
    several = [lab.row("b", "fid", v, point={}, seed=s) for s, v in enumerate([6.0, 8.0, 7.0])]
    suite = lab.suite({"a": ONE, "b": ONE}, [lab.metric("fid", "lower", per="set")])
    a = lab.table(suite, one)["a"].cells["fid"]
    assert (a.value, a.n) == (7.5, 1)
    assert math.isnan(a.low)
    b = lab.table(suite, several)["b"].cells["fid"]
    assert (b.value, b.n, b.seeds) == (pytest.approx(7.0), 1, 3)
    # Student's interval of three runs: 7 -+ 4.303 / sqrt(3); B replicates know it to a few percent
    assert (b.low, b.high) == pytest.approx((7 - 2.484, 7 + 2.484), abs=0.15)


def test_a_metric_aggregates_in_its_own_way(lab):
    values = np.random.default_rng(5).uniform(25, 45, (4, 8))
    suite = lab.suite({"a": lab.POINTS}, [lab.metric("psnr", aggregate="board_lab:db_of_mean")])
    row = lab.table(suite, lab.rows("a", "psnr", values), size=8)["a"]
    expected = -10 * np.log10(np.mean(10 ** (-values / 10), axis=1))
    assert by_metric(row, "psnr") == pytest.approx(expected, rel=1e-12)
    assert all(p.cells["psnr"].low < p.cells["psnr"].value for p in row.points)


def test_infinite_scores_stay_infinite_and_raise_no_warning(lab):
    values = np.random.default_rng(6).uniform(30, 40, (4, 6))
    values[3] = np.inf
    values[2, 0] = np.inf
    for aggregate in ("mean", "board_lab:db_of_mean"):
        suite = lab.suite(
            {"a": lab.POINTS, "b": lab.POINTS}, [lab.metric("psnr", aggregate=aggregate)]
        )
        rows = lab.rows("a", "psnr", values) + lab.rows("b", "psnr", values)
        row = lab.table(suite, rows, size=6)["a"]
        assert row.points[3].cells["psnr"].value == math.inf
        assert (row.points[2].cells["psnr"].high == math.inf) == (aggregate == "mean")
        assert np.isfinite(row.points[0].cells["psnr"].high)
        assert row.cells["psnr"].note.endswith("inf over 4 points")


def test_lossless_entries_are_ranked_on_top_together(lab):
    rows = [r for e in ("x", "y") for r in lab.rows(e, "psnr", [np.inf] * 6, ONE)]
    rows += lab.rows("z", "psnr", np.linspace(30, 40, 6), ONE)
    found = lab.table(lab.suite(dict.fromkeys("xyz", ONE), rank_by="psnr"), rows, size=6)
    assert [found[e].rank for e in "xyz"] == [(1, 2), (1, 2), (3, 3)]
    assert [found[e].cells["psnr"].best for e in "xyz"] == [True, True, False]


def test_missing_items_are_noted_and_the_number_is_not_compared(lab):
    values = np.linspace(30, 40, 8)
    holes = values + 50
    holes[2] = NAN
    rows = [r for e in ("a", "b") for r in lab.rows(e, "psnr", values, ONE)]
    rows += lab.rows("c", "psnr", holes, ONE)
    found = lab.table(lab.suite(dict.fromkeys("abc", ONE), rank_by="psnr"), rows, size=8)
    cell = found["c"].cells["psnr"]
    assert cell.value == pytest.approx(np.nanmean(holes))
    assert (cell.n, cell.note) == (7, "1 of 8 items have no score")
    assert cell.low < cell.value < cell.high
    assert not cell.best
    assert (found["c"].rank, found["c"].unranked) == (None, cell.note)
    assert found["a"].cells["psnr"].best
    assert found["a"].rank == (1, 2)


def test_a_partial_number_is_not_best_in_a_column_that_is_not_ranked(lab):
    rows = [r for e in "ab" for r in lab.rows(e, "psnr", np.linspace(30, 40, 8), ONE)]
    rows += lab.rows("c", "psnr", [99, NAN, *[99] * 6], ONE)
    found = lab.table(lab.suite(dict.fromkeys("abc", ONE)), rows, size=8)
    assert [found[e].cells["psnr"].best for e in "abc"] == [True, True, False]


def test_rows_and_points_stand_in_suite_order_whatever_ended_first(lab):
    values = np.full((4, 3), 30.0)
    values[0, 0] = NAN  # the first item has no score at the first point
    rows = lab.rows("b", "psnr", values) + lab.rows("a", "psnr", values[::-1], lab.POINTS[::-1])
    (table,) = lab.board(lab.suite({"a": lab.POINTS, "b": lab.POINTS}), rows, size=3).tables
    assert [r.entry for r in table.rows] == ["a", "b"]
    for row in table.rows:
        assert [p.label for p in row.points] == ["q 10", "q 30", "q 60", "q 90"]


def test_a_point_is_called_as_the_suite_writes_it(lab):
    points = ({"speed": 1, "q": 5}, {"speed": 1, "q": 9})
    kept = [{"q": 5, "speed": 1}, {"q": 9, "speed": 1}]  # JSON with sorted keys
    row = lab.table(lab.suite({"a": points}), lab.rows("a", "psnr", [[1, 2], [3, 4]], kept))["a"]
    assert [p.label for p in row.points] == ["speed 1, q 5", "speed 1, q 9"]


def test_a_score_that_belongs_to_no_point_stands_for_the_entry(lab):
    rows = [lab.row("a", "fit_seconds", 3.0), *lab.rows("a", "psnr", np.full((4, 2), 30.0))]
    rows += lab.rows("a", "encode_seconds", [[1, 1], [2, 2], [3, 3], [6, 6]])
    row = lab.table(lab.suite({"a": lab.POINTS}, stages=("fit", "encode")), rows)["a"]
    assert [p.label for p in row.points] == ["q 10", "q 30", "q 60", "q 90"]
    assert (row.cells["fit_seconds"].value, row.cells["fit_seconds"].signature) == (
        3.0,
        "fit_seconds|v1",
    )
    assert row.cells["psnr"].value == 30.0  # the same at all points
    assert row.cells["encode_seconds"].value == pytest.approx(3.0)
    assert row.cells["encode_seconds"].signature == "encode_seconds|v1|mean over points"


def test_a_time_that_lacks_points_says_so_and_is_not_ranked(lab):
    rows = lab.rows("a", "encode_seconds", [[1, 1.1], [2, 2.2]], lab.POINTS[:2])
    rows += lab.rows("a", "psnr", np.full((4, 2), 30.0))
    rows += lab.rows("b", "encode_seconds", np.arange(8.0).reshape(4, 2))
    found = lab.table(
        lab.suite({"a": lab.POINTS, "b": lab.POINTS}, rank_by="encode_seconds"), rows
    )
    assert found["a"].cells["encode_seconds"].note == "2 of 4 points have no score"
    assert found["a"].unranked == "2 of 4 points have no score"
    assert found["b"].rank == (1, 1)
    assert found["a"].points[3].cells["encode_seconds"].note == "no score"


def test_scores_of_what_left_the_suite_are_left_out(lab):
    gone = lab.rows("gone", "psnr", [30, 31], ONE)
    elsewhere = lab.rows("a", "psnr", [30, 31], ONE, dataset="old")
    assert lab.board(lab.suite({"a": ONE}), gone + elsewhere).tables == ()
    assert list(lab.table(lab.suite({"a": ONE}), gone, [lab.node("a", "error")])) == ["a"]


def test_every_dataset_has_a_table_in_suite_order_even_without_scores(lab):
    from dataclasses import replace

    names = ["first", "second", "third"]
    sets = tuple(replace(lab.PHOTOS, name=n) for n in names)
    nodes = [
        lab.node(e, "error", reason=f"{e} broke on {d}", dataset=d) for e in "ab" for d in names
    ]
    rows = lab.rows("b", "psnr", [1, 2], ONE, dataset="third")
    rows += lab.rows("a", "psnr", [1, 2], ONE, dataset="first")
    made = lab.board(lab.suite({"a": ONE, "b": ONE}, datasets=sets, rank_by="psnr"), rows, nodes)
    assert [t.dataset for t in made.tables] == names
    assert [r.unranked for r in made.tables[1].rows] == ["a broke on second", "b broke on second"]


def test_entries_without_scores_are_rows_with_the_cause(lab):
    nodes = [
        lab.node("a"),
        lab.node("left", "skipped", reason="left out by --only"),
        lab.node("broken", "skipped", step="fid", reason="encode failed"),
        lab.node("broken", "error", reason="too hard"),
        lab.node("mute", "crashed", reason=None),
    ]
    labels = ["a", "left", "broken", "mute", "new"]
    made = lab.board(
        lab.suite(dict.fromkeys(labels, ONE), rank_by="psnr"), lab.rows("a", "psnr", 3, ONE), nodes
    )
    found = {r.entry: r for r in made.tables[0].rows}
    assert list(found) == labels
    assert [found[e].unranked for e in labels[1:]] == [
        "left out by --only",
        "too hard",
        "crashed",
        "it was not run",
    ]
    assert (found["broken"].failed, found["broken"].planned) == (1, 2)
    assert [(f.entry, f.outcome) for f in made.failures] == [
        ("broken", "error"),
        ("mute", "crashed"),
    ]
    assert made.outcomes == {"ok": 1, "skipped": 2, "error": 1, "crashed": 1}
