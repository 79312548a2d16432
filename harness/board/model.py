"""What a board is, before it is written in any form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from harness.spec import Better, Json

__all__ = [
    "Board",
    "Candidate",
    "Cell",
    "Column",
    "CompareData",
    "CompareGroup",
    "CurveData",
    "CurvePoint",
    "Failure",
    "FrontData",
    "FrontPoint",
    "Image",
    "Line",
    "LinesData",
    "Matrix",
    "MatrixData",
    "MatrixFigure",
    "PartsData",
    "PartsFigure",
    "PointRow",
    "Row",
    "Series",
    "Table",
]

Kind = Literal["measured", "published"]
PartsCell = str | float | None | Mapping[str, float]
NAN = float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of the table; the name is the metric's or derived score's."""

    name: str
    unit: str = ""
    better: Better = "none"
    digits: int = 3
    summary: str = ""
    derived: bool = False
    shown: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One number of the table, or the reason why there is none.

    Attributes:
        value: NaN where ``note`` says why.
        low, high: ends of the 95 % interval; NaN where there is none.
        n: how many items it stands on.
        seeds: how many runs, each under a seed of its own, its items were scored in.
        note: why there is no value, or what a reader must know of it.
        best: whether no other row's value is surely better.
        details: numbers that belong to it (other interpolations, window, overlap, …).
    """

    value: float
    low: float = NAN
    high: float = NAN
    n: int = 0
    seeds: int = 1
    signature: str = ""
    note: str = ""
    best: bool = False
    details: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PointRow:
    """The scores of one operating point of a row."""

    label: str
    point: Mapping[str, Json]
    cells: Mapping[str, Cell]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One entry of the board: a model with its parameters and variant.

    Attributes:
        rank: first and last place it can hold, given the intervals; None where unranked.
        unranked: why it has no rank ("published", a differing signature, a failure, …).
        environments: ids of the environments its numbers were made in.
        source: for published rows: citation, file and digest.
        failed: how many of its nodes failed; what was skipped or unavailable did not.
        planned: how many nodes it had.
        provenance: how its numbers were made (commands, encoder versions, …).
        steps: the stages and metrics its nodes belong to, in order; empty where not known.
    """

    entry: str
    model: str
    kind: Kind = "measured"
    params: Mapping[str, Json] = field(default_factory=dict)
    summary: str = ""
    licence: str = ""
    paper: str = ""
    source: str = ""
    rank: tuple[int, int] | None = None
    unranked: str = ""
    cells: Mapping[str, Cell] = field(default_factory=dict)
    points: tuple[PointRow, ...] = ()
    environments: tuple[str, ...] = ()
    failed: int = 0
    planned: int = 0
    provenance: Mapping[str, Json] = field(default_factory=dict)
    steps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """All rows on one dataset, in board order."""

    dataset: str
    items: int
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePoint:
    """One point of a curve, with the 95 % intervals of both coordinates (NaN: none)."""

    x: float
    y: float
    x_low: float = NAN
    x_high: float = NAN
    y_low: float = NAN
    y_high: float = NAN
    label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """The curve of one entry, in increasing x."""

    entry: str
    kind: Kind
    points: tuple[CurvePoint, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveData:
    """A panel of curves."""

    title: str
    dataset: str
    x: Column
    y: Column
    log_x: bool
    series: tuple[Series, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontPoint:
    """One entry in a front; ``on_front`` where no other is better in both."""

    entry: str
    point: CurvePoint
    on_front: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontData:
    """A panel of one number per entry against another."""

    title: str
    dataset: str
    x: Column
    y: Column
    log_x: bool
    points: tuple[FrontPoint, ...]


@dataclass(frozen=True, slots=True)
class Image:
    """An encoded picture; ``width`` and ``height`` in pixels."""

    data: bytes
    mime: str
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One entry's artifact in a comparison, with the scores shown under it."""

    entry: str
    label: str
    scores: Mapping[str, float]
    image: Image


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareGroup:
    """All candidates for one item, matched at ``target`` on the panel's metric.

    A generated item has no original to show.
    """

    item: str
    target: float
    original: Image | None
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareData:
    """A panel of artifacts side by side."""

    title: str
    dataset: str
    match_on: Column
    groups: tuple[CompareGroup, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """A matrix with its title; ``values`` are (rows, columns), NaN where there is none."""

    title: str
    values: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixFigure:
    """The matrices of one entry; ``point`` names its operating point where it has several."""

    entry: str
    matrices: tuple[Matrix, ...]
    point: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixData:
    """A panel of matrices, drawn as heat maps or as directed graphs.

    Attributes:
        range: values at the two ends of the colour scale; the higher one is larger.
        rows, columns: what stands along the two sides.
        where: what the matrices are of: item and seed.
        shared: what is the same for every entry, e.g. the true graph; drawn once.
        figures: of the first entries of the board.
        failed: entries whose matrices cannot be had, with the reason.
        left: how many more entries there are.
    """

    title: str
    dataset: str
    style: Literal["heat", "graph"] = "heat"
    range: tuple[float, float] = (0.0, 1.0)
    rows: str = ""
    columns: str = ""
    where: str = ""
    shared: tuple[Matrix, ...] = ()
    figures: tuple[MatrixFigure, ...]
    failed: tuple[tuple[str, str], ...] = ()
    left: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PartsFigure:
    """What one entry is made of; ``point`` names its operating point where it has several.

    Attributes:
        lines: of each part, column title to a text, a number, None, or counts by word.
    """

    entry: str
    lines: tuple[Mapping[str, PartsCell], ...]
    point: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartsData:
    """A panel of the parts of each entry, as a table.

    Attributes:
        where: what the numbers are of: item and seed.
        columns: titles in order; the first one names the parts.
        words: all words of counts, in order: each has one colour.
        figures: of the first entries of the board.
        failed: entries whose parts cannot be had, with the reason.
        left: how many more entries there are.
    """

    title: str
    dataset: str
    note: str = ""
    where: str = ""
    columns: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    figures: tuple[PartsFigure, ...]
    failed: tuple[tuple[str, str], ...] = ()
    left: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A function of x for one entry, with its pointwise 95 % band.

    Attributes:
        x: increasing.
        y: at each x, NaN where there is none; of a step, the value from x to the next x.
        low, high: ends of the band; NaN where there is none.
        n: how many series or scores y stands on, at each x.
        point: the operating point, where the entry has several.
    """

    entry: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    n: tuple[int, ...]
    point: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinesData:
    """A panel of lines with bands: means over time, or performance profiles.

    Attributes:
        step: whether the lines are steps.
        counted: what ``Line.n`` counts: ``"series"`` or ``"scores"``.
        lines: of the first entries of the board.
        failed: entries that have no line, with the reason.
        partial: entries whose line stands on fewer runs than others', with how many.
        left: how many more entries there are.
    """

    title: str
    dataset: str
    x: Column
    y: Column
    step: bool
    counted: str
    lines: tuple[Line, ...]
    failed: tuple[tuple[str, str], ...] = ()
    partial: tuple[tuple[str, str], ...] = ()
    left: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Nodes of one entry and stage (or metric) that ended alike, and one of them as example."""

    entry: str
    step: str
    outcome: str
    reason: str
    count: int
    example: str = ""
    log: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """A leaderboard: everything its forms (HTML, parquet, Markdown, JUnit) are written from.

    Attributes:
        signatures: column name to the signatures its numbers carry; more than one means that
            the column is not ranked across them.
        environments: environment id to what was there (Python, packages, processor, …).
        outcomes: outcome to number of nodes.
    """

    name: str
    title: str
    summary: str = ""
    rank_by: str = ""
    anchor: str = ""
    version: str = ""
    created: str = ""
    suite_digest: str = ""
    columns: tuple[Column, ...] = ()
    tables: tuple[Table, ...] = ()
    curves: tuple[CurveData, ...] = ()
    fronts: tuple[FrontData, ...] = ()
    parts: tuple[PartsData, ...] = ()
    matrices: tuple[MatrixData, ...] = ()
    series: tuple[LinesData, ...] = ()
    profiles: tuple[LinesData, ...] = ()
    compares: tuple[CompareData, ...] = ()
    failures: tuple[Failure, ...] = ()
    outcomes: Mapping[str, int] = field(default_factory=dict)
    signatures: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    environments: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)
