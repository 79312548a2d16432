"""Parts of entries: what the panel's function gives, and how the page shows it."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from harness.board.html import render_html
from harness.board.model import PartsData, PartsFigure

LINES = (
    {"part": "g_a", "GMAC": 44.25, "placement": {"NPU": 12.0, "CPU": 4.0}, "how": "dense"},
    {"part": "h_a", "GMAC": 3.5, "placement": {"NPU": 7.0}, "how": None},
    {"part": "<b>", "GMAC": None, "placement": {}, "how": "x"},
)


@pytest.fixture
def page(board):
    def render(**changes):
        panel = PartsData(
            title="Components",
            dataset="kodak",
            columns=("part", "GMAC", "placement", "how"),
            words=("NPU", "CPU"),
            figures=(PartsFigure(entry="net", lines=LINES, point="quality 3"),),
        )
        return render_html(replace(board, parts=(replace(panel, **changes),)))

    return render


def test_each_part_is_a_line_with_aligned_numbers(page):
    text = page()
    assert "<th scope=row>g_a<td class=q>44.2<td>" in text
    assert "<th scope=row>h_a<td class=q>3.50<td>" in text
    assert "<td class=q>–" in text
    assert "net <span>quality 3</span>" in text


def test_a_bar_shows_shares_and_says_counts(page):
    text = page()
    assert '<rect class="u0" x="0.0" width="90.0" height="9"/>' in text
    assert '<rect class="u1" x="90.0" width="30.0" height="9"/>' in text
    assert "<span>NPU 12, CPU 4</span>" in text


def test_names_are_escaped(page):
    assert "<th scope=row>&lt;b&gt;" in page()


def test_what_is_left_out_is_told(page):
    text = page(failed=(("other", "it left no cost"),), left=2, note="Not a time.")
    for said in ("Not a time.", "other (it left no cost)"):
        assert said in text


def test_a_page_without_parts_says_nothing_of_them(board):
    assert 'id="parts"' not in render_html(board)


def test_a_number_that_is_none_is_a_dash(page):
    lines = ({"part": "a", "GMAC": math.nan}, {"part": "b", "GMAC": 2.0})
    text = page(figures=(PartsFigure(entry="net", lines=lines),))
    assert "<th scope=row>a<td class=q>–" in text
