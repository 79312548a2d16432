"""Parts of entries on the page: a table with a bar where a whole is shared among units."""

from __future__ import annotations

import math
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from html import escape
from typing import Final

from harness.board.html_figures import notes_html
from harness.board.model import PartsCell, PartsData, PartsFigure
from harness.board.numerals import number

__all__ = ["parts_html"]

_COLOURS: Final = 6  # words beyond them share the last one
_WIDTH: Final = 120  # of a bar, in pixels


def parts_html(panel: PartsData) -> str:
    """Write a panel of parts."""
    numeric = {title for title in panel.columns if _numeric(panel, title)}
    head = "".join(
        f"<th scope=col{' class=q' if title in numeric else ''}>{escape(title)}"
        for title in panel.columns
    )
    body = "".join(_figure(panel, figure, numeric) for figure in panel.figures)
    key = "".join(
        f'<li><svg width="12" height="12" aria-hidden="true"><rect class="u{_colour(panel, w)}" '
        f'width="12" height="12"/></svg><span>{escape(w)}</span></li>'
        for w in panel.words
    )
    legend = f'<ul class="legend">{key}</ul>' if key else ""
    return (
        f'{legend}<div class="scroll" tabindex="0" role="region" '
        f'aria-label="{escape(panel.title)}">'
        f'<table class="plain parts"><thead><tr>{head}{body}</table></div>'
        + notes_html(panel.failed, len(panel.figures) + len(panel.failed), panel.left, panel.note)
    )


def _figure(panel: PartsData, figure: PartsFigure, numeric: AbstractSet[str]) -> str:
    point = f" <span>{escape(figure.point)}</span>" if figure.point else ""
    head = f"<tbody><tr class=of><th scope=rowgroup colspan={len(panel.columns)}>"
    lines = "".join(_line(panel, line, numeric) for line in figure.lines)
    return f"{head}{escape(figure.entry)}{point}{lines}"


def _line(panel: PartsData, line: Mapping[str, PartsCell], numeric: AbstractSet[str]) -> str:
    cells = []
    for place, title in enumerate(panel.columns):
        value = line.get(title)
        if place == 0:
            cells.append(f"<th scope=row>{escape('' if value is None else str(value))}")
        elif isinstance(value, Mapping):
            cells.append(f"<td>{_bar(panel, value)}")
        elif isinstance(value, str):
            cells.append(f"<td>{escape(value)}")
        elif value is None or math.isnan(value):
            cells.append("<td class=q>–" if title in numeric else "<td>–")
        else:
            cells.append(f"<td class=q>{_figures(value)}")
    return f"<tr>{''.join(cells)}"


def _numeric(panel: PartsData, title: str) -> bool:
    """Whether a column holds numbers."""
    lines = [line for figure in panel.figures for line in figure.lines]
    return any(isinstance(line.get(title), float) for line in lines)


def _figures(value: float) -> str:
    """Write a number with three figures: the parts of a model differ by powers of ten."""
    if value == int(value) or not math.isfinite(value):
        return number(value, 0)
    return number(value, max(0, 2 - math.floor(math.log10(abs(value)))))


def _colour(panel: PartsData, word: str) -> int:
    return min(panel.words.index(word), _COLOURS - 1)


def _bar(panel: PartsData, counts: Mapping[str, float]) -> str:
    """Draw the shares of a whole, and say them."""
    total = sum(counts.values())
    said = ", ".join(
        f"{escape(w)} {number(c, 0 if c == int(c) else 2)}" for w, c in counts.items()
    )
    if not total:
        return said or "–"
    at, rects = 0.0, []
    for word in panel.words:
        width = _WIDTH * counts.get(word, 0.0) / total
        if width:
            colour, size = _colour(panel, word), f'width="{width:.1f}" height="9"'
            rects.append(f'<rect class="u{colour}" x="{at:.1f}" {size}/>')
        at += width
    return (
        f'<svg class="units" width="{_WIDTH}" height="9" viewBox="0 0 {_WIDTH} 9" '
        f'aria-hidden="true">{"".join(rects)}</svg><span>{said}</span>'
    )
