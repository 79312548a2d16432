"""Derived scores on the board: the codec family's, third parties', and published curves."""

from __future__ import annotations

import math

import numpy as np
import pytest

from harness import stats
from harness.board.text import text_table

NAN = float("nan")


def cells(lab, suite, rows, column="bd_rate", **more):
    return {e: r.cells[column] for e, r in lab.table(suite, rows, **more).items()}


def pair(lab, **board):
    rows = lab.codec_rows("anchor") + lab.codec_rows("b", seed=1, gain=0.8)
    entries = dict.fromkeys(["anchor", "b"], lab.POINTS)
    return lab.suite(entries, derived=[lab.bd_rate()], **{"anchor": "anchor", **board}), rows


def curve(lab, **how):
    rate, quality = lab.codec(**how)
    return rate.mean(axis=1), quality.mean(axis=1)


def delta(anchor, test):
    return stats.bd_rate(
        rate_anchor=anchor[0], quality_anchor=anchor[1], rate_test=test[0], quality_test=test[1]
    ).akima


def test_bd_rate_is_that_of_the_aggregated_curves(lab):
    suite, rows = pair(lab, rank_by="bd_rate")
    found = cells(lab, suite, rows)
    expected = delta(curve(lab), curve(lab, seed=1, gain=0.8))
    assert found["anchor"].value == 0.0
    assert found["b"].value == pytest.approx(expected, abs=1e-9)
    assert found["b"].low < expected < found["b"].high
    assert found["b"].n == 12
    assert {e: r.rank for e, r in lab.table(suite, rows).items()} == {
        "b": (1, 1),
        "anchor": (2, 2),
    }


@pytest.mark.parametrize(
    ("anchor", "reason"),
    [
        (None, "the suite names no anchor to compare with"),
        ("lost", "the anchor 'lost' has no scores on this dataset"),
    ],
)
def test_without_an_anchor_the_reason_reaches_cell_row_and_text(lab, anchor, reason):
    suite, rows = pair(lab, anchor=anchor, rank_by="bd_rate")
    rows += lab.quoted("paper", "bpp", [1, 2, 3, 4]) + lab.quoted("paper", "psnr", [1, 2, 3, 4])
    made = lab.board(suite, rows)
    for row in made.tables[0].rows:
        assert math.isnan(row.cells["bd_rate"].value)
        assert row.cells["bd_rate"].note == reason
        if row.kind == "measured":
            assert row.unranked == reason
    assert any(reason in line for line in text_table(made))


def test_a_refusal_reaches_cell_row_and_text(lab):
    suite, rows = pair(lab, rank_by="bd_rate")
    rows = [r for r in rows if r["entry"] == "anchor"] + lab.codec_rows("b", shift=8)
    made = lab.board(suite, rows)
    row = next(r for r in made.tables[0].rows if r.entry == "b")
    assert "at least 75 % is needed" in row.cells["bd_rate"].note
    assert row.unranked == row.cells["bd_rate"].note
    assert any(row.unranked in line for line in text_table(made))


def test_an_input_that_nothing_has_is_named(lab):
    suite, rows = pair(lab, rank_by="bd_rate")
    found = lab.table(suite, [r for r in rows if r["metric"] == "bpp"])
    assert found["b"].unranked == "nothing was measured in psnr"


def published(lab, **how):
    rate, quality = curve(lab, **how)
    return lab.quoted("paper", "bpp", rate) + lab.quoted("paper", "psnr", quality)


def test_a_published_curve_stands_beside_the_anchors_aggregate(lab):
    suite, rows = pair(lab)
    cell = cells(lab, suite, rows + published(lab, seed=5, gain=0.7))["paper"]
    assert cell.value == pytest.approx(delta(curve(lab), curve(lab, seed=5, gain=0.7)), abs=1e-9)
    assert cell.signature.endswith("|published")
    assert math.isnan(cell.low)


def test_published_scores_per_item_are_aggregated_and_are_no_items_of_the_board(lab):
    suite, rows = pair(lab)
    rate, quality = lab.codec(seed=5, gain=0.7)
    at = [{"point": n} for n in range(4)]
    more = {"kind": "published", "source": "A paper"}
    own = lab.rows("paper", "bpp", rate, at, **more) + lab.rows(
        "paper", "psnr", quality, at, **more
    )
    for row in own:
        row["item"] = f"their-{row['item']}"
    (table,) = lab.board(suite, rows + own).tables
    assert table.items == 12
    found = {r.entry: r for r in table.rows}
    assert found["b"].points[0].cells["bpp"].n == 12
    assert found["paper"].points[0].cells["bpp"].n == 12
    assert found["paper"].cells["bd_rate"].value == pytest.approx(
        delta(curve(lab), curve(lab, seed=5, gain=0.7)), abs=1e-9
    )


def test_a_published_curve_is_refused_where_only_a_part_was_measured(lab):
    suite, rows = pair(lab)
    cell = cells(lab, suite, rows + published(lab), size=24)["paper"]
    assert cell.note == "published on the whole set; measured here on 12 of 24 items"


@pytest.mark.parametrize("points", [1, 4])
def test_it_is_the_anchor_that_must_have_the_whole_set(lab, points):
    suite, rows = pair(lab)
    hard = [q["q"] for q in lab.POINTS[:points]]
    rows = [
        r
        for r in rows
        if not (r["entry"] == "anchor" and r["item"] == "i3" and r["point"]["q"] in hard)
    ]
    found = cells(lab, suite, rows + published(lab))
    assert found["paper"].note == "published on the whole set; measured here on 11 of 12 items"
    assert found["b"].n == 11


def test_an_anchor_that_lost_a_point_is_compared_without_it(lab):
    points = (*lab.POINTS, {"q": 99})
    suite = lab.suite({"anchor": points}, derived=[lab.bd_rate()], anchor="anchor")
    rows = lab.codec_rows("anchor")
    rows.append(lab.row("anchor", "seen", 1, point={"q": 99}, item="i0"))
    cell = cells(lab, suite, rows + published(lab, gain=0.7))["paper"]
    assert cell.value == pytest.approx(delta(curve(lab), curve(lab, gain=0.7)), abs=1e-9)


def test_a_publication_without_the_metric_is_refused(lab):
    suite, rows = pair(lab)
    quoted = [r for r in published(lab) if r["metric"] == "bpp"]
    assert cells(lab, suite, rows + quoted)["paper"].note == "its publication states no psnr"


def third(lab, **params):
    rows = lab.codec_rows("a") + lab.codec_rows("b", shift=1.5)
    entries = dict.fromkeys("ab", lab.POINTS)
    return lab.suite(entries, derived=[lab.derived(**params)], anchor="a"), rows


def test_a_third_partys_score_is_a_column(lab):
    suite, rows = third(lab)
    made = lab.board(suite, rows)
    column = next(c for c in made.columns if c.name == "gap")
    assert (column.derived, column.shown, column.better) == (True, True, "higher")
    cell = made.tables[0].rows[1].cells["gap"]
    assert (cell.value, cell.n, cell.best) == (pytest.approx(1.5), 12, True)


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"wrong": "raise"}, "gap failed: KeyError: 'psnr'"),
        ({"wrong": "entry"}, "gap failed: ValueError: a score of 'nobody', which is none"),
        (
            {"wrong": "shape"},
            "gap failed: ValueError: replicates have shape (7,), expected ",
        ),
        ({"no_such": 1}, "gap failed: TypeError: "),
        ({"compute": "board_lab:gone"}, "gap failed: AttributeError: "),
        ({"compute": "no_such_module:gap"}, "gap failed: Unavailable: no_such_module cannot"),
    ],
)
def test_a_plugin_that_fails_costs_its_own_column(lab, params, reason):
    suite, rows = third(lab, **params)
    found = lab.table(suite, rows)
    assert found["b"].cells["gap"].note.startswith(reason)
    assert found["b"].points[0].cells["psnr"].n == 12


def test_details_of_a_plugin_are_its_own(lab):
    suite, rows = third(lab, wrong="details")
    assert cells(lab, suite, rows, "gap")["b"].details == {"items": "many"}


@pytest.mark.parametrize("seeds", [1, 3])
def test_item_scores_and_scores_of_the_set_go_together(lab, seeds):
    rows = lab.codec_rows("a") + lab.codec_rows("b", shift=1)
    fid = {"a": [3.0, 4.0, 8.0][:seeds]}
    rows += [
        lab.row("a", "fid", v, point=p, seed=s) for p in lab.POINTS for s, v in enumerate(fid["a"])
    ]
    metrics = [*lab.METRICS, lab.metric("fid", "lower", per="set")]
    mixed = lab.derived("mixed", "board_lab:mixed", ("psnr", "fid"))
    suite = lab.suite(dict.fromkeys("ab", lab.POINTS), metrics, [mixed])
    found = cells(lab, suite, rows, "mixed")
    best = lab.codec()[1].mean(axis=1).max()
    assert found["a"].value == pytest.approx(best - np.mean(fid["a"]))
    assert math.isnan(found["b"].value)  # its set has no score, and nothing warns
