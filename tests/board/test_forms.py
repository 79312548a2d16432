"""Numbers, axes, plots, Markdown and JUnit."""

from __future__ import annotations

import itertools
import math
import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from harness.board import svg
from harness.board.axes import axis, linear_ticks, log_ticks
from harness.board.junit import render_junit
from harness.board.markdown import render_markdown
from harness.board.model import Column, CurveData, CurvePoint, FrontData, FrontPoint, Series
from harness.board.numerals import clean, interval, number, plain

NAN = float("nan")
SUPERSCRIPT = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


def read(text: str) -> float:
    """Read a number as a person would."""
    text = text.replace("\u202f", "").replace("−", "-")
    if "×" in text:
        mantissa, power = text.split("×10")
        return float(mantissa) * 10.0 ** int(power.translate(SUPERSCRIPT))
    return float(text)


# --- numbers -----------------------------------------------------------------------------


@given(st.floats(-1e11, 1e11), st.integers(0, 6))
def test_a_number_reads_back_within_its_digits(value, digits):
    # Half a unit of the last digit, and what a float can hold.
    tolerance = 0.501 * 10.0**-digits + 4e-16 * abs(value)
    assert read(number(value, digits, "s")) == pytest.approx(value, rel=0, abs=tolerance)
    assert "-" not in number(value, digits)


@given(st.floats(1e-300, 1e-7))
def test_a_small_quantity_keeps_its_size(value):
    assert read(number(value, 3, "s")) == pytest.approx(value, rel=0.051)
    assert number(-value, 2, "%") == "0.00"


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (NAN, 3, ""),
        (math.inf, 3, "∞"),
        (-math.inf, 3, "−∞"),
        (0.0, 2, "0.00"),
        (-0.0, 2, "0.00"),
        (-3.14159, 2, "−3.14"),
        (0.00012, 3, "1.2×10⁻⁴"),
        (12345678, 0, "12\u202f345\u202f678"),
        (9999.4, 0, "9999"),
        (2.5e13, 1, "2.5×10¹³"),
    ],
)
def test_numbers_read_as_printed(value, digits, text):
    assert number(value, digits) == text


def test_interval_needs_both_ends():
    assert interval(1.0, 2.5, 1) == "1.0, 2.5"
    assert interval(NAN, 2.5, 1) == ""
    assert interval(1.0, math.inf, 1) == "1.0, ∞"


def test_plain_values():
    assert (
        plain({"a": [1, 2.5, NAN], "b": None, "c": True})
        == "a=1, 2.5, not a number, b=none, c=yes"
    )


def test_an_empty_value_is_none():
    assert (
        plain({"left_out": [], "reason": "", "all": {}}) == "left_out=none, reason=none, all=none"
    )


def test_log_labels_are_plain_or_powers():
    made = axis([1e-5, 1.0], 0, 1, log=True)
    assert [made.label(t) for t in made.ticks] == ["1×10⁻⁵", "1×10⁻⁴", "0.001", "0.01", "0.1", "1"]


def test_clean_keeps_text_and_drops_what_no_form_can_carry():
    assert clean("Bégaint 2020\n\t→ 中文 🎞") == "Bégaint 2020\n\t→ 中文 🎞"
    assert clean("a\x00b\u202ec\ud800d") == "a\ufffdb\ufffdc\ufffdd"


# --- axes --------------------------------------------------------------------------------


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_linear_ticks_are_round_and_few(low, span):
    high = low + span
    ticks = linear_ticks(low, high)
    assert 2 <= len(ticks) <= 12
    steps = {round((b - a) / span, 6) for a, b in itertools.pairwise(ticks)}
    assert len(steps) == 1
    assert ticks[0] >= low - span * 1e-6
    assert ticks[-1] <= high + span * 1e-6


@given(st.floats(1e-9, 1e9), st.floats(1.5, 1e9))
def test_log_ticks_lie_within_and_are_few(low, ratio):
    ticks = log_ticks(low, low * ratio)
    assert 1 <= len(ticks) <= 10
    assert list(ticks) == sorted(set(ticks))
    assert all(low * 0.99 <= t <= low * ratio * 1.01 for t in ticks)


@given(st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=20), st.booleans())
def test_an_axis_holds_its_values_in_order(values, log):
    made = axis(values, 60.0, 620.0, log=log)
    places = [made.at(v) for v in sorted(values)]
    assert places == sorted(places)
    assert all(60 < p < 620 for p in places)
    assert len({made.label(t) for t in made.ticks}) == len(made.ticks)


def test_an_axis_of_nothing_and_of_one_value():
    assert axis([], 0, 1, log=True).ticks
    assert axis([NAN, -1.0], 0, 1, log=True).ticks
    assert axis([0.0], 0, 1, log=False).low < 0 < axis([0.0], 0, 1, log=False).high


# --- plots -------------------------------------------------------------------------------

X = Column(name="time", unit="s", better="lower")
Y = Column(name="psnr", unit="dB", better="higher", digits=2)


def test_looks_tell_ninety_eight_entries_apart():
    found = svg.looks((f"m{k}", "measured") for k in range(98))
    assert len({(look.colour, look.marker) for look in found.values()}) == 98
    first = [look.marker for look in list(found.values())[:14]]
    assert len(set(first)) == 14


def parse(text: str) -> ET.Element:
    return ET.fromstring(text.replace("<svg ", '<svg xmlns:x="x" ', 1))


def test_curve_draws_every_finite_point_and_names_the_others():
    points = (
        CurvePoint(x=0.1, y=30.0, y_low=29.0, y_high=31.5, label="q=1"),
        CurvePoint(x=1.0, y=40.0, label="q=2"),
        CurvePoint(x=2.0, y=math.inf, label="q=3"),
        CurvePoint(x=0.0, y=20.0, label="q=0"),
    )
    panel = CurveData(
        title="t",
        dataset="d",
        x=X,
        y=Y,
        log_x=True,
        series=(Series(entry="a & b", kind="measured", points=points),),
    )
    drawn = parse(svg.curves(panel, panel.series, svg.looks([("a & b", "measured")])))
    marks = drawn.findall(".//path[@class='p']")
    assert [m.find("title").text.split("\n")[:2] for m in marks] == [
        ["a & b", "q=1"],
        ["a & b", "q=2"],
    ]
    assert "psnr 30.00\u00a0dB [29.00, 31.50]" in marks[0].find("title").text
    assert len(drawn.findall(".//path[@class='e']")) == 1
    missing = svg.left_out([("a", p) for p in points], log_x=True)
    assert missing == ["a at q=3 (y is ∞)", "a at q=0 (x is 0.000)"]


@pytest.mark.parametrize("x_better", ["lower", "higher"])
@pytest.mark.parametrize("y_better", ["lower", "higher"])
def test_staircase_passes_through_the_front_and_beats_no_point(x_better, y_better):
    x, y = replace(X, better=x_better), replace(Y, better=y_better)
    spots = [(1.0, 3.0), (2.0, 2.0), (3.0, 1.0)]
    front = spots if x_better == y_better else [(a, 4 - b) for a, b in spots]
    points = tuple(
        FrontPoint(entry=f"m{k}", point=CurvePoint(x=a, y=b), on_front=True)
        for k, (a, b) in enumerate(front)
    )
    panel = FrontData(title="t", dataset="d", x=x, y=y, log_x=False, points=points)
    drawn = parse(svg.front(panel, svg.looks((p.entry, "measured") for p in points)))
    path = drawn.find(".//path[@class='front']").attrib["d"]
    corners = walk(path)
    marks = [
        tuple(float(v) for v in m.attrib["transform"][10:-1].split())
        for m in drawn.findall(".//path[@class='p']")
    ]
    assert set(marks) <= set(corners)
    # Every other corner is attained: some entry is at least as good there in both.
    right, down = (1 if x_better == "lower" else -1), (1 if y_better == "higher" else -1)
    for cx, cy in corners:
        assert any((cx - mx) * right >= 0 and (cy - my) * down >= 0 for mx, my in marks)


def walk(path: str) -> list[tuple[float, float]]:
    """Return the corners of a path of M, H and V."""
    found: list[tuple[float, float]] = []
    for step, numbers in re.findall(r"([MHV])([^MHV]+)", path):
        values = [float(v) for v in numbers.split()]
        if step == "M":
            found.append((values[0], values[1]))
        elif step == "H":
            found.append((values[0], found[-1][1]))
        else:
            found.append((found[-1][0], values[0]))
    return found


@given(st.lists(st.tuples(st.floats(0.01, 100), st.floats(20, 50)), min_size=1, max_size=12))
def test_labels_of_a_front_do_not_overlap(spots):
    assume(len(set(spots)) == len(spots))
    points = tuple(
        FrontPoint(entry=f"model-{k}", point=CurvePoint(x=a, y=b), on_front=k % 2 == 0)
        for k, (a, b) in enumerate(spots)
    )
    panel = FrontData(title="t", dataset="d", x=X, y=Y, log_x=True, points=points)
    drawn = parse(svg.front(panel, svg.looks((p.entry, "measured") for p in points)))
    boxes = []
    for label in drawn.findall(".//text[@class='n']"):
        width = 6.4 * len(label.text)
        left = (
            float(label.attrib["x"])
            - {"start": 0, "middle": width / 2, "end": width}[label.attrib["text-anchor"]]
        )
        boxes.append((left, float(label.attrib["y"]) - 10, left + width))
    for k, a in enumerate(boxes):
        for b in boxes[k + 1 :]:
            apart = a[2] <= b[0] + 0.2 or b[2] <= a[0] + 0.2 or abs(a[1] - b[1]) >= 12.8
            assert apart


# --- Markdown ----------------------------------------------------------------------------


def test_markdown_has_ranks_intervals_reasons_and_failures(board):
    text = render_markdown(board)
    assert "| 1–2 | vvenc \\[preset=medium\\] | **−48.00** [−49.76, −46.56] |" in text
    assert "jxl \\[effort=7\\] (not ranked: bd\\_rate has no value)" in text
    assert "| pub. | *bmshj2018-hyperprior* (published: Bégaint et al. 2020" in text
    assert "| x264 \\[preset=placebo\\] | encode | timeout | 2 | took longer than 60 s |" in text
    assert "parameters" not in text  # a column that is not shown at first


def test_markdown_tables_are_regular_and_hostile_names_inert(board, hostile):
    for made in (board, hostile):
        text = render_markdown(made)
        assert "<img" not in text
        widths: set[int] = set()
        for line in text.split("\n"):
            if line.startswith("|"):
                widths.add(line.replace("\\|", "").count("|"))
            elif widths:
                assert len(widths) == 1
                widths = set()
    assert "nan" not in render_markdown(hostile).replace("nance", "")


def test_markdown_escapes_mentions_pipes_and_line_ends(board):
    row = replace(board.tables[0].rows[0], entry="a|b\n@team `x`")
    made = replace(board, tables=(replace(board.tables[0], rows=(row,)),))
    assert "| a\\|b &#64;team \\`x\\` |" in render_markdown(made)


# --- JUnit -------------------------------------------------------------------------------


def cases(text: str) -> dict[tuple[str, str], ET.Element]:
    suite = ET.fromstring(text.encode()).find("testsuite")
    found = {(c.attrib["classname"], c.attrib["name"]): c for c in suite}
    assert int(suite.attrib["tests"]) == len(found)
    for verdict, count in (("failure", "failures"), ("skipped", "skipped")):
        marked = sum(c.find(verdict) is not None for c in found.values())
        assert int(suite.attrib[count]) == marked
    return found


def test_junit_has_a_case_for_each_entry_and_step(board):
    rows = tuple(replace(r, steps=("encode", "decode", "lpips")) for r in board.tables[0].rows)
    made = replace(board, tables=(replace(board.tables[0], rows=rows),))
    found = cases(render_junit(made))
    assert len(found) == 11 * 3
    failed = found["x264 [preset=placebo]", "encode"].find("failure")
    assert failed.attrib == {
        "message": "2 nodes timeout: took longer than 60 s",
        "type": "timeout",
    }
    assert "kodim05 at q=8" in failed.text
    assert found["x264 [preset=placebo]", "lpips"].find("skipped") is not None
    assert len(found["jpeg-444", "decode"]) == 0


def test_junit_without_known_steps_and_with_hostile_text(board, hostile):
    found = cases(render_junit(board))
    assert ("jpeg-444", "nodes") in found
    assert ("x264 [preset=placebo]", "nodes") not in found
    bad = hostile.failures[0].entry
    assert cases(render_junit(hostile))[bad, bad].find("failure").attrib["type"] == bad
    odd = replace(hostile.failures[0], entry="a\x00b", reason="\ud800")
    assert ("a\ufffdb", bad) in cases(render_junit(replace(hostile, failures=(odd,))))
