"""The page as text: complete, escaped, bounded."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.board.html import render_html
from harness.board.model import Board, Cell, Column, Failure, Image, PointRow, Row, Table
from harness.board.numerals import clean

VOID = {"meta", "link", "img", "input", "br"}


class Page(HTMLParser):
    """All elements with their attributes, the text of each kind of element, and all text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.inside: dict[str, list[str]] = {}
        self.text = ""
        self.open = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open = tag
            self.inside.setdefault(tag, []).append("")

    def handle_endtag(self, tag):
        self.open = ""

    def handle_data(self, data):
        if self.open in self.inside:
            self.inside[self.open][-1] += data
        if self.open not in ("script", "style"):
            self.text += data

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.elements if name == tag]


def one_row(**changes) -> Board:
    column = Column(name="psnr", unit="dB", better="higher", digits=2)
    row = replace(Row(entry="model", model="model", rank=(1, 1)), **changes)
    return Board(
        name="n",
        title="t",
        columns=(column,),
        tables=(Table(dataset="kodak", items=24, rows=(row,)),),
    )


@pytest.mark.parametrize("which", ["board", "hostile", "large"])
def test_nothing_that_a_strict_policy_would_refuse(which, request):
    page = Page(render_html(request.getfixturevalue(which)))
    for tag, attrs in page.elements:
        assert "style" not in attrs, tag
        assert not [name for name in attrs if name.startswith("on")], tag
        for name in ("href", "src"):
            address = attrs.get(name)
            if address:
                assert address.startswith(("#", "data:", "https://")), address
    policy = page.of("meta")[1]["content"]
    for text in page.inside["script"] + page.inside["style"]:
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    assert len(page.inside["script"]) == 2
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "'self'" not in policy


def test_page_of_a_thousand_models_is_at_most_a_megabyte(large):
    assert len(render_html(large).encode()) <= 1_000_000


def test_no_missing_number_is_printed_as_nan(board, hostile, large):
    for made in (board, hostile, large):
        assert re.search(r"\b-?nan\b", Page(render_html(made)).text, re.IGNORECASE) is None


def test_every_row_has_its_details(board, large):
    for made in (board, large):
        page = Page(render_html(made))
        anchors = {attrs["href"] for attrs in page.of("a") if "href" in attrs}
        known = {f"#{attrs['id']}" for _, attrs in page.elements if attrs.get("id")}
        assert {a for a in anchors if a and a.startswith("#")} <= known
        rows = {
            f"#e{t}-{r}" for t, table in enumerate(made.tables) for r in range(len(table.rows))
        }
        assert rows <= anchors


def test_ranks_and_values_and_reasons():
    tie = render_html(
        one_row(rank=(1, 3), cells={"psnr": Cell(value=37.118, low=36.8, high=37.4)})
    )
    assert "<td class=tie>1–3<th" in tie
    assert "<td>37.12<p>36.80, 37.40" in tie
    assert '<span>psnr</span> <abbr title="higher is better">↑</abbr><small>dB</small>' in tie
    refused = render_html(
        one_row(
            rank=None,
            unranked="no curve",
            cells={"psnr": Cell(value=float("nan"), note="3 points")},
        )
    )
    assert "not ranked: no curve" in refused
    assert "<td class=n>3 points" in refused
    assert "not measured" in render_html(one_row())
    quoted = render_html(one_row(rank=None, kind="published", source="Bégaint 2020"))
    assert "<tr class=pub>" in quoted
    assert "Bégaint 2020" in quoted
    assert "not quoted" in quoted


def test_long_reason_is_cut_in_the_table_and_whole_in_the_details():
    why = "the curve is not monotone: " + "q=3 lies under q=2, " * 8
    page = render_html(one_row(cells={"psnr": Cell(value=float("nan"), note=why)}))
    assert why[:63] + "…" in page
    assert f"<td colspan=3 class=n>{why}" in page


@pytest.mark.parametrize(
    ("unit", "better", "lossless"),
    [("dB", "higher", True), ("dB", "lower", False), ("fps", "higher", False)],
)
def test_infinite_value_is_lossless_on_a_scale_of_decibels(unit, better, lossless):
    board = one_row(cells={"psnr": Cell(value=float("inf"))})
    board = replace(board, columns=(Column(name="psnr", unit=unit, better=better),))
    page = render_html(board)
    assert "<td>∞" in page
    assert ("<p class=w>lossless" in page) == lossless


def test_signatures_of_a_large_board_are_listed_once_unless_they_differ(large):
    page = render_html(large)
    assert page.count("metric_01|rgb|8bit|v1") == 1
    both = dict(large.signatures) | {"metric_01": ("metric_01|rgb|8bit|v1", "metric_01|v2")}
    assert render_html(replace(large, signatures=both)).count("metric_01|rgb|8bit|v1") == 1001


def test_operating_points_of_a_huge_board_are_left_out_and_said_to_be(large):
    def with_points(rows):
        points = tuple(
            PointRow(label=f"q={k}", point={"q": k}, cells=row.cells)
            for row in rows[:1]
            for k in range(3)
        )
        return tuple(replace(row, points=points) for row in rows)

    table = large.tables[0]
    page = render_html(replace(large, tables=(replace(table, rows=with_points(table.rows)),)))
    assert len(page.encode()) <= 1_000_000
    assert "Operating points are left out of this page" in page
    assert "Operating points</h4>" not in page
    small = replace(table, rows=with_points(table.rows[:20]))
    page = render_html(replace(large, tables=(small,)))
    assert page.count("Operating points</h4>") == 20
    assert "are left out of this page" not in page


def test_plots_of_a_huge_board_draw_the_first_and_count_the_others(board):
    panel, front = board.curves[0], board.fronts[0]
    many = tuple(replace(panel.series[0], entry=f"m{k}") for k in range(40))
    spots = tuple(replace(front.points[0], entry=f"m{k}", on_front=k > 290) for k in range(300))
    made = replace(
        board,
        tables=(),
        curves=(replace(panel, series=many),),
        fronts=(replace(front, points=spots),),
        series=(),
        profiles=(),
    )
    page = render_html(made)
    assert "the points of the other 12 stand in their details" in page
    assert page.count('<path class="l" d="M') == 28 + 28  # lines, and the legend's
    assert "91 more entries behind the line are not drawn" in page
    assert all(f"<title>m{k}\n" in page for k in range(291, 300))


def test_failures_are_listed_with_reason_example_and_log():
    failure = Failure(
        entry="m",
        step="encode",
        outcome="crashed",
        reason="signal 11",
        count=2,
        example="kodim05",
        log="core\ndump",
    )
    page = Page(render_html(replace(one_row(), failures=(failure,), outcomes={"crashed": 2})))
    for part in ("encode", "crashed", "signal 11", "kodim05", "core\ndump", "2 crashed"):
        assert part in page.text


def test_web_addresses_are_linked_and_others_are_not():
    def links(paper):
        page = Page(render_html(one_row(paper=paper)))
        return [a["href"] for a in page.of("a") if not (a["href"] or "").startswith("#")]

    assert links("https://doi.org/10.1/x") == ["https://doi.org/10.1/x"]
    assert links("javascript:alert(1)") == []
    assert links("Begaint et al. 2020") == []


def test_pictures_move_out_of_a_page_over_five_megabytes(board, tmp_path):
    heavy = Image(b"\0" * 4_000_000, "image/webp", 10, 10)
    group = replace(board.compares[0].groups[0], original=heavy)
    made = replace(board, compares=(replace(board.compares[0], groups=(group,)),))
    page = render_html(made, files=tmp_path / "board_files")
    assert len(page.encode()) < 5_000_000
    sources = [a["src"] for a in Page(page).of("img")]
    assert len(sources) == 5
    for source in sources:
        assert (tmp_path / source).is_file()
    assert (tmp_path / sources[0]).read_bytes() == heavy.data
    assert "img-src data: 'self';" in (Page(page).of("meta")[1]["content"] or "")
    assert "data:image" not in page
    inside = render_html(board, files=tmp_path / "unused")
    assert not (tmp_path / "unused").exists()
    assert "data:image/webp" in inside


@settings(max_examples=60, deadline=None)
@given(st.text(min_size=1, max_size=40))
def test_any_name_comes_back_as_it_was(name):
    page = Page(render_html(one_row(entry=name, model=name)))
    place = next(k for k, a in enumerate(page.of("a")) if a.get("href") == "#e0-0")
    # The parser normalises line ends, as a browser does.
    expected = clean(name).replace("\r\n", "\n").replace("\r", "\n")
    assert page.inside["a"][place].replace("\r\n", "\n").replace("\r", "\n") == expected
    assert len(page.of("script")) == 2


def test_the_page_is_the_same_each_time(board):
    assert render_html(board) == render_html(board)
