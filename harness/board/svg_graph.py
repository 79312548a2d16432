"""Directed graphs as SVG: nodes on a circle, an edge the wider the stronger.

The layout depends on nothing but the number of nodes, so graphs of one size can be compared at a
glance.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Final, NamedTuple

from harness.board.axes import coordinate

__all__ = ["LEVELS", "WEAKEST", "arrows", "graph"]

LEVELS: Final = 8  # widths that are told apart
WEAKEST: Final = 0.02  # share of the scale below which an edge is not drawn
_RADIUS: Final = 12.0  # of a node
_ROOM: Final = 15.0  # around a graph: a loop reaches this far
_BEND: Final = 0.32  # how far the control point of a two-way edge is off, in lengths
_FEW: Final = 8  # nodes between which there is room for wide edges
_TOLD: Final = 20  # edges that a graph's title lists

Matrix = Sequence[Sequence[float]]


class _Point(NamedTuple):
    x: float
    y: float

    def toward(self, other: _Point, length: float) -> _Point:
        """Return the point that lies ``length`` from here on the way to another."""
        far = math.dist(self, other) or 1.0
        dx, dy = (other.x - self.x) / far, (other.y - self.y) / far
        return _Point(self.x + length * dx, self.y + length * dy)

    def turned(self, angle: float, length: float) -> _Point:
        """Return the point that lies ``length`` from here; angles turn clockwise."""
        return _Point(self.x + length * math.cos(angle), self.y + length * math.sin(angle))


class _Edge(NamedTuple):
    start: int
    end: int
    value: float
    level: int


def graph(values: Matrix, scale: float, name: str, nodes: str = "", *, define: bool = True) -> str:
    """Draw a graph.

    Args:
        values: square; [i, j] is the strength of the edge from i to j.
        scale: strength of the widest edge.
        name: what it is a graph of.
        nodes: id under which the nodes stand on the page.
        define: whether they stand here, or in another graph of the page.
    """
    count = len(values)
    ring = 0.0 if count == 1 else max(46.0, 7.5 * count)
    side = 2 * (ring + _RADIUS + _ROOM)
    middle = _Point(side / 2, side / 2)
    at = [_place(n, count, ring, middle) for n in range(count)]
    edges = _edges(values, scale)
    there = {(e.start, e.end): abs(e.value) for e in edges}
    drawn = dict.fromkeys(range(1, LEVELS + 1), "")
    for signed in (sign * level for level in drawn for sign in (1, -1)):
        paths = [_edge(e, at, there, middle) for e in edges if e.level == signed]
        if paths:
            style = f"g{abs(signed)}" + (" neg" if signed < 0 else "")
            lines, heads = ("".join(part) for part in zip(*paths, strict=True))
            drawn[abs(signed)] += (
                f'<g class="{style}"><path d="{lines}"/><path class="gh" d="{heads}"/></g>'
            )
    body = "".join(drawn.values())  # the strongest on top
    body += _nodes(at, nodes) if define else f'<use href="#{nodes}"/>'
    size = f"{side:.0f}"
    style = "graph many" if count > _FEW else "graph"
    return (
        f'<svg class="{style}" role="img" width="{size}" height="{size}" '
        f'viewBox="0 0 {size} {size}"><title>{escape(_told(name, edges))}</title>{body}</svg>'
    )


def arrows() -> str:
    """Return sample edges, weak to strong, for a legend."""
    parts = []
    for n, level in enumerate((1, 3, 5, LEVELS)):
        line, head = _arrow(_Point(n * 34, 6), None, _Point(n * 34 + 28, 6), level)
        parts.append(f'<g class="g{level}"><path d="{line}"/><path class="gh" d="{head}"/></g>')
    return (
        '<svg class="graph" width="130" height="12" viewBox="0 0 130 12" aria-hidden="true">'
        f"{''.join(parts)}</svg>"
    )


def _place(node: int, count: int, ring: float, middle: _Point) -> _Point:
    turn = 2 * math.pi * node / count - math.pi / 2  # the first at the top, then clockwise
    return middle.turned(turn, ring)


def _edges(values: Matrix, scale: float) -> list[_Edge]:
    """Return the edges that are drawn, strongest first; the level of a negative one is too."""
    found = []
    for i, row in enumerate(values):
        for j, value in enumerate(row):
            share = min(abs(value) / scale, 1.0)
            if share >= WEAKEST:  # never so of NaN
                level = math.ceil(share * LEVELS)
                found.append(_Edge(i, j, value, level if value > 0 else -level))
    return sorted(found, key=lambda e: -abs(e.value))


def _edge(
    edge: _Edge, at: Sequence[_Point], there: Mapping[tuple[int, int], float], middle: _Point
) -> tuple[str, str]:
    """Return path data of an edge's line and of its head.

    Where edges lead both ways, a much weaker one leaves the other straight: a true edge looks
    alike in the graph that was recovered and in the true one.
    """
    start, end = at[edge.start], at[edge.end]
    level = abs(edge.level)
    if edge.start == edge.end:
        return _loop(start, middle, level)
    bend = None
    if there.get((edge.end, edge.start), 0.0) >= abs(edge.value) / 2:  # to the left of its way
        dx, dy = end.x - start.x, end.y - start.y
        bend = _Point((start.x + end.x) / 2 + _BEND * dy, (start.y + end.y) / 2 - _BEND * dx)
    return _arrow(
        start.toward(bend or end, _RADIUS), bend, end.toward(bend or start, _RADIUS + 1), level
    )


def _loop(node: _Point, middle: _Point, level: int) -> tuple[str, str]:
    """Return a loop on the side of a node that faces away from the others."""
    out = math.atan2(node.y - middle.y, node.x - middle.x) if node != middle else -math.pi / 2
    reach = _RADIUS + 1.6 * _ROOM
    start, tip = (node.turned(out + t, _RADIUS) for t in (-0.6, 0.6))
    away, back = (node.turned(out + t, reach) for t in (-0.45, 0.45))
    base, head = _head(back, tip, level)
    return f"M{_xy(start)}c{_off(start, away, back, base)}", head


def _arrow(start: _Point, bend: _Point | None, tip: _Point, level: int) -> tuple[str, str]:
    base, head = _head(bend or start, tip, level)
    way = f"l{_off(start, base)}" if bend is None else f"q{_off(start, bend, base)}"
    return f"M{_xy(start)}{way}", head


def _head(origin: _Point, tip: _Point, level: int) -> tuple[_Point, str]:
    """Return where the line ends and the head that goes on to ``tip``, seen from ``origin``."""
    base = tip.toward(origin, 5 + 0.45 * level)
    dx, dy = (tip.x - base.x) * 0.48, (tip.y - base.y) * 0.48
    left, right = _Point(base.x - dy, base.y + dx), _Point(base.x + dy, base.y - dx)
    return base, f"M{_xy(tip)}l{_off(tip, left)}l{_off(left, right)}z"


def _nodes(at: Sequence[_Point], name: str) -> str:
    marks = "".join(
        f'<circle cx="{p.x:.1f}" cy="{p.y:.1f}" r="{_RADIUS:g}"/>'
        f'<text x="{p.x:.1f}" y="{p.y:.1f}" dy=".35em">z{n}</text>'
        for n, p in enumerate(at, start=1)
    )
    return f'<g class="gn" id="{name}">{marks}</g>'


def _xy(point: _Point) -> str:
    return f"{coordinate(point.x)} {coordinate(point.y)}"


def _off(start: _Point, *points: _Point) -> str:
    """Write points relative to a first one."""
    both = (f"{coordinate(p.x - start.x)} {coordinate(p.y - start.y)}" for p in points)
    return " ".join(both).replace(" -", "-")


def _told(name: str, edges: Sequence[_Edge]) -> str:
    told = [f"z{e.start + 1} → z{e.end + 1} {e.value:.2f}" for e in edges[:_TOLD]]
    if len(edges) > _TOLD:
        told.append(f"and {len(edges) - _TOLD} weaker ones")
    return f"{name}: {', '.join(told) or 'no edge'}".replace("-", "−")
