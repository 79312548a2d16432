"""The page in a real Chromium: what a reader does with it, and what it must never do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from harness.board.html import render_html
from harness.board.model import Board, PartsData, PartsFigure

pytestmark = pytest.mark.browser

HOSTILE = "</script><img src=x onerror=alert(1)>"


def entries(page: Any, table: str = "#t0") -> list[str]:
    return page.eval_on_selector_all(
        f"{table} > tbody > tr:not(.more) > th > a",
        "all => all.filter(a => a.checkVisibility()).map(a => a.textContent)",
    )


def column(page: Any, name: str) -> list[str]:
    """Return what the cells of a column show, without intervals, in row order."""
    return page.evaluate(
        """(name) => {
          const heads = [...document.querySelector("#t0").tHead.rows[0].cells];
          const k = heads.findIndex((head) => head.dataset.c === name);
          return [...document.querySelectorAll("#t0 > tbody > tr:not(.more)")]
            .map((row) => row.cells[k].firstChild.textContent);
        }""",
        name,
    )


def head(page: Any, name: str) -> Any:
    return page.locator(f'#t0 thead th[data-c="{name}"]')


# --- nothing it must not do --------------------------------------------------------------


@pytest.mark.parametrize("name", ["board", "hostile", "large"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_loads_without_requests_violations_or_messages(show, files, name, scheme):
    seen = show(files[name], color_scheme=scheme)
    seen.page.wait_for_timeout(100)
    seen.assert_clean(files[name])


def test_hostile_names_are_text_wherever_they_stand(show, files):
    seen = show(files["hostile"])
    page = seen.page
    for link in page.locator("#t0 > tbody > tr:not(.more) > th > a").all():
        link.click()
    for summary in page.locator("main summary").all():
        if summary.is_visible():
            summary.click()
    for select in page.locator(".pick select").all():
        select.select_option(index=0)
    page.locator(".plot .p").first.focus()
    assert HOSTILE in page.locator("#tip").inner_text()
    page.wait_for_timeout(100)
    text = page.locator("body").inner_text()
    assert text.count(HOSTILE) > 60
    assert page.title() == HOSTILE
    assert page.locator("img:not([src^='data:image/webp'])").count() == 0
    assert page.locator("script").count() == 2
    assert page.locator("a[href^='javascript']").count() == 0
    for place in ("#t0", ".legend", "#failures ~ *", ".env", ".compare", "h1", "h3", ".facts"):
        assert HOSTILE in " ".join(page.locator(place).all_inner_texts()), place
    seen.assert_clean(files["hostile"])


# --- the table ---------------------------------------------------------------------------


def test_sorts_by_value_and_keeps_rows_without_one_last(show, files):
    page = show(files["board"]).page
    assert head(page, "bd_rate").get_attribute("aria-sort") is None
    button = head(page, "bd_rate").get_by_role("button")
    button.click()
    assert head(page, "bd_rate").get_attribute("aria-sort") == "ascending"
    shown = column(page, "bd_rate")
    values = [float(t.replace("−", "-")) for t in shown[:-1]]
    assert values == sorted(values)
    assert shown[-1].startswith("curves overlap")
    button.click()
    assert head(page, "bd_rate").get_attribute("aria-sort") == "descending"
    shown = column(page, "bd_rate")
    values = [float(t.replace("−", "-")) for t in shown[:-1]]
    assert values == sorted(values, reverse=True)
    assert shown[-1].startswith("curves overlap")


def test_sorts_infinite_small_and_textual_values(show, files):
    page = show(files["board"]).page
    head(page, "psnr").get_by_role("button").click()  # higher is better: best first
    assert column(page, "psnr")[0] == "∞"
    head(page, "decode_time").get_by_role("button").click()
    assert column(page, "decode_time")[0] == "2.1×10⁻⁴"
    head(page, "entry").get_by_role("button").click()
    names = entries(page)
    assert names[0] == "avif-pillow"
    assert names == sorted(names)
    assert head(page, "psnr").get_attribute("aria-sort") is None


def test_keyboard_sorts_opens_and_filters(show, files):
    page = show(files["board"]).page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    head(page, "bpp").get_by_role("button").focus()
    page.keyboard.press("Enter")
    assert head(page, "bpp").get_attribute("aria-sort") == "ascending"
    first = page.locator("#t0 > tbody > tr > th > a").first
    first.focus()
    page.keyboard.press("Space")
    assert first.get_attribute("aria-expanded") == "true"
    assert page.locator("#t0 tr.more").is_visible()
    page.keyboard.press("Enter")
    assert first.get_attribute("aria-expanded") == "false"
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "find"
    page.keyboard.type("x26 preset")
    assert entries(page) == ["x265 [preset=veryslow]", "x264 [preset=placebo]"]
    assert page.locator("#tools .count").inner_text() == "4 of 22 rows"
    page.keyboard.press("Escape")
    assert len(entries(page)) == 13


def test_kind_filter(show, files):
    page = show(files["board"]).page
    page.get_by_role("button", name="published").click()
    assert entries(page) == ["bmshj2018-hyperprior", "cheng2020-anchor"]
    page.get_by_role("button", name="measured").click()
    assert len(entries(page)) == 11


@pytest.mark.parametrize("name", ["board", "large"])
def test_column_chooser(show, files, name):
    page = show(files[name]).page
    target = "psnr" if name == "board" else "metric_03"
    if name == "board":
        assert not head(page, "parameters").is_visible()
    assert head(page, target).is_visible()
    page.locator("#tools summary").click()
    page.get_by_label(target, exact=True).uncheck()
    assert not head(page, target).is_visible()
    # Headings still stand over their values.
    over = page.evaluate(
        """() => [...document.querySelector("#t0").tHead.rows[0].cells].every((head, k) => {
          const right = (node) => node.getBoundingClientRect().right;
          const cell = document.querySelector("#t0").tBodies[0].rows[0].cells[k];
          return head.checkVisibility() === cell.checkVisibility()
            && Math.abs(right(head) - right(cell)) < 1;
        })"""
    )
    assert over
    page.get_by_label(target, exact=True).check()
    assert head(page, target).is_visible()
    page.keyboard.press("Escape")
    assert not page.locator("#tools fieldset").is_visible()


def test_details_open_in_place_and_follow_their_row(show, files):
    seen = show(files["board"])
    page = seen.page
    page.locator("#t0 > tbody > tr > th > a", has_text="vvenc").click()
    text = page.locator("#t0 tr.more").inner_text()
    assert "psnr|rgb|8bit|mean-of-images|v1" in text
    assert "vvenc -i kodim01.y4m -qp 32" in text
    assert "q=8" in text
    head(page, "bd_rate").get_by_role("button").click()
    head(page, "bd_rate").get_by_role("button").click()
    before = page.evaluate("document.querySelector('tr.more').previousElementSibling.textContent")
    assert before.startswith("1–2vvenc")
    page.locator("#find").fill("jpeg")
    assert not page.locator("#t0 tr.more").is_visible()
    seen.assert_clean(files["board"])


def test_hidden_columns_hide_nothing_in_the_details(show, files):
    page = show(files["board"]).page
    page.locator("#t0 > tbody > tr > th > a").first.click()
    page.locator("#tools summary").click()
    for box in page.locator("#tools fieldset input").all():
        box.uncheck()
    cells = page.locator("#t0 tr.more table :is(td, th)")
    assert cells.count() > 60
    assert all(cell.is_visible() for cell in cells.all())


def test_anchor_opens_its_row_and_its_environment(show, files):
    page = show(files["board"], anchor="#e1-2").page
    page.locator("#t1 tr.more").wait_for(timeout=3000)
    assert page.locator("#t0 tr.more").count() == 0
    page.locator("#t1 tr.more a", has_text="a1b2c3d4").click()
    page.get_by_text("2 × Xeon").wait_for(timeout=3000)


@pytest.mark.parametrize("name", ["50%", "a b", "é#1", '"<&'])
def test_environments_of_any_name_open(show, board, tmp_path, name):
    file = tmp_path / "named.html"
    row = replace(board.tables[0].rows[0], environments=(name,))
    table = replace(board.tables[0], rows=(row,))
    made = replace(board, tables=(table,), environments={name: {"python": "3.11.99"}})
    file.write_text(render_html(made), encoding="utf-8")
    seen = show(file)
    seen.page.locator("#t0 > tbody > tr > th > a").click()
    seen.page.locator("#t0 tr.more").get_by_role("link", name=name, exact=True).click()
    seen.page.get_by_text("3.11.99").wait_for(timeout=3000)
    assert seen.messages == []


def test_large_board_sorts_with_an_open_row(show, files):
    seen = show(files["large"])
    page = seen.page
    page.locator("#t0 > tbody > tr > th > a").nth(1).click()
    assert page.locator("#t0 tr.more").get_by_text("Apache-2.0").is_visible()
    head(page, "metric_02").get_by_role("button").click()
    values = [float(t.replace("−", "-")) for t in column(page, "metric_02") if "×" not in t]
    assert len(values) > 950
    assert values == sorted(values)
    page.locator("#find").fill("model-0999")
    assert entries(page) == ["model-0999 [width=160, depth=4]"]
    seen.assert_clean(files["large"])


# --- plots and comparisons ---------------------------------------------------------------


def test_legend_hides_and_shows_series(show, files):
    page = show(files["board"]).page
    chart = page.locator(".chart").first
    button = chart.locator(".legend button", has_text="libaom")
    lines = chart.locator("g.s:not(.gone)")
    assert lines.count() == 13
    button.click()
    assert button.get_attribute("aria-pressed") == "false"
    assert lines.count() == 12
    page.wait_for_timeout(600)  # or the two would be one double click
    button.click()
    assert lines.count() == 13
    button.dblclick()
    assert lines.count() == 1


def test_points_tell_their_values_to_pointer_and_keyboard(show, files):
    seen = show(files["board"])
    page = seen.page
    plot = seen.bring(page.locator(".plot").first)
    tip = page.locator("#tip")
    assert tip.is_hidden()
    plot.locator(".c0 .p").nth(7).hover()
    assert "vvenc [preset=medium]" in tip.inner_text()
    assert "psnr 39.10\N{NO-BREAK SPACE}dB [38.65, 39.50]" in tip.inner_text()
    assert plot.locator("title").count() == 0  # no second tooltip over ours
    assert plot.locator(".p[tabindex='0']").count() == 1  # one stop for the whole plot
    plot.locator(".p[tabindex='0']").focus()
    first = tip.inner_text()
    page.keyboard.press("ArrowRight")
    second = tip.inner_text()
    page.keyboard.press("ArrowDown")
    assert len({first, second, tip.inner_text()}) == 3
    page.keyboard.press("Escape")
    assert tip.is_hidden()


def clip(page: Any) -> str:
    return page.evaluate("document.querySelectorAll('.stage img')[1].style.clipPath")


def test_compare_wipes_flips_and_chooses(show, files):
    page = show(files["board"]).page
    stage = page.locator(".stage")
    stage.scroll_into_view_if_needed()
    page.wait_for_function(
        "[...document.querySelectorAll('.stage img')].every(i => i.naturalWidth)"
    )
    assert clip(page) == "inset(0px 50% 0px 0px)"
    page.locator(".viewer input[type=range]").fill("20")
    assert clip(page) == "inset(0px 80% 0px 0px)"
    box = stage.bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.75, box["y"] + 40)
    assert "25" in clip(page)
    stage.focus()
    page.keyboard.down("Space")
    assert clip(page) == "inset(0px 100% 0px 0px)"
    page.keyboard.up("Space")
    assert "25" in clip(page)
    page.get_by_role("button", name="Flip").click()
    assert clip(page) == "inset(0px 0% 0px 0px)"
    page.keyboard.press("Tab")  # from the button to the picture
    page.keyboard.down("Space")
    assert clip(page) == "inset(0px 100% 0px 0px)"
    page.keyboard.up("Space")
    assert clip(page) == "inset(0px 0% 0px 0px)"
    page.get_by_label("Right", exact=True).select_option(label="x265 [preset=veryslow]")
    assert "31.74\N{NO-BREAK SPACE}dB" in page.locator(".sides").inner_text()
    was = stage.locator("img").first.get_attribute("src")
    page.get_by_label("Item", exact=True).select_option(label="kodim23")
    assert stage.locator("img").first.get_attribute("src") != was
    assert (
        page.get_by_label("Right", exact=True)
        .locator("option:checked")
        .inner_text()
        .startswith("x265")
    )


def test_pictures_beside_the_page_load_from_a_file(show, board, tmp_path, monkeypatch):
    monkeypatch.setattr("harness.board.html_compare.LIMIT", 1000)
    file = tmp_path / "board.html"
    file.write_text(render_html(board, files=tmp_path / "board_files"), encoding="utf-8")
    seen = show(file)
    seen.page.locator(".stage").scroll_into_view_if_needed()
    seen.page.wait_for_function(
        "[...document.querySelectorAll('.stage img')].every(i => i.naturalWidth === 288)"
    )
    assert seen.messages == []
    assert seen.page.evaluate("window.violations") == []
    folder = (tmp_path / "board_files").as_uri()
    assert all(r == file.as_uri() or r.startswith((folder, "data:")) for r in seen.requests)


# --- without a script, on paper, on a small screen, in the dark -----------------------------


def test_everything_is_there_without_a_script(show, files, board):
    page = show(files["board"], java_script_enabled=False).page
    text = page.locator("body").inner_text()
    for table in board.tables:
        for row in table.rows:
            assert row.entry in text
    for part in (
        "parameters",
        "−48.00",
        "curves overlap on 62 %",
        "pub.",
        "took longer than 60 s",
    ):
        assert part in text
    assert page.locator(".plot").count() == 5
    assert page.locator(".plot title").count() > 100
    assert page.locator(".group figure").count() == 15
    assert page.locator("#t0 thead button").count() == 0
    assert not page.locator("#e0-3").is_visible()
    page.locator("#t0 > tbody > tr > th > a", has_text="x265").click()
    assert page.locator("#e0-3").is_visible()
    assert "x265 -i kodim01.y4m" in page.locator("#e0-3").inner_text()


@pytest.mark.parametrize("name", ["board", "hostile", "large"])
def test_small_screen_scrolls_tables_not_the_page(show, files, name):
    page = show(files[name], width=390).page
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.locator("#t0 > tbody > tr > th > a").first.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    left = "document.querySelector('#t0 > tbody > tr > th').getBoundingClientRect().left"
    page.evaluate("document.querySelector('.scroll').scrollLeft = 150")
    assert page.evaluate(left) == page.locator(".scroll").first.bounding_box()["x"]


CONTRAST = """() => {
  const parse = (text) => {
    const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number);
    return [r, g, b, a];
  };
  const over = (top, under) =>
    [0, 1, 2].map((k) => top[k] * top[3] + under[k] * (1 - top[3])).concat(1);
  const light = (c) => {
    const [r, g, b] = c.map((v) => v / 255)
      .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (node) => {
    const layers = [];
    for (; node; node = node.parentElement) {
      layers.push(parse(getComputedStyle(node).backgroundColor));
    }
    return layers.reduceRight((under, top) => over(top, under), [255, 255, 255, 1]);
  };
  const worst = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || /SCRIPT|STYLE|OPTION/.test(node.tagName)) continue;
    if (!node.checkVisibility()) continue;
    const style = getComputedStyle(node);
    const ink = parse(node instanceof SVGElement ? style.fill : style.color);
    for (let up = node; up; up = up.parentElement) ink[3] *= +getComputedStyle(up).opacity;
    const ground = behind(node);
    const [a, b] = [light(over(ink, ground)), light(ground)].sort((x, y) => y - x);
    worst.push([(a + 0.05) / (b + 0.05), walker.currentNode.data.trim().slice(0, 40)]);
  }
  return worst.sort((x, y) => x[0] - y[0]);
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_contrast_is_at_least_four_and_a_half(show, files, scheme):
    page = show(files["board"], color_scheme=scheme, reduced_motion="reduce").page
    page.locator("#t0 > tbody > tr > th > a").first.click()
    page.mouse.move(0, 0)
    found = page.evaluate(CONTRAST)
    assert len(found) > 500
    assert found[0][0] >= 4.5, found[:5]
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(21, 23, 26)"
    assert dark == (scheme == "dark")


def test_theme_toggle(show, files):
    page = show(files["board"], color_scheme="light").page
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.locator("#theme").click()
    assert page.evaluate(ground) == light
    page.locator("#theme").click()
    assert page.evaluate(ground) != light
    page.locator("#theme").click()
    assert page.evaluate(ground) == light


def test_paper_has_no_controls_and_is_light(show, files):
    page = show(files["board"], color_scheme="dark").page
    page.emulate_media(media="print", color_scheme="dark")
    assert not page.locator("#tools").is_visible()
    assert not page.locator("nav").is_visible()
    assert page.locator("#t0").is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(253, 253, 251)"


def test_an_empty_board_says_so(show, tmp_path):
    file = tmp_path / "empty.html"
    file.write_text(render_html(Board(name="empty", title="")), encoding="utf-8")
    seen = show(file)
    assert "There is nothing to show" in seen.page.locator("body").inner_text()
    seen.assert_clean(file)


def test_one_more_column_than_signatures_is_no_fault(show, board, tmp_path):
    file = tmp_path / "bare.html"
    file.write_text(render_html(replace(board, signatures={}, environments={})), encoding="utf-8")
    seen = show(file)
    assert "None was recorded." in seen.page.locator("body").inner_text()
    seen.assert_clean(file)


def test_columns_and_panels_are_filtered_by_device_and_rows_by_variant(show, board, tmp_path):
    column = board.columns[0]
    names = ("gmacs", "latency_ms@host", "latency_ms@aihub:Galaxy S24")
    [table, *_] = board.tables
    rows = tuple(
        replace(row, entry=name)
        for row, name in zip(table.rows, ("net", "net+w8a8", "other"), strict=False)
    )
    figures = (PartsFigure(entry="net", lines=({"part": "g_s", "ms": 2.5},)),)
    parts = tuple(
        PartsData(title=title, dataset="kodak", columns=("part", "ms"), figures=figures)
        for title in ("Time: host", "Time: aihub:Galaxy S24", "What it is made of")
    )
    made = replace(
        board,
        columns=tuple(replace(column, name=name, shown=True) for name in names),
        tables=(replace(table, rows=rows),),
        parts=parts,
    )
    file = tmp_path / "devices.html"
    file.write_text(render_html(made), encoding="utf-8")
    page = show(file).page

    def shown():
        heads = page.locator("#t0 thead th")
        panels = page.locator(".panels.parts .panel:visible h3")
        return (
            [
                heads.nth(k).get_attribute("data-c")
                for k in range(2, 5)
                if heads.nth(k).is_visible()
            ],
            [text.split(" kodak")[0].strip() for text in panels.all_inner_texts()],
        )

    titles = [panel.title for panel in parts]
    assert shown() == (list(names), titles)
    page.get_by_role("group", name="Device").get_by_role("button", name="host").click()
    assert shown() == ([names[0], names[1]], [titles[0], titles[2]])
    page.get_by_role("group", name="Device").get_by_role("button", name="all").click()
    assert shown() == (list(names), titles)
    page.get_by_role("group", name="Variant").get_by_role("button", name="w8a8").click()
    assert page.locator("#t0 tbody tr:visible th > a").all_inner_texts() == ["net+w8a8"]


def test_many_devices_are_a_list_and_widen_no_page(show, board, tmp_path):
    names = [f"npu_share@htp:SM{n},precision=int8" for n in range(12)]
    columns = tuple(replace(board.columns[0], name=name, shown=True) for name in names)
    file = tmp_path / "many.html"
    file.write_text(render_html(replace(board, columns=columns)), encoding="utf-8")
    page = show(file).page
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.get_by_role("combobox", name="Device").select_option("htp:SM7,precision=int8")
    heads = page.locator("#t0 thead th[data-c]")
    shown = [heads.nth(k) for k in range(2, 14) if heads.nth(k).is_visible()]
    assert [head.get_attribute("data-c") for head in shown] == [names[7]]
