"""The board as one HTML file that needs no network, no server and no script."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from html import escape
from importlib import resources
from pathlib import Path
from typing import Any, Final

from harness.board import html_compare, svg
from harness.board.html_detail import brief_note, details_html, values_html
from harness.board.html_figures import figure_html, legend_html, lines_html, matrices_html
from harness.board.html_parts import parts_html
from harness.board.html_table import BIG, ORDER, column_widths, table_html
from harness.board.model import Board, CurvePoint, Kind, Series
from harness.board.numerals import ARROW, clean

__all__ = ["render_html"]

_FULL: Final = 8_000  # numbers of a board up to which each is listed with its signature
_POINTS: Final = 20_000  # numbers of operating points up to which a page lists them
_DOTS: Final = 200  # entries of a front that are drawn besides those on it
_CURVES: Final = 28  # series that one plot draws; each is told from the others by its look
_NAMED: Final = 6  # points not drawn that are named one by one


def render_html(board: Board, *, files: Path | None = None) -> str:
    """Write a board as one HTML page.

    Everything is in the page: it works from a file, without a network, and without a script,
    which only adds sorting, filtering and the like. The Content-Security-Policy admits nothing
    but the page's own style sheet and scripts, by their digests.

    Args:
        files: folder beside the page. Where the page would exceed 5 MB, its pictures are
            written there, and the page needs that folder; without one they stay in the page.

    Returns:
        The page; write it as UTF-8 into ``files.parent``.

    Raises:
        OSError: a picture cannot be written.
    """
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    look = svg.looks((row.entry, row.kind) for table in board.tables for row in table.rows)
    style = _asset("board.css") + (_asset("matrices.css") if board.matrices else "")
    style += _rules(board)
    theme, script = _asset("theme.js"), _asset("board.js")
    sections = _tables(board) + _curves(board, look) + _fronts(board, look)
    sections += _figures(board, look)
    pictures, beside = _compares(board, files, sum(len(s["html"]) for s in sections))
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    page = environment.from_string(_asset("page.html.j2")).render(
        board=board,
        policy=_policy(style, (theme, script), beside=beside),
        style=Markup(style),  # noqa: S704 - ours, and free of user text
        theme=Markup(theme),  # noqa: S704
        script=Markup(script),  # noqa: S704
        sections=[{**s, "html": Markup(s["html"])} for s in sections + pictures],  # noqa: S704
        failed=[f for f in board.failures if f.outcome != "skipped"],
        skipped=_skipped(board),
        ranked=next((c for c in board.columns if c.name == board.rank_by), None),
        entries=len(look),
        kinds=sorted({row.kind for table in board.tables for row in table.rows}),
        values=lambda values: Markup(values_html(values)),  # noqa: S704 - escaped there
        arrow=ARROW,
        order=ORDER,
    )
    return clean(page)


def _skipped(board: Board) -> list[tuple[str, str, list[str]]]:
    """Return what was skipped: entry, reason, and the steps that had nothing to do."""
    steps: dict[tuple[str, str], list[str]] = {}
    for failure in board.failures:
        if failure.outcome == "skipped":
            steps.setdefault((failure.entry, failure.reason), []).append(failure.step)
    return [(entry, reason, found) for (entry, reason), found in steps.items()]


def _asset(name: str) -> str:
    return (resources.files("harness.board") / "assets" / name).read_text(encoding="utf-8")


def _policy(style: str, scripts: Iterable[str], *, beside: bool) -> str:
    def digest(text: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    return "; ".join(
        (
            "default-src 'none'",
            f"style-src {digest(style)}",
            f"script-src {' '.join(digest(s) for s in scripts)}",
            "img-src data: 'self'" if beside else "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _rules(board: Board) -> str:
    """Return the widths of big tables and the columns that a script hides at first."""
    rules = []
    for place, table in enumerate(board.tables):
        if len(table.rows) > BIG:
            widths = column_widths(board, table)
            rest = " ".join(f"{w}ch" for w in widths[1:])
            # The entry's width is the style sheet's: it is narrower on a small screen.
            sums = f"calc({sum(widths)}ch + var(--en))"
            rules.append(f"#t{place}{{--cols:{widths[0]}ch var(--en) {rest};--sum:{sums}}}")
    return "\n".join(rules)


def _section(kind: str, place: int, title: str, note: str, html: str) -> dict[str, Any]:
    return {"kind": kind, "id": f"{kind}-{place}", "title": title, "note": note, "html": html}


def _tables(board: Board) -> list[dict[str, Any]]:
    numbers = sum(len(table.rows) for table in board.tables) * len(board.columns)
    full = numbers <= _FULL
    points = _listed(board) <= _POINTS
    brief = "" if full and points else f"<p class=note>{escape(brief_note(board, points=points))}"
    found = []
    for place, table in enumerate(board.tables):
        details = details_html(board, table, place, full=full, points=points)
        html = table_html(board, table, place) + (
            f'{brief}<details class="entries"><summary>Details of all {len(table.rows)} '
            f"entries on {escape(table.dataset)}</summary>{details}</details>"
        )
        rows = "row" if len(table.rows) == 1 else "rows"
        items = "item" if table.items == 1 else "items"
        note = f"{len(table.rows)} {rows}, {table.items} {items}"
        found.append(_section("table", place, table.dataset, note, html))
    return found


def _listed(board: Board) -> int:
    rows = [row for table in board.tables for row in table.rows]
    return sum(len(point.cells) for row in rows for point in row.points)


def _not_drawn(points: Iterable[tuple[str, CurvePoint]], *, log_x: bool) -> str:
    missing = svg.left_out(points, log_x=log_x)
    if not missing:
        return ""
    more = f", and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
    return f"Not drawn: {'; '.join(missing[:_NAMED])}{more}."


def _curves(board: Board, look: Mapping[str, svg.Look]) -> list[dict[str, Any]]:
    place_of = {entry: n for n, entry in enumerate(look)}
    found = []
    for place, panel in enumerate(board.curves):
        series = sorted(panel.series, key=lambda s: place_of.get(s.entry, len(place_of)))
        known = dict(look) | _unknown(series, look)
        drawn = series[:_CURVES]
        kept = [(s.entry, p) for s in drawn for p in s.points]
        left = len(series) - len(drawn)
        notes = (
            _not_drawn(kept, log_x=panel.log_x),
            f"Drawn are the first {len(drawn)} entries of the board; "
            f"the points of the other {left} stand in their details."
            if left
            else "",
        )
        legend = legend_html((s.entry for s in drawn), known)
        html = figure_html(svg.curves(panel, drawn, known), legend, notes)
        found.append(_section("curve", place, panel.title, panel.dataset, html))
    return found


def _unknown(series: Iterable[Series], look: Mapping[str, svg.Look]) -> dict[str, svg.Look]:
    """Give a look to entries that are on no table."""
    names: list[tuple[str, Kind]] = [(s.entry, s.kind) for s in series]
    return {e: style for e, style in svg.looks(names).items() if e not in look}


def _fronts(board: Board, look: Mapping[str, svg.Look]) -> list[dict[str, Any]]:
    place_of = {entry: n for n, entry in enumerate(look)}
    found = []
    for place, panel in enumerate(board.fronts):
        # Those on the front first, then by their place on the board.
        points = sorted(
            panel.points, key=lambda p: (not p.on_front, place_of.get(p.entry, len(place_of)))
        )
        on = sum(p.on_front for p in points)
        drawn = replace(panel, points=tuple(points[: on + _DOTS]))
        left = len(points) - len(drawn.points)
        entries = [p.entry for p in drawn.points]
        kinds: list[tuple[str, Kind]] = [(e, "measured") for e in entries]
        known = svg.looks(kinds) | dict(look)
        notes = (
            _not_drawn([(p.entry, p.point) for p in drawn.points], log_x=panel.log_x),
            "The line borders what some entry attains: an entry on it is beaten by none in both.",
            f"{left} more entries behind the line are not drawn; the table has them."
            if left
            else "",
        )
        legend = legend_html(entries, known) if len(entries) <= _CURVES else ""
        html = figure_html(svg.front(drawn, known), legend, notes)
        found.append(_section("front", place, panel.title, panel.dataset, html))
    return found


def _figures(board: Board, look: Mapping[str, svg.Look]) -> list[dict[str, Any]]:
    found = []
    for place, made in enumerate(board.parts):
        note = " · ".join(filter(None, (made.dataset, made.where)))
        found.append(_section("parts", place, made.title, note, parts_html(made)))
    for place, panel in enumerate(board.matrices):
        note = " · ".join(filter(None, (panel.dataset, panel.where)))
        html = matrices_html(panel, place)
        found.append(_section("matrix", place, panel.title, note, html))
    for kind, panels in (("series", board.series), ("profile", board.profiles)):
        for place, drawn in enumerate(panels):
            kinds: list[tuple[str, Kind]] = [(line.entry, "measured") for line in drawn.lines]
            html = lines_html(drawn, svg.looks(kinds) | dict(look))
            found.append(_section(kind, place, drawn.title, drawn.dataset, html))
    return found


def _compares(board: Board, files: Path | None, size: int) -> tuple[list[dict[str, Any]], bool]:
    total = size + html_compare.pictures_size(board.compares)
    beside = files is not None and total > html_compare.LIMIT
    address = html_compare.write_beside(files) if files and beside else html_compare.inline
    columns = {c.name: c for c in board.columns}
    return [
        _section(
            "compare",
            place,
            panel.title,
            panel.dataset,
            html_compare.compare_html(panel, columns, address),
        )
        for place, panel in enumerate(board.compares)
    ], beside
