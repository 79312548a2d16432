"""What the board draws of artifacts and of scores one by one: matrices, series, profiles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from harness.board.bands import Band, mean_band, share_band, thin
from harness.board.build import point_label
from harness.board.gather import Scores
from harness.board.measure import Measured
from harness.board.model import (
    Board,
    Column,
    Line,
    LinesData,
    Matrix,
    MatrixData,
    MatrixFigure,
)
from harness.board.values import Inputs, Missing
from harness.registry import resolve
from harness.spec import MatrixPanel, ProfilePanel, SeriesPanel
from harness.suite import Suite

__all__ = ["board_entries", "first_point", "matrices", "profiles", "reason_of", "series"]

Floats = NDArray[np.float64]

_FIGURES: Final = 24  # entries whose matrices are drawn
_LINES: Final = 28  # entries that one plot draws; each is told from the others by its look
_BIG: Final = 150  # entries of a dataset beyond which a page is full of them, …
_OF_BIG: Final = 10  # … and fewer are drawn
_SIDE: Final = 64  # rows or columns of a heat map
_NODES: Final = 32  # of a graph
_STEPS: Final = 120  # points of a line
_THRESHOLDS: Final = 200
_POINTS: Final = 900  # points of all lines of a plot: a page with many of them stays small


def matrices(
    panel: MatrixPanel, suite: Suite, board: Board, dataset: str, inputs: Inputs
) -> Iterator[MatrixData]:
    """Yield the matrices of the first entries of the board, if any entry left what they need."""
    entries = [e for e in board_entries(board, dataset) if inputs.places(e)]
    if not entries:
        return
    kept = entries[: _OF_BIG if len(entries) > _BIG else _FIGURES]
    place = inputs.first(kept)
    figures: list[MatrixFigure] = []
    failed: list[tuple[str, str]] = []
    for entry in kept:
        try:
            found = resolve(panel.compute)(*inputs.values(entry, place))
            made = tuple(_matrix(str(title), array, panel) for title, array in found.items())
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may raise anything
            failed.append((entry, reason_of(error)))
        else:
            figures.append(
                MatrixFigure(entry=entry, matrices=made, point=first_point(suite, entry))
            )
    shared, own = _apart(figures)
    yield MatrixData(
        title=panel.title,
        dataset=dataset,
        style=panel.style,
        range=(float(panel.range[0]), float(panel.range[1])),
        rows=panel.rows,
        columns=panel.columns,
        where=str(place),
        shared=shared,
        figures=own,
        failed=tuple(failed),
        left=len(entries) - len(kept),
    )


def _matrix(title: str, array: Any, panel: MatrixPanel) -> Matrix:
    low, high = panel.range
    if not -np.inf < low < high < np.inf:
        raise ValueError(f"the panel's range is {low} … {high}")
    values = np.asarray(array, np.float64)
    most = _NODES if panel.style == "graph" else _SIDE
    if values.ndim != 2 or 0 in values.shape:
        raise ValueError(f"{title!r} has shape {values.shape}, expected (rows, columns)")
    if panel.style == "graph" and values.shape[0] != values.shape[1]:
        raise ValueError(f"{title!r} has shape {values.shape}: a graph's matrix is square")
    if max(values.shape) > most:
        raise ValueError(f"{title!r} has shape {values.shape}; at most {most} are drawn")
    return Matrix(title=title, values=tuple(map(tuple, values.tolist())))


def _apart(
    figures: Sequence[MatrixFigure],
) -> tuple[tuple[Matrix, ...], tuple[MatrixFigure, ...]]:
    """Take the matrices out that are the same for every entry."""
    if len(figures) < 2:
        return (), tuple(figures)
    shared = tuple(
        matrix
        for matrix in figures[0].matrices
        if all(any(_same(matrix, m) for m in figure.matrices) for figure in figures[1:])
    )
    titles = {matrix.title for matrix in shared}
    own = (
        replace(f, matrices=tuple(m for m in f.matrices if m.title not in titles)) for f in figures
    )
    return shared, tuple(f for f in own if f.matrices)


def _same(one: Matrix, other: Matrix) -> bool:
    return one.title == other.title and np.array_equal(one.values, other.values, equal_nan=True)


def series(
    panel: SeriesPanel, suite: Suite, board: Board, dataset: str, inputs: Inputs
) -> Iterator[LinesData]:
    """Yield the means over time of the first entries of the board, if any left a series."""
    entries = [e for e in board_entries(board, dataset) if inputs.places(e)]
    if not entries:
        return
    kept = entries[: _OF_BIG if len(entries) > _BIG else _LINES]
    most = len(max((inputs.places(e) for e in kept), key=len))
    lines: list[Line] = []
    failed: list[tuple[str, str]] = []
    partial: list[tuple[str, str]] = []
    for entry in kept:
        places = inputs.places(entry)
        try:
            at, runs = _runs(panel, inputs, entry, min(_STEPS, _POINTS // len(kept)))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may raise anything
            failed.append((entry, reason_of(error)))
            continue
        band = mean_band(runs)
        if np.all(np.isnan(band.mean)):
            failed.append((entry, "a single series has no mean"))
            continue
        lines.append(_line(entry, first_point(suite, entry), at, band))
        if len(places) < most:
            partial.append((entry, f"{most - len(places)} of {most} runs left nothing"))
    values = [v for line in lines for v in (*line.low, *line.high, *line.y)]
    yield LinesData(
        title=panel.title,
        dataset=dataset,
        x=Column(name=panel.x, digits=0),
        y=Column(name=panel.y, digits=_digits(values)),
        step=False,
        counted="series",
        lines=tuple(lines),
        failed=tuple(failed),
        partial=tuple(partial),
        left=len(entries) - len(kept),
    )


def _runs(panel: SeriesPanel, inputs: Inputs, entry: str, most: int) -> tuple[Floats, Floats]:
    """Return the times kept, (T,), and all series of an entry there, (seeds, rows, T).

    A row is what the same place in the same item's array holds under every seed.
    """
    found = {
        place: _series(resolve(panel.compute)(*inputs.values(entry, place)))
        for place in inputs.places(entry)
    }
    at = thin(max(rows.shape[1] for rows in found.values()), most)
    seeds = list(dict.fromkeys(place.seed for place in found))
    sizes: dict[str | None, int] = {}
    for place, rows in found.items():
        sizes[place.item] = max(sizes.get(place.item, 0), len(rows))
    ends = dict(zip(sizes, np.cumsum(list(sizes.values())).tolist(), strict=True))
    runs = np.full((len(seeds), sum(sizes.values()), at.size), np.nan)
    for place, rows in found.items():
        start = ends[place.item] - sizes[place.item]
        there = at < rows.shape[1]
        own = runs[seeds.index(place.seed), start : start + len(rows)]
        own[:, there] = rows[:, at[there]]
    return at.astype(np.float64), runs


def _series(array: Any) -> Floats:
    rows = np.atleast_2d(np.asarray(array, np.float64))
    if rows.ndim != 2 or 0 in rows.shape:
        raise ValueError(f"a series has shape {np.shape(array)}, expected (T,) or (R, T)")
    if np.any(np.isinf(rows)):
        raise ValueError("a series holds an infinite value")
    return rows


def profiles(
    panel: ProfilePanel, suite: Suite, board: Board, measured: Measured
) -> Iterator[LinesData]:
    """Yield the share of scores beyond each threshold, for the first entries of the board."""
    column = next((c for c in board.columns if c.name == panel.metric), None)
    scores = measured.scores
    if column is None or panel.metric not in scores.values or panel.metric in scores.whole:
        return
    known = {e: n for n, e in enumerate(scores.entries) if scores.kinds[n] == "measured"}
    found = {
        entry: _one_by_one(scores, panel.metric, known[entry])
        for entry in board_entries(board, scores.dataset)
        if entry in known
    }
    found = {entry: own for entry, own in found.items() if np.isfinite(own).sum() > 1}
    kept = dict(list(found.items())[: _OF_BIG if len(found) > _BIG else _LINES])
    if not kept:
        return
    metric = next((m for m in suite.metrics if m.name == panel.metric), None)
    low, high = metric.range if metric else (-np.inf, np.inf)
    at = _thresholds(list(kept.values()), low, high, _POINTS * 2 // len(kept))
    above = column.better != "lower"
    yield LinesData(
        title=panel.title,
        dataset=scores.dataset,
        x=replace(column, name=f"τ of {column.name}", better="none"),
        y=Column(name=f"share of scores {'above' if above else 'up to'} τ", better="higher"),
        step=True,
        counted="scores",
        lines=tuple(
            _line(entry, first_point(suite, entry), at, share_band(own, at, above=above))
            for entry, own in kept.items()
        ),
        left=len(found) - len(kept),
    )


def _one_by_one(scores: Scores, metric: str, index: int) -> Floats:
    """Return the scores of an entry at its first point: (seeds, items or elements)."""
    runs = scores.of_runs(metric, index)
    return scores.of(metric, index)[:1] if runs is None else runs[:, 0]


def _thresholds(scores: Sequence[Floats], low: float, high: float, most: int) -> Floats:
    """Return where shares are taken: at every score that occurs, or as many as are drawn.

    The ends of the metric's range are thresholds too, unless the scores would be a corner of it.
    """
    values = np.concatenate([own.ravel() for own in scores])
    values = np.unique(values[np.isfinite(values)])
    if values[-1] - values[0] >= (high - low) / 10:
        values = np.unique([low, *values, high])
    return values[thin(values.size, min(most, _THRESHOLDS))]


def board_entries(board: Board, dataset: str) -> list[str]:
    """Return the measured entries on a dataset, in the order of its table."""
    return [
        row.entry
        for table in board.tables
        if table.dataset == dataset
        for row in table.rows
        if row.kind == "measured"
    ]


def first_point(suite: Suite, entry: str) -> str:
    """Name the first operating point of an entry that has several."""
    points = next((e.points for e in suite.entries if e.label == entry), ())
    return point_label(points[0]) if len(points) > 1 else ""


def _line(entry: str, point: str, at: Floats, band: Band) -> Line:
    return Line(
        entry=entry,
        x=tuple(at.tolist()),
        y=tuple(band.mean.tolist()),
        low=tuple(band.low.tolist()),
        high=tuple(band.high.tolist()),
        n=tuple(band.n.tolist()),
        point=point,
    )


def _digits(values: Sequence[float]) -> int:
    """Return the decimals that tell a thousandth of the span of the values."""
    finite = [v for v in values if np.isfinite(v)]
    span = max(finite, default=0.0) - min(finite, default=0.0)
    return int(np.clip(3 - np.ceil(np.log10(span)), 0, 6)) if span > 0 else 3


def reason_of(error: BaseException) -> str:
    """Say on one line what went wrong."""
    if isinstance(error, Missing):
        return str(error)
    try:
        lines = str(error).splitlines()
    except Exception:  # noqa: BLE001 - its __str__ may raise anything
        lines = []
    return ": ".join([type(error).__name__, *lines[:1]])
