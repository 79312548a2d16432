"""Matrices, graphs and lines as SVG and HTML: what is drawn is what was given."""

from __future__ import annotations

import itertools
import math
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.board import svg
from harness.board.axes import axis, coordinate
from harness.board.html import render_html
from harness.board.model import Column, Line, LinesData, Matrix, MatrixData, MatrixFigure
from harness.board.svg_graph import LEVELS, graph
from harness.board.svg_heat import bar, heat
from harness.board.svg_lines import lines

NAN = float("nan")
NUMBER = re.compile(r"-?(?:\d+\.?\d*|\.\d+)")


class Read(HTMLParser):
    """All elements with their attributes and the text directly inside."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs), ""))

    def handle_data(self, data):
        if self.found:
            tag, attrs, text = self.found[-1]
            self.found[-1] = (tag, attrs, text + data)

    def of(self, tag, kind=""):
        return [
            (attrs, text)
            for name, attrs, text in self.found
            if name == tag and kind in [*(attrs.get("class") or "").split(), ""]
        ]


def walk(path):
    """Return the subpaths of path data in absolute coordinates, as lists of points."""
    found = []
    for letter, rest in re.findall(r"([A-Za-z])([^A-Za-z]*)", path):
        numbers = [float(n) for n in NUMBER.findall(rest)]
        if letter == "M":
            found.append([tuple(numbers)])
        elif letter in "lhvqc":
            x, y = found[-1][-1]
            if letter == "h":
                numbers = [numbers[0], 0.0]
            if letter == "v":
                numbers = [0.0, numbers[0]]
            found[-1].append((x + numbers[-2], y + numbers[-1]))
        else:
            assert letter == "z"
    return found


# --- lines -------------------------------------------------------------------------------


def panel_of(*drawn, step=False):
    return LinesData(
        title="t",
        dataset="d",
        x=Column(name="x", digits=0),
        y=Column(name="y"),
        step=step,
        counted="series",
        lines=drawn,
    )


def one_line(ys, width=0.5, entry="m"):
    ys = [float(y) for y in ys]
    return Line(
        entry=entry,
        x=tuple(float(n) for n in range(len(ys))),
        y=tuple(ys),
        low=tuple(y - width for y in ys),
        high=tuple(y + width for y in ys),
        n=(7,) * len(ys),
    )


def drawing(*drawn, step=False):
    look = svg.looks((line.entry, "measured") for line in drawn)
    return Read(lines(panel_of(*drawn, step=step), look))


def there(value):
    return not math.isnan(value)


VALUES = st.lists(st.one_of(st.floats(-1e3, 1e3), st.just(NAN)), min_size=2, max_size=40)


@given(VALUES.filter(lambda ys: any(map(there, ys))))
def test_a_line_goes_through_its_values_and_breaks_where_there_are_none(ys):
    line = one_line(ys)
    read = drawing(line)
    ends = [v for at in (line.y, line.low, line.high) for v in at]
    across = axis(line.x, svg.LEFT, svg.WIDTH - svg.RIGHT, log=False)
    up = axis(ends, svg.HEIGHT - svg.BOTTOM, svg.TOP, log=False)
    expected = [(across.at(x), up.at(y)) for x, y in zip(line.x, ys, strict=True) if there(y)]
    subpaths = walk(read.of("path", "l")[0][0]["d"])
    runs = [list(own) for here, own in itertools.groupby(ys, there) if here]
    assert len(subpaths) == len(runs)
    corners = [p for own in subpaths for p in own]
    # Points on a straight level line may be left out: each is on the drawn path all the same.
    for x, y in expected:
        near = min(
            abs(y - py) if abs(x - px) < 0.06 else math.inf
            for a, b in [*itertools.pairwise(corners), *((c, c) for c in corners)]
            for px, py in [a, b, (x, a[1])]
            if min(a[0], b[0]) - 0.06 <= px <= max(a[0], b[0]) + 0.06
        )
        assert near < 0.06


@given(st.lists(st.floats(0, 1), min_size=2, max_size=30))
def test_a_step_is_level_until_the_next_threshold(shares):
    shares = sorted(shares, reverse=True)
    read = drawing(one_line(shares, 0.0), step=True)
    up = axis((0.0, 1.0), svg.HEIGHT - svg.BOTTOM, svg.TOP, log=False)
    across = axis(range(len(shares)), svg.LEFT, svg.WIDTH - svg.RIGHT, log=False)
    (points,) = walk(read.of("path", "l")[0][0]["d"])
    for (ax, ay), (bx, by) in itertools.pairwise(points):
        assert ax == pytest.approx(bx, abs=1e-6) or ay == pytest.approx(by, abs=1e-6)
    for n, share in enumerate(shares[:-1]):
        middle = (across.at(n) + across.at(n + 1)) / 2
        here = [a[1] for a, b in itertools.pairwise(points) if a[0] < middle < b[0]]
        assert here == pytest.approx([up.at(share)], abs=0.06)


@given(st.floats(-1e4, 1e4))
def test_coordinates_read_back_to_a_tenth(value):
    text = coordinate(value)
    assert float(text) == pytest.approx(value, abs=0.051)
    assert re.fullmatch(r"-?(0|[1-9]\d*|[1-9]\d*\.[1-9]|\.[1-9])", text)


def test_marks_tell_value_band_place_and_count():
    line = replace(one_line([0.25, 0.5, 0.75]), point="q 1")
    titles = [text for _, text in drawing(line).of("title")]
    assert titles[0] == "m\nq 1\ny 0.250 [−0.250, 0.750]\nx 0\n7 series"
    assert len(titles) == 3


def test_a_crowd_of_lines_is_marked_little_and_its_bands_are_faint():
    many = [one_line(range(60), entry=f"m{n}") for n in range(28)]
    read = drawing(*many)
    assert len(read.of("title")) == 28 * 2
    assert len(read.of("path", "band")) == 28
    assert read.of("g", "crowd")
    assert not drawing(*many[:3]).of("g", "crowd")
    # Marks of different lines stand at different times.
    at = [float(NUMBER.search(a["transform"])[0]) for a, _ in read.of("path", "p")]
    assert len(set(at)) > 40


# --- graphs ------------------------------------------------------------------------------

MATRIX = st.integers(1, 6).flatmap(
    lambda n: st.lists(
        st.lists(st.one_of(st.floats(-1.5, 1.5), st.just(NAN)), min_size=n, max_size=n),
        min_size=n,
        max_size=n,
    )
)


@given(MATRIX)
def test_every_edge_of_some_strength_is_drawn_once_from_node_to_node(values):
    read = Read(graph(values, 1.0, "m", "n"))
    strong = [(i, j) for i, row in enumerate(values) for j, v in enumerate(row) if abs(v) >= 0.02]
    nodes = [(float(a["cx"]), float(a["cy"])) for a, _ in read.of("circle")]
    assert len(nodes) == len(values)

    def nearest(point):
        return min(range(len(nodes)), key=lambda n: math.dist(nodes[n], point))

    drawn = []
    paths = [attrs["d"] for attrs, _ in read.of("path")]
    for line, head in (
        itertools.batched(paths, 2)
        if hasattr(itertools, "batched")
        else zip(paths[::2], paths[1::2], strict=True)
    ):
        for way, arrow in zip(walk(line), walk(head), strict=True):
            start, end = nearest(way[0]), nearest(arrow[0])
            assert math.dist(way[0], nodes[start]) == pytest.approx(12, abs=0.15)
            assert 11.8 < math.dist(arrow[0], nodes[end]) < 13.2
            # The line goes on where its head begins.
            base = [(a + b) / 2 for a, b in zip(*arrow[1:3], strict=True)]
            assert math.dist(way[-1], base) < 0.3
            drawn.append((start, end))
    assert sorted(drawn) == sorted(strong)
    size = float(read.of("svg")[0][0]["width"])
    corners = [p for d in paths for own in walk(d) for p in own]
    assert all(0 <= c <= size for p in corners for c in p)


def test_width_grows_with_strength_and_colour_tells_the_sign():
    read = Read(graph([[0, 0.1, -1], [0, 0, 2], [0.019, 0, 0]], 1.0, "m"))
    classes = [attrs["class"] for attrs, _ in read.of("g") if "gn" not in attrs["class"]]
    assert classes == ["g1", f"g{LEVELS}", f"g{LEVELS} neg"]
    (title,) = [text for _, text in read.of("title")]
    assert title == "m: z2 → z3 2.00, z1 → z3 −1.00, z1 → z2 0.10"


def test_an_edge_keeps_its_shape_beside_a_weak_one_back():
    true = graph([[0, 1], [0, 0]], 1.0, "m", "n")
    weak = graph([[0, 1], [0.2, 0]], 1.0, "m", "n")
    both = graph([[0, 1], [0.9, 0]], 1.0, "m", "n")
    (line,) = [a["d"] for a, _ in Read(true).of("path")][:1]
    assert line in weak
    assert "l" in line
    assert line not in both
    assert len(re.findall(r"q", both)) == 2


def test_nodes_stand_once_on_the_page():
    whole, other = (graph(np.eye(3).tolist(), 1.0, "m", "n0", define=d) for d in (True, False))
    assert 'id="n0"' in whole
    assert 'id="n0"' not in other
    assert '<use href="#n0"/>' in other


# --- heat maps ---------------------------------------------------------------------------


def heat_of(values, limits=(0.0, 1.0), rows="", columns=""):
    panel = MatrixData(
        title="t", dataset="d", range=limits, rows=rows, columns=columns, figures=()
    )
    made = Matrix(title="R²", values=tuple(map(tuple, np.asarray(values, float).tolist())))
    return Read(heat(panel, made, "m"))


def test_small_matrices_are_tables_with_numbers_and_headings():
    read = heat_of([[0.123, -0.001, NAN], [1, 7.25, math.inf]], rows="true", columns="code")
    assert [text for _, text in read.of("td") if text] == [
        "0.12", "0.00", "–", "1.00", "7.25", "∞",
    ]  # fmt: skip
    assert [a["class"] for a, text in read.of("td") if text] == [
        "h2", "h0", "hx", "h20", "h20", "h20",
    ]  # fmt: skip
    assert [text for _, text in read.of("th")] == ["code", "1", "2", "3", "", "1", "2"]
    assert read.of("span")[0][1] == "true"
    assert read.of("table")[0][0]["aria-label"] == "m: R²"


@given(st.data())
def test_a_picture_has_the_colour_of_every_cell(data):
    shape = data.draw(st.tuples(st.integers(1, 14), st.integers(9, 20)))
    values = np.array(
        data.draw(
            st.lists(
                st.one_of(st.floats(-1, 1), st.just(NAN)),
                min_size=shape[0] * shape[1],
                max_size=shape[0] * shape[1],
            )
        )
    ).reshape(shape)
    read = heat_of(values, (-1.0, 1.0))
    colours = np.full(shape, "h0", object)
    for attrs, _ in read.of("path"):
        for x, y, length in re.findall(r"M(\d+) (\d+)\.5h(\d+)", attrs["d"]):
            colours[int(y), int(x) : int(x) + int(length)] = attrs["class"]
    level = np.round(20 * np.nan_to_num(values)).astype(int)
    expected = np.where(level < 0, "k", "h") + np.char.mod("%d", np.abs(level)).astype(object)
    expected[np.isnan(values)] = "hx"
    assert (colours == expected).all()


def test_a_picture_says_in_words_where_the_largest_numbers_are():
    values = np.zeros((2, 9))
    values[0, 3], values[1, 8] = 0.5, 0.9
    (attrs, _), *_ = heat_of(values).of("svg")
    assert attrs["aria-label"] == (
        "m: R², 2 rows, 9 columns. The largest in each row: 1: column 4, 0.50; 2: column 9, 0.90"
    )
    (attrs, _), *_ = heat_of(values.T).of("svg")
    assert "The largest in each column: 1: row 4, 0.50" in attrs["aria-label"]


@pytest.mark.parametrize(
    ("limits", "ends", "steps"),
    [((0, 1), ["0", "1"], 21), ((-0.5, 2), ["−2", "2"], 41), ((-3, -1), ["−3", "−1"], 21)],
)
def test_the_colour_scale_tells_its_ends(limits, ends, steps):
    read = Read(bar(*limits))
    assert [text for _, text in read.of("span")] == ends
    assert len(read.of("path")) == steps


# --- pages -------------------------------------------------------------------------------


def test_a_board_of_a_thousand_models_stays_small_with_every_panel(large):
    rng = np.random.default_rng(2)
    entries = [row.entry for row in large.tables[0].rows[:10]]  # as many as are drawn of so many

    def panel(style, shared=()):
        arrays = np.clip(np.eye(8) * 0.8 + 0.2 * rng.random((10, 8, 8)), 0, 1)
        made = (Matrix(title="m", values=tuple(map(tuple, a.tolist()))) for a in arrays)
        return MatrixData(
            title="t",
            dataset="kodak",
            style=style,
            rows="true variable",
            columns="latent",
            figures=tuple(
                MatrixFigure(entry=e, matrices=(m,)) for e, m in zip(entries, made, strict=True)
            ),
            left=990,
        )

    smooth = [one_line(np.cumsum(rng.normal(size=90)), entry=e) for e in entries]
    steps = [one_line(np.linspace(1, 0, 180) ** (n + 1), entry=e) for n, e in enumerate(entries)]
    made = replace(
        large,
        matrices=(panel("heat"), panel("graph")),
        series=(panel_of(*smooth),),
        profiles=(panel_of(*steps, step=True),),
    )
    page = render_html(made)
    assert len(page.encode()) <= 1_000_000
    assert "Drawn are the first 10 entries of the board; 990 more are not." in page


def test_panels_without_any_figure_say_why(board):
    failed = tuple((f"m{n}", "KeyError: 'z'") for n in range(8))
    empty = replace(board.matrices[0], figures=(), failed=failed, left=0)
    none = replace(board.series[0], lines=(), failed=failed[:1], partial=())
    page = render_html(replace(board, matrices=(empty,), series=(none,)))
    assert "Not drawn: m0 (KeyError: &#x27;z&#x27;); m1" in page
    assert "m5 (KeyError: &#x27;z&#x27;), and 2 more." in page
    assert 'class="scale"' not in page


def test_boards_without_matrices_carry_no_style_for_them(board):
    assert ".heat" in render_html(board)
    assert ".heat" not in render_html(replace(board, matrices=()))
