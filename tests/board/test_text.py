"""The board as lines for a terminal."""

from __future__ import annotations

import numpy as np
import pytest

from harness.board.model import Board, Cell, Column, PointRow, Row, Table
from harness.board.text import text_table

NAN = float("nan")
NAMES = ("bd_rate", "psnr", "ms_ssim", "lpips", "bpp", "vmaf", "extra")
COLUMNS = tuple(
    Column(name=n, unit="%" if n == "bd_rate" else "", digits=2, derived=n == "bd_rate")
    for n in NAMES
)


def row(entry, value=1.5, rank=(1, 1), note="", **more):
    cells = {n: Cell(value=value, low=value - 0.25, high=value + 0.25, note=note) for n in NAMES}
    return Row(entry=entry, model=entry, rank=rank, cells=cells, **more)


def board(*rows, columns=COLUMNS):
    tables = (Table(dataset="kodak", items=24, rows=rows),)
    return Board(name="b", title="B", columns=columns, tables=tables)


@pytest.mark.parametrize("width", [60, 80, 100, 140, 400])
def test_columns_are_aligned_and_fit_the_terminal(width):
    names = ["jpeg", "a-codec-with-a-name [q=1]", "x"]
    empty, head, *body = text_table(board(*map(row, names)), width)
    assert empty == ""
    assert all(len(line) <= width for line in [head, *body])
    assert len({len(line) for line in body}) == 1
    at = head.index("bd_rate (%)") + len("bd_rate (%)")
    assert all(line[:at].endswith("1.50 [1.25, 1.75]") for line in body)
    assert (NAMES[5] in head) == (width == 400)
    assert NAMES[6] not in head  # six at most


def test_one_column_is_shown_however_narrow():
    assert "1.50" in text_table(board(row("a" * 50)), 40)[2]


def test_the_terminals_width_is_the_default(monkeypatch):
    monkeypatch.setenv("COLUMNS", "64")
    assert text_table(board(row("jpeg"))) == text_table(board(row("jpeg")), 64)


def test_units_decide_how_small_numbers_read():
    (_, _, line) = text_table(board(row("jpeg", 0.0001)), 60)
    assert "0.00 [−0.25, 0.25]" in line


def test_a_row_without_numbers_ends_in_its_reason():
    refused = row("b", NAN, None, "the curves share 39 %")
    failed = Row(entry="c", model="c", unranked="too hard")
    lines = text_table(board(row("a"), refused, failed), 100)
    assert lines[3].split()[:2] == ["–", "b"]
    assert lines[3].endswith("  the curves share 39 %")
    assert lines[4].endswith("  too hard")


def test_refusals_beside_numbers_are_listed_below_and_cut_when_many():
    def refused(entry):
        cells = dict(row("x").cells) | {"bd_rate": Cell(value=NAN, note=f"{entry} is odd")}
        return Row(entry=entry, model=entry, cells=cells)

    lines = text_table(board(row("a"), *(refused(f"m{n}") for n in range(11))), 100)
    assert "  m0, bd_rate: m0 is odd" in lines
    assert lines[-1] == "  … and 3 more: see the board"
    assert sum("is odd" in line for line in lines) == 8


def test_points_are_listed_where_entries_have_no_summary():
    def points(entry, count):
        return tuple(
            PointRow(label=f"q {n}", point={"q": n}, cells={"psnr": Cell(value=30.0 + n)})
            for n in range(count)
        )

    curve = Row(
        entry="jpeg",
        model="jpeg",
        points=points("jpeg", 2),
        cells={"psnr": Cell(value=NAN, note="30 … 31 over 2 points")},
    )
    single = Row(entry="png", model="png", cells={"psnr": Cell(value=99.0)})
    failed = Row(entry="bad", model="bad", unranked="too hard")
    lines = text_table(board(curve, single, failed), 80)
    assert [" ".join(line.split()) for line in lines[1:]] == [
        "rank kodak psnr",
        "– jpeg q 0 30.00",
        "– jpeg q 1 31.00",
        "– png 99.00",
        "– bad too hard",
    ]


def test_a_derived_score_refused_for_all_is_told_once(lab):
    rows = lab.codec_rows("a") + lab.codec_rows("b")
    made = lab.suite(
        dict.fromkeys("ab", lab.POINTS), derived=[lab.bd_rate()], columns=["bd_rate", "psnr"]
    )
    lines = text_table(lab.board(made, rows), 100)
    assert lines[-1] == "  bd_rate: the suite names no anchor to compare with"
    assert sum("q 90" in line for line in lines) == 2


def test_a_suite_that_failed_throughout_lists_every_entry(lab):
    nodes = [lab.node(e, "error", reason=f"{e} broke") for e in "ab"]
    lines = text_table(lab.board(lab.suite(dict.fromkeys("ab", ({},))), [], nodes), 80)
    assert [line.split() for line in lines[1:]] == [
        ["rank", "photos"],
        ["–", "a", "a", "broke"],
        ["–", "b", "b", "broke"],
    ]


def test_names_cannot_drive_the_terminal():
    lines = text_table(board(row("evil\x1b[2J\nname"), row("b", NAN, None, "bad\x1b[31m")), 120)
    assert len(lines) == 4
    assert not any("\x1b" in line or "\n" in line for line in lines)


def test_an_empty_board_has_no_lines():
    assert text_table(Board(name="b", title="B")) == []
    assert text_table(board()) == ["", "rank  kodak"]


def test_infinite_numbers_are_written():
    values = np.array([np.inf])
    assert "∞" in text_table(board(row("a", float(values[0]))), 80)[2]
