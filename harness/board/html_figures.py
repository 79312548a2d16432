"""Matrices and lines on the page: small multiples, plots with legends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from typing import Final

from harness.board import svg
from harness.board.model import LinesData, Matrix, MatrixData
from harness.board.svg_graph import WEAKEST, arrows, graph
from harness.board.svg_heat import bar, heat
from harness.board.svg_lines import lines

__all__ = ["figure_html", "legend_html", "lines_html", "matrices_html", "notes_html"]

_NAMED: Final = 6  # entries without a figure that are named one by one


def figure_html(plot: str, legend: str, notes: Iterable[str]) -> str:
    """Write a plot with its legend and notes."""
    return f'<div class="chart">{plot}<ul class="legend">{legend}</ul>{_notes(notes)}</div>'


def legend_html(entries: Iterable[str], look: Mapping[str, svg.Look]) -> str:
    """Write the legend of a plot whose series are numbered as the entries are."""
    return "".join(
        f'<li data-s="{n}">{svg.key(look[e])}<span>{escape(e)}</span></li>'
        for n, e in enumerate(entries)
    )


def lines_html(panel: LinesData, look: Mapping[str, svg.Look]) -> str:
    """Write a panel of lines with bands."""
    notes = (
        _without("Not drawn", panel.failed),
        _without("In part", panel.partial),
        _left(len(panel.lines) + len(panel.failed), panel.left),
    )
    if not panel.lines:
        return _notes(notes)
    legend = legend_html((line.entry for line in panel.lines), look)
    return figure_html(lines(panel, look), legend, notes)


def matrices_html(panel: MatrixData, place: int) -> str:
    """Write a panel of matrices: what all entries share first, then each entry's.

    Args:
        place: number of the panel on the page.
    """
    known: dict[int, str] = {}
    figures = []
    if panel.shared:
        figures.append(_tile(panel, "", "the same for all entries", panel.shared, place, known))
    figures += [_tile(panel, f.entry, f.point, f.matrices, place, known) for f in panel.figures]
    notes = (
        _without("Not drawn", panel.failed),
        _left(len(panel.figures) + len(panel.failed), panel.left),
    )
    scale = _scale(panel) if figures else ""
    return f'{scale}<div class="mats">{"".join(figures)}</div>{_notes(notes)}'


def _scale(panel: MatrixData) -> str:
    low, high = panel.range
    if panel.style == "heat":
        return f'<p class="scale">{bar(low, high)}</p>'
    top = max(abs(low), abs(high))
    signs = " Orange edges are negative." if low < 0 else ""
    return (
        f'<p class="scale"><span>{WEAKEST * top:g}</span>{arrows()}<span>{top:g}</span>'
        f"<span>Weaker edges are not drawn.{signs}</span></p>"
    )


def _tile(
    panel: MatrixData,
    entry: str,
    about: str,
    matrices: Iterable[Matrix],
    place: int,
    known: dict[int, str],
) -> str:
    """Write the matrices of one entry, or of all where ``entry`` is empty."""
    drawn = [(m.title, _drawn(panel, m, entry or about, place, known)) for m in matrices]
    said = [about]
    if len(drawn) == 1:  # on the line of the entry
        title = drawn[0][0]
        entry, said = (entry, [title, about]) if entry else (title, [about])
        parts = drawn[0][1]
    else:
        parts = "".join(f"<div><p>{escape(title)}</p>{html}</div>" for title, html in drawn)
    name = f"<b>{escape(entry)}</b> " if entry else ""
    spans = " · ".join(escape(text) for text in said if text)
    return (
        f'<figure class="mat"><figcaption>{name}<span>{spans}</span></figcaption>'
        f'<div class="ms">{parts}</div></figure>'
    )


def _drawn(panel: MatrixData, matrix: Matrix, name: str, place: int, known: dict[int, str]) -> str:
    if panel.style == "heat":
        return heat(panel, matrix, name)
    count = len(matrix.values)
    first = count not in known
    nodes = known.setdefault(count, f"g{place}-{count}")
    scale = max(abs(end) for end in panel.range) or 1.0
    return graph(matrix.values, scale, f"{name}: {matrix.title}", nodes, define=first)


def notes_html(failed: Iterable[tuple[str, str]], drawn: int, left: int, note: str = "") -> str:
    """Write what a panel leaves out, and what a reader must know of it."""
    return _notes((note, _without("Not shown", failed), _left(drawn, left)))


def _notes(notes: Iterable[str]) -> str:
    return "".join(f"<p class=note>{escape(n)}</p>" for n in notes if n)


def _without(what: str, entries: Iterable[tuple[str, str]]) -> str:
    told = [f"{entry} ({why})" for entry, why in entries]
    if not told:
        return ""
    more = f", and {len(told) - _NAMED} more" if len(told) > _NAMED else ""
    return f"{what}: {'; '.join(told[:_NAMED])}{more}."


def _left(kept: int, left: int) -> str:
    if not left:
        return ""
    return f"Drawn are the first {kept} entries of the board; {left} more are not."
