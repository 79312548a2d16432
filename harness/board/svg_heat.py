"""Heat maps: small matrices as tables of numbers, big ones as SVG."""

from __future__ import annotations

import itertools
import math
from html import escape
from typing import Final

from harness.board.model import Matrix, MatrixData

__all__ = ["bar", "heat"]

_SMALL: Final = 8  # rows and columns up to which the numbers are written
_LEVELS: Final = 20  # steps of the colour scale on each side of zero
_LEFT: Final = 34
_TOP: Final = 30


def heat(panel: MatrixData, matrix: Matrix, name: str) -> str:
    """Draw a matrix: a table where the numbers can be read, else a picture of it.

    Args:
        name: whose matrix it is.
    """
    rows, columns = len(matrix.values), len(matrix.values[0])
    if max(rows, columns) <= _SMALL:
        return _table(panel, matrix, name)
    return _picture(panel, matrix, name)


def bar(low: float, high: float) -> str:
    """Draw the colour scale with its ends."""
    low, high = _ends(low, high)
    levels = range(-_LEVELS if low < 0 < high else 0, _LEVELS + 1)
    parts = "".join(
        f'<path class="{_name(level)}" d="M{n} .5h1"/>' for n, level in enumerate(levels)
    )
    return (
        f'<span>{_short(low)}</span><svg class="hm" width="252" height="12" '
        f'viewBox="0 0 {len(levels)} 1" preserveAspectRatio="none" aria-hidden="true">'
        f"{parts}</svg>"
        f"<span>{_short(high)}</span>"
    )


def _ends(low: float, high: float) -> tuple[float, float]:
    """Return the ends of the colour scale; about zero it is symmetric, so that zero is blank."""
    return (-max(-low, high), max(-low, high)) if low < 0 < high else (low, high)


def _level(value: float, low: float, high: float) -> int:
    """Return the step of the colour scale, 0 … 20; -20 … 20 where it has two sides."""
    low, high = _ends(low, high)
    start = 0.0 if low < 0 < high else low
    least = -_LEVELS if low < 0 < high else 0
    return round(min(max(_LEVELS * (value - start) / (high - start), least), _LEVELS))


def _name(level: int) -> str:
    return f"h{level}" if level >= 0 else f"k{-level}"


def _class(value: float, panel: MatrixData) -> str:
    return "hx" if math.isnan(value) else _name(_level(value, *panel.range))


def _table(panel: MatrixData, matrix: Matrix, name: str) -> str:
    count = len(matrix.values)
    side = f"<th rowspan={count} class=rc scope=rowgroup><span>{escape(panel.rows)}</span>"
    corner = f"<td colspan={2 if panel.rows else 1}>"
    above = (
        f"<tr>{corner}<th colspan={len(matrix.values[0])} scope=colgroup>{escape(panel.columns)}"
        if panel.columns
        else ""
    )
    heads = "".join(f"<th scope=col>{n + 1}" for n in range(len(matrix.values[0])))
    lines = "".join(
        f"<tr>{side if panel.rows and not n else ''}<th scope=row>{n + 1}"
        + "".join(f"<td class={_class(v, panel)}>{_number(v)}" for v in row)
        for n, row in enumerate(matrix.values)
    )
    return (
        f'<table class=heat aria-label="{escape(f"{name}: {matrix.title}")}">'
        f"<thead>{above}<tr>{corner}{heads}<tbody>{lines}</table>"
    )


def _picture(panel: MatrixData, matrix: Matrix, name: str) -> str:
    rows, columns = len(matrix.values), len(matrix.values[0])
    cell = min(max(300 // max(rows, columns), 7), 16)
    paths: dict[str, str] = {}
    for y, row in enumerate(matrix.values):
        start = 0
        for level, run in itertools.groupby(_class(v, panel) for v in row):
            length = len(list(run))
            if level != "h0":  # what the ground shows
                paths[level] = paths.get(level, "") + f"M{start} {y}.5h{length}"
            start += length
    drawn = "".join(f'<path class="{level}" d="{d}"/>' for level, d in sorted(paths.items()))
    low, high = _ends(*panel.range)
    width, height = _LEFT + cell * columns + 8, _TOP + cell * rows + 4
    middle = _TOP + cell * rows / 2
    ticks = "".join(
        f'<text x="{_LEFT + cell * (n - 0.5):g}" y="{_TOP - 5}" text-anchor="middle">{n}</text>'
        for n in _ticks(columns)
    )
    ticks += "".join(
        f'<text x="{_LEFT - 4}" y="{_TOP + cell * (n - 0.5):g}" dy=".35em" '
        f'text-anchor="end">{n}</text>'
        for n in _ticks(rows)
    )
    captions = (
        f'<text class="hc" x="{_LEFT + cell * columns / 2:g}" y="11" text-anchor="middle">'
        f"{escape(panel.columns)}</text>"
        f'<text class="hc" transform="rotate(-90 11 {middle:g})" x="11" y="{middle:g}" '
        f'text-anchor="middle">{escape(panel.rows)}</text>'
    )
    return (
        f'<svg class="hm" role="img" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" data-r="{low!r} {high!r}" '
        f'aria-label="{escape(_told(matrix, name))}">'
        f'{captions}{ticks}<g transform="translate({_LEFT} {_TOP})scale({cell})">'
        f'<rect class="h0" width="{columns}" height="{rows}"/>{drawn}</g></svg>'
    )


def _ticks(count: int) -> list[int]:
    step = 1 if count <= 8 else 5 if count <= 30 else 10
    return [1, *(n for n in range(step, count + 1, step) if n > 1)]


def _told(matrix: Matrix, name: str) -> str:
    """Say in words what a picture shows: the largest number along the shorter side."""
    rows, columns = len(matrix.values), len(matrix.values[0])
    if rows <= columns:
        along, across, lines = "row", "column", matrix.values
    else:
        along, across, lines = "column", "row", tuple(zip(*matrix.values, strict=True))
    largest = []
    for n, line in enumerate(lines, start=1):
        there = [(v, k) for k, v in enumerate(line, start=1) if not math.isnan(v)]
        if there:
            value, at = max(there, key=lambda pair: (pair[0], -pair[1]))
            largest.append(f"{n}: {across} {at}, {_number(value)}")
    return (
        f"{name}: {matrix.title}, {rows} rows, {columns} columns. "
        f"The largest in each {along}: {'; '.join(largest)}"
    )


def _number(value: float) -> str:
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    text = f"{value:.2f}" if abs(value) < 100 else f"{value:.3g}"
    return text.removeprefix("-") if not text.strip("-0.") else text.replace("-", "−")


def _short(value: float) -> str:
    return f"{value:g}".replace("-", "−")
