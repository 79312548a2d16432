"""Matrices, graphs, series and profiles in a real Chromium."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.board.html import render_html

pytestmark = pytest.mark.browser

HOSTILE = "</script><img src=x onerror=alert(1)>"

# Contrast of each written number with the cell it stands on, as WCAG 2 defines it.
CONTRAST = """() => {
  const light = (text) => {
    const [r, g, b] = text.match(/[\\d.]+/g).map((v) => v / 255)
      .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  return [...document.querySelectorAll(".heat tbody td")].map((cell) => {
    const { color, backgroundColor } = getComputedStyle(cell);
    const [a, b] = [light(color), light(backgroundColor)].sort((x, y) => y - x);
    return [(a + 0.05) / (b + 0.05), backgroundColor];
  });
}"""


@pytest.fixture
def scale(board, drawn, tmp_path):
    """Return a page with a cell of every colour of both sides of the scale."""
    values = [[k / 20 for k in range(row, 21, 7)] for row in range(7)]
    values = [row + [0.0] * (3 - len(row)) for row in values]
    signed = [[-v for v in row] + row for row in values]
    panel = replace(board.matrices[2], figures=board.matrices[2].figures[:1])
    figure = replace(panel.figures[0], matrices=(drawn.matrix("all", signed),))
    file = tmp_path / "scale.html"
    made = replace(board, matrices=(replace(panel, figures=(figure,)),))
    file.write_text(render_html(made), encoding="utf-8")
    return file


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_number_can_be_read_on_its_colour(show, scale, scheme):
    found = show(scale, color_scheme=scheme).page.evaluate(CONTRAST)
    assert len({ground for _, ground in found}) == 41
    assert min(found)[0] >= 4.5, sorted(found)[:3]


def told(seen, picture, row, column):
    """Point at a cell, counted from 1; return what is told of it."""
    seen.bring(picture)
    x, y = picture.locator("g").evaluate(
        """(cells, [x, y]) => {
          const at = new DOMPoint(x, y).matrixTransform(cells.getScreenCTM());
          return [at.x, at.y];
        }""",
        [column - 0.5, row - 0.5],
    )
    seen.page.mouse.move(x, y)
    return seen.page.locator("#tip").inner_text().split("\n")


def test_cells_of_a_picture_tell_place_and_value(show, files):
    seen = show(files["board"])
    page = seen.page
    picture = page.locator(".hm[role=img]").nth(1)
    assert told(seen, picture, 3, 3) == ["true variable 3, latent 3", "0.875 to 0.925"]
    assert told(seen, picture, 12, 30)[0] == "true variable 12, latent 30"
    told(seen, picture, 1, -1)
    assert page.locator("#tip").is_hidden()


def test_cells_of_a_panel_of_two_signs_tell_theirs(show, board, drawn, tmp_path):
    values = [[0.0] * 8 + [-0.5], [float("nan")] * 9]
    figure = replace(board.matrices[2].figures[0], matrices=(drawn.matrix("wide", values),))
    file = tmp_path / "signs.html"
    made = replace(board, matrices=(replace(board.matrices[2], figures=(figure,)),))
    file.write_text(render_html(made), encoding="utf-8")
    seen = show(file)
    picture = seen.page.locator(".hm[role=img]")
    assert told(seen, picture, 1, 9) == ["row 1, column 9", "−0.525 to −0.475"]
    assert told(seen, picture, 1, 1) == ["row 1, column 1", "−0.025 to 0.025"]
    assert told(seen, picture, 2, 1) == ["row 2, column 1", "no number"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_shared_nodes_are_drawn_like_their_original(show, files, scheme):
    page = show(files["board"], color_scheme=scheme).page
    graphs = page.locator("svg.graph[role=img]")
    assert graphs.count() == 5
    assert page.locator("svg.graph use").count() == 4
    # Byte for byte the same nodes: a square about the first one of each graph, without edges.
    shots = []
    for n in range(2):
        graphs.nth(n).scroll_into_view_if_needed()
        box = graphs.nth(n).bounding_box()
        middle = box["x"] + box["width"] / 2
        clip = {"x": round(middle) - 6, "y": round(box["y"]) + 20, "width": 12, "height": 14}
        shots.append(page.screenshot(clip=clip))
    assert shots[0] == shots[1]


def test_lines_tell_their_values_and_go_with_their_legend(show, files):
    seen = show(files["board"])
    page = seen.page
    chart = seen.bring(page.locator(".panels.series .chart"))
    chart.locator("[data-s='0'] .p").nth(4).hover()
    lines = page.locator("#tip").inner_text().split("\n")
    assert lines[0] == "vvenc [preset=medium]"
    assert lines[1].startswith("reward 0.")
    assert lines[2].startswith("time [steps] ")
    assert lines[3].endswith(" series")
    bands = chart.locator(".band:visible")
    assert bands.count() == 8
    chart.locator(".legend button", has_text="vvenc").click()
    assert bands.count() == 7
    assert page.locator(".panels.profiles .s").count() == 3


def test_all_is_there_without_a_script_and_on_paper(show, files):
    page = show(files["board"], java_script_enabled=False).page
    text = page.locator("body").inner_text()
    for part in (
        "true variable",
        "item kodim01, seed 0",
        "the same for all entries",
        "Drawn are the first 4 entries of the board; 7 more are not.",
        "Not drawn: avif-pillow",
        "In part: ",
        "Weaker edges are not drawn.",
    ):
        assert part in text, part
    assert page.locator(".heat").count() == 8
    assert page.locator(".panels.series .p title").count() == 8 * 5
    page.emulate_media(media="print")
    cell = page.locator(".heat td.h20").first
    assert cell.evaluate("c => getComputedStyle(c).printColorAdjust") == "exact"


@pytest.mark.parametrize("name", ["board", "hostile"])
def test_a_picture_is_no_wider_than_a_small_screen(show, files, name):
    page = show(files[name], width=390).page
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    wide = page.eval_on_selector_all(
        ".mat svg, .mat table", "all => all.map(n => n.getBoundingClientRect().right)"
    )
    assert wide
    assert max(wide) <= 390


def test_hostile_names_are_text_in_figures(show, files):
    seen = show(files["hostile"])
    page = seen.page
    for place in (
        ".mat figcaption",
        ".heat",
        ".hm .hc",
        ".panels.series .legend",
        ".mats ~ .note",
    ):
        assert HOSTILE in " ".join(page.locator(place).all_text_contents()), place
    page.locator(".panels.series .p").first.focus()
    assert HOSTILE in page.locator("#tip").inner_text()
    seen.bring(page.locator(".hm[role=img]").first).hover()
    assert HOSTILE in page.locator("#tip").inner_text()
    seen.assert_clean(files["hostile"])
