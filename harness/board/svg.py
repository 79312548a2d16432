"""Curves and fronts as SVG, complete without a script.

Nothing here carries a ``style`` attribute: a strict Content-Security-Policy would refuse it.
Colours come from the classes ``c0`` … ``c6`` of the style sheet, one for light and one for dark.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from harness.board.axes import Axis, axis
from harness.board.model import Column, CurveData, CurvePoint, FrontData, FrontPoint, Kind, Series
from harness.board.numerals import ARROW, interval, number, with_unit

__all__ = [
    "BOTTOM",
    "HEIGHT",
    "LEFT",
    "RIGHT",
    "TOP",
    "WIDTH",
    "Look",
    "curves",
    "frame",
    "front",
    "key",
    "left_out",
    "looks",
    "plot",
]

WIDTH: Final = 640
HEIGHT: Final = 420
LEFT, RIGHT, TOP, BOTTOM = 70, 18, 16, 54
COLOURS: Final = 7
# Distinct shapes, so that no colour has to be told apart: the last five are hollow.
_SHAPES: Final = (
    "M-4.2 0a4.2 4.2 0 1 0 8.4 0a4.2 4.2 0 1 0-8.4 0z",
    "M-3.8-3.8h7.6v7.6h-7.6z",
    "M0-4.8L4.6 3.6h-9.2z",
    "M0-5.4L4.6 0L0 5.4L-4.6 0z",
    "M0 4.8L4.6-3.6h-9.2z",
    "M-1.5-5h3v3.5h3.5v3h-3.5v3.5h-3v-3.5h-3.5v-3h3.5z",
    "M0-5.6L1.5-1.9L5.4-1.7L2.4.8L3.4 4.6L0 2.5L-3.4 4.6L-2.4.8L-5.4-1.7L-1.5-1.9z",
    "M-4.4-2.4L-2.4-4.4L0-2L2.4-4.4L4.4-2.4L2 0L4.4 2.4L2.4 4.4L0 2L-2.4 4.4L-4.4 2.4L-2 0z",
    "M-4.8 0L3.6-4.6v9.2z",
)
_HOLLOW: Final = 5
_MARKERS: Final = len(_SHAPES) + _HOLLOW


@dataclass(frozen=True, slots=True)
class Look:
    """How one entry is drawn, the same in every panel of a board.

    Attributes:
        colour: 0 … 6; published entries are muted whatever it is.
        marker: 0 … 13.
    """

    colour: int
    marker: int
    kind: Kind

    @property
    def classes(self) -> str:
        """Classes of a group drawn in this look."""
        hollow = " o" if self.marker >= len(_SHAPES) or self.kind == "published" else ""
        return ("pub" if self.kind == "published" else f"c{self.colour}") + hollow

    @property
    def shape(self) -> str:
        """Path data of the marker, about the origin."""
        return _SHAPES[self.marker % len(_SHAPES)]


def looks(entries: Iterable[tuple[str, Kind]]) -> dict[str, Look]:
    """Give each entry its look, by its place on the board; 98 differ from each other."""
    found: dict[str, Look] = {}
    for entry, kind in entries:
        if entry not in found:
            place = len(found)
            shape = (place + place // _MARKERS) % _MARKERS
            found[entry] = Look(place % COLOURS, shape, kind)
    return found


def key(look: Look) -> str:
    """Return the small marker that stands before a name in a legend."""
    return (
        f'<svg class="key {look.classes}" viewBox="-14 -7 28 14" width="28" height="14" '
        f'aria-hidden="true"><path class="l" d="M-14 0H14"/>'
        f'<path class="p" d="{look.shape}"/></svg>'
    )


def curves(panel: CurveData, drawn: Sequence[Series], look: Mapping[str, Look]) -> str:
    """Draw the series of a panel with intervals.

    Args:
        drawn: the series of ``panel`` that are drawn; at most a few dozen are readable.
        look: the look of each entry.
    """
    points = [p for series in drawn for p in series.points]
    across, up = _axes(points, log_x=panel.log_x)
    body = [frame(across, up, panel.x, panel.y)]
    # Published curves first, so that measured ones lie on top.
    for place, series in sorted(enumerate(drawn), key=lambda s: s[1].kind == "measured"):
        shown = [p for p in series.points if across.shows(p.x) and up.shows(p.y)]
        line = "L".join(f"{across.at(p.x)} {up.at(p.y)}" for p in shown)
        marks = "".join(
            _mark(series.entry, p, panel.x, panel.y, across, up, look[series.entry]) for p in shown
        )
        bars = "".join(_bars(p, across, up) for p in shown)
        body.append(
            f'<g class="s {look[series.entry].classes}" data-s="{place}">'
            + (f'<path class="e" d="{bars}"/>' if bars else "")
            + (f'<path class="l" d="M{line}"/>' if shown else "")
            + f"{marks}</g>"
        )
    return plot(f"{panel.title}, {panel.dataset}: {panel.y.name} against {panel.x.name}", body)


def front(panel: FrontData, look: Mapping[str, Look]) -> str:
    """Draw one number per entry against another, with the Pareto front as a staircase."""
    across, up = _axes([p.point for p in panel.points], log_x=panel.log_x)
    shown = [p for p in panel.points if across.shows(p.point.x) and up.shows(p.point.y)]
    body = [frame(across, up, panel.x, panel.y), _staircase(shown, panel.x, panel.y, across, up)]
    labels = _labels(shown, across, up)
    for place, item in enumerate(panel.points):
        if item not in shown:
            continue
        point, style = item.point, look[item.entry]
        bars = _bars(point, across, up)
        body.append(
            f'<g class="s {style.classes}{"" if item.on_front else " off"}" data-s="{place}">'
            + (f'<path class="e" d="{bars}"/>' if bars else "")
            + _mark(item.entry, point, panel.x, panel.y, across, up, style)
            + labels.get(item.entry, "")
            + "</g>"
        )
    return plot(f"{panel.title}, {panel.dataset}: {panel.y.name} against {panel.x.name}", body)


def plot(title: str, body: Iterable[str]) -> str:
    """Return a whole plot."""
    return (
        f'<svg class="plot" viewBox="0 0 {WIDTH} {HEIGHT}" role="group" '
        f'aria-label="{escape(title)}">{"".join(body)}</svg>'
    )


def _axes(points: Sequence[CurvePoint], *, log_x: bool) -> tuple[Axis, Axis]:
    shown = [
        p for p in points if math.isfinite(p.x) and math.isfinite(p.y) and (p.x > 0 or not log_x)
    ]
    across = axis(
        (v for p in shown for v in (p.x, p.x_low, p.x_high)), LEFT, WIDTH - RIGHT, log=log_x
    )
    up = axis(
        (v for p in shown for v in (p.y, p.y_low, p.y_high)), HEIGHT - BOTTOM, TOP, log=False
    )
    return across, up


def frame(across: Axis, up: Axis, x: Column, y: Column) -> str:
    """Draw grid, axes, ticks and captions."""
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    grid = "".join(f"M{across.at(t)} {TOP}V{bottom}" for t in across.ticks)
    grid += "".join(f"M{LEFT} {up.at(t)}H{right}" for t in up.ticks)
    parts = [
        f'<path class="grid" d="{grid}"/><path class="axis" d="M{LEFT} {TOP}V{bottom}H{right}"/>'
    ]
    parts += [
        f'<text class="t" x="{across.at(t)}" y="{bottom + 20}" text-anchor="middle">'
        f"{across.label(t)}</text>"
        for t in across.ticks
    ]
    parts += [
        f'<text class="t" x="{LEFT - 7}" y="{up.at(t)}" dy=".35em" text-anchor="end">'
        f"{up.label(t)}</text>"
        for t in up.ticks
    ]
    log = ", log scale" if across.log else ""
    middle = (TOP + bottom) / 2
    parts.append(
        f'<text class="a" x="{(LEFT + right) / 2}" y="{HEIGHT - 9}" text-anchor="middle">'
        f"{_caption(x)}{log}</text>"
        f'<text class="a" transform="rotate(-90 17 {middle})" x="17" y="{middle}" '
        f'text-anchor="middle">{_caption(y)}</text>'
    )
    return "".join(parts)


def _caption(column: Column) -> str:
    unit = f" [{column.unit}]" if column.unit else ""
    return escape(f"{column.name}{unit} {ARROW[column.better]}".rstrip())


def _mark(
    entry: str, point: CurvePoint, x: Column, y: Column, across: Axis, up: Axis, look: Look
) -> str:
    lines = [entry, point.label] if point.label else [entry]
    for column, value, low, high in (
        (y, point.y, point.y_low, point.y_high),
        (x, point.x, point.x_low, point.x_high),
    ):
        ends = interval(low, high, column.digits, column.unit)
        line = f"{column.name} {with_unit(value, column)}"
        lines.append(f"{line} [{ends}]" if ends else line)
    return (
        f'<path class="p" transform="translate({across.at(point.x)} {up.at(point.y)})" '
        f'd="{look.shape}"><title>{escape(chr(10).join(lines))}</title></path>'
    )


def _bars(point: CurvePoint, across: Axis, up: Axis) -> str:
    """Return the path of a point's interval bars; none where an interval has no length."""
    x, y, path = across.at(point.x), up.at(point.y), ""
    if not math.isnan(point.y_low + point.y_high):
        path += f"M{x} {up.at(point.y_low)}V{up.at(point.y_high)}"
    if not math.isnan(point.x_low + point.x_high):
        path += f"M{across.at(point.x_low)} {y}H{across.at(point.x_high)}"
    return path


def _staircase(points: Sequence[FrontPoint], x: Column, y: Column, across: Axis, up: Axis) -> str:
    """Return the border of what the entries on the front attain, out to the plot's edges."""
    on = sorted((across.at(p.point.x), up.at(p.point.y)) for p in points if p.on_front)
    if not on:
        return ""
    worst_y = up.start if y.better == "higher" else up.end
    if x.better == "higher":
        path = f"M{across.start} {on[0][1]}H{on[0][0]}"
        path += "".join(f"V{py}H{px}" for px, py in on[1:]) + f"V{worst_y}"
    else:
        path = f"M{on[0][0]} {worst_y}V{on[0][1]}"
        path += "".join(f"H{px}V{py}" for px, py in on[1:]) + f"H{across.end}"
    return f'<path class="front" d="{path}"/>'


def _labels(points: Sequence[FrontPoint], across: Axis, up: Axis) -> dict[str, str]:
    """Place names beside their points, those on the front first, where nothing is in the way."""
    places = {p.entry: (across.at(p.point.x), up.at(p.point.y)) for p in points}
    taken = [(px - 5, py - 5, px + 5, py + 5) for px, py in places.values()]
    found: dict[str, str] = {}
    for item in sorted(points, key=lambda p: not p.on_front):
        name = item.entry if len(item.entry) <= 26 else item.entry[:25] + "…"
        px, py = places[item.entry]
        width = 6.4 * len(name)
        for dx, dy, anchor in (
            (8, 4, "start"), (-8, 4, "end"), (6, -8, "start"), (6, 15, "start"),
            (-6, -8, "end"), (-6, 15, "end"), (0, -10, "middle"), (0, 18, "middle"),
        ):  # fmt: skip
            shift = {"start": 0.0, "end": width, "middle": width / 2}[anchor]
            left, base = px + dx - shift, py + dy
            box = (left, base - 10, left + width, base + 3)
            # Names are set half as large again on a small screen, and must not leave the plot.
            left, right = px + dx - 1.5 * shift, px + dx + 1.5 * (width - shift)
            inside = left > LEFT and right < WIDTH and box[1] > TOP and box[3] < HEIGHT - BOTTOM
            if inside and not any(_overlap(box, other) for other in taken):
                taken.append(box)
                found[item.entry] = (
                    f'<text class="n" x="{round(px + dx, 1)}" y="{round(base, 1)}" '
                    f'text-anchor="{anchor}">{escape(name)}</text>'
                )
                break
    return found


_Box = tuple[float, float, float, float]


def _overlap(a: _Box, b: _Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def left_out(points: Iterable[tuple[str, CurvePoint]], *, log_x: bool) -> list[str]:
    """Name the points that have no place in a plot, each with the coordinate that has none."""
    found = []
    for entry, point in points:
        for name, value, bad in (
            ("x", point.x, not math.isfinite(point.x) or (log_x and point.x <= 0)),
            ("y", point.y, not math.isfinite(point.y)),
        ):
            if bad:
                label = f" at {point.label}" if point.label else ""
                found.append(f"{entry}{label} ({name} is {number(value) or 'missing'})")
                break
    return found
