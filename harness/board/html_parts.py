"""Parts of entries on the page: a table with a bar where a whole is shared among units."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
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
    digits = {title: _digits(panel, title) for title in panel.columns}
    numeric = {title for title, found in digits.items() if found is not None}
    head = "".join(
        f"<th scope=col{' class=q' if title in numeric else ''}>{escape(title)}"
        for title in panel.columns
    )
    body = "".join(_figure(panel, figure, digits) for figure in panel.figures)
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


def _figure(panel: PartsData, figure: PartsFigure, digits: Mapping[str, int | None]) -> str:
    point = f" <span>{escape(figure.point)}</span>" if figure.point else ""
    head = f"<tbody><tr class=of><th scope=rowgroup colspan={len(panel.columns)}>"
    lines = "".join(_line(panel, line, digits) for line in figure.lines)
    return f"{head}{escape(figure.entry)}{point}{lines}"


def _line(
    panel: PartsData, line: Mapping[str, PartsCell], digits: Mapping[str, int | None]
) -> str:
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
            cells.append("<td class=q>–" if digits[title] is not None else "<td>–")
        else:
            cells.append(f"<td class=q>{number(value, digits[title] or 0)}")
    return f"<tr>{''.join(cells)}"


def _digits(panel: PartsData, title: str) -> int | None:
    """Return how many decimals a column needs for three figures of its smallest big number."""
    lines = [line for figure in panel.figures for line in figure.lines]
    values: Sequence[float] = [
        abs(v) for line in lines if isinstance(v := line.get(title), float) and math.isfinite(v)
    ]
    if not values:
        return None
    if all(v == int(v) for v in values):
        return 0
    return max(0, min(3, 2 - math.floor(math.log10(max(values)))))


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
