"""Lines with bands as SVG: means over time, performance profiles."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Final

from harness.board import svg
from harness.board.axes import Axis, axis, coordinate
from harness.board.model import Line, LinesData
from harness.board.numerals import interval, number, with_unit

__all__ = ["lines"]

_MARKS: Final = 45  # points of a plot that are marked and tell their values
_CLEAR: Final = 6  # bands over each other that can be told apart
_MOST: Final = 9  # of them on one line

Points = list[tuple[float, float]]


def lines(panel: LinesData, look: Mapping[str, svg.Look]) -> str:
    """Draw the lines of a panel, each with its band and a few marks that tell numbers."""
    across = axis((x for line in panel.lines for x in line.x), svg.LEFT, svg.WIDTH - svg.RIGHT,
                  log=False)  # fmt: skip
    values = (v for line in panel.lines for at in (line.y, line.low, line.high) for v in at)
    up = axis((0.0, 1.0) if panel.step else values, svg.HEIGHT - svg.BOTTOM, svg.TOP, log=False)
    drawn = [_line(panel, n, across, up, look) for n in range(len(panel.lines))]
    # The first of the board lies on top; many bands are faint, until one is pointed at.
    crowd = " class=crowd" if len(drawn) > _CLEAR else ""
    body = [svg.frame(across, up, panel.x, panel.y), f"<g{crowd}>", *reversed(drawn), "</g>"]
    return svg.plot(f"{panel.title}, {panel.dataset}: {panel.y.name} over {panel.x.name}", body)


def _line(
    panel: LinesData, place: int, across: Axis, up: Axis, look: Mapping[str, svg.Look]
) -> str:
    line = panel.lines[place]
    xs = [across.at(x) for x in line.x]
    band, path = "", ""
    coarse = [round(x) for x in xs]
    for start, end in _runs(line.low, line.high):
        ends = (line.high[start:end], line.low[start:end])
        high, low = (
            _points(coarse, [round(up.at(v)) for v in values], start, step=panel.step)
            for values in ends
        )
        band += f"{_path([*high, *reversed(low)])}z"
    for start, end in _runs(line.y):
        ys = [up.at(v) for v in line.y[start:end]]
        path += _path(_points(xs, ys, start, step=panel.step))
    style = look[line.entry]
    marks = "".join(
        f'<path class="p" transform="translate({xs[n]} {up.at(line.y[n])})" d="{style.shape}">'
        f"<title>{escape(_said(panel, line, n))}</title></path>"
        for n in _marked(line, place, len(panel.lines))
    )
    return (
        f'<g class="s {style.classes}" data-s="{place}"><path class="band" d="{band}"/>'
        f'<path class="l" d="{path}"/>{marks}</g>'
    )


def _runs(*values: Sequence[float]) -> Iterator[tuple[int, int]]:
    """Yield start and end of the stretches without NaN."""
    there = [not math.isnan(sum(at)) for at in zip(*values, strict=True)]
    start = 0
    for n, here in enumerate([*there, False]):
        if not here:
            if n > start:
                yield start, n
            start = n + 1


def _points(xs: Sequence[float], ys: Sequence[float], start: int, *, step: bool) -> Points:
    """Return the corners of a line; a step goes level to the next x, then up or down."""
    found: Points = []
    for n, y in enumerate(ys):
        if step and found:
            found.append((xs[start + n], found[-1][1]))
        found.append((xs[start + n], y))
    return found


def _path(points: Points) -> str:
    """Write corners as path data, relative and without what a straight line need not say."""
    (x, y), *rest = points
    text, last, way = f"M{coordinate(x)} {coordinate(y)}", 0.0, ""
    for px, py in rest:
        dx, dy = round(px - x, 1), round(py - y, 1)
        x, y = px, py
        if not dx and not dy:
            continue
        now, size = ("v", dy) if not dx else ("h", dx) if not dy else ("l", 0.0)
        if now == way != "l" and size * last > 0:
            size = round(size + last, 1)  # further on the same way
            text = text[: text.rindex(way)]
        if now == "l":
            second = coordinate(dy)
            text += f"l{coordinate(dx)}{'' if second[0] == '-' else ' '}{second}"
        else:
            text += now + coordinate(size)
        last, way = size, now
    return text


def _marked(line: Line, place: int, lines: int) -> list[int]:
    """Return which points are marked: evenly along the line, beside those of other lines."""
    there = [n for n, y in enumerate(line.y) if not math.isnan(y)]
    many = min(_MOST, max(2, _MARKS // lines))
    share = (place + 0.5) / lines
    at = ((k + share) / many * len(there) for k in range(many))
    return list(dict.fromkeys(there[min(int(a), len(there) - 1)] for a in at)) if there else []


def _said(panel: LinesData, line: Line, n: int) -> str:
    ends = interval(line.low[n], line.high[n], panel.y.digits)
    value = f"{panel.y.name} {number(line.y[n], panel.y.digits)}"
    at = f"{panel.x.name} {with_unit(line.x[n], panel.x)}"
    counted = f"{line.n[n]} {panel.counted}"
    said = [line.entry, line.point, f"{value} [{ends}]" if ends else value, at, counted]
    return "\n".join(filter(None, said))
