"""What a board draws besides its tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from harness.spec.words import Ref

__all__ = [
    "ComparePanel",
    "CurvePanel",
    "FrontPanel",
    "MatrixPanel",
    "Panel",
    "PartsPanel",
    "ProfilePanel",
    "SeriesPanel",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePanel:
    """A plot of one metric against another over each model's operating points."""

    title: str
    x: str
    y: str
    log_x: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontPanel:
    """A scatter of one number per model against another, with the Pareto front."""

    title: str
    x: str
    y: str
    log_x: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparePanel:
    """Artifacts of several models beside the dataset's item, matched on a metric.

    Attributes:
        artifact: name of the artifact shown.
        match_on: metric on which operating points are matched across models.
        thumbnail: ``Ref`` to ``thumbnail(data: bytes, max_side: int) -> bytes`` (WebP).
        original: name of an artifact of the protocol that stands for the item, e.g. the target
            that models do not see; by default the item's own file, where it has one.
    """

    title: str
    artifact: str
    match_on: str
    thumbnail: Ref
    original: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixPanel:
    """Matrices of each model side by side: as heat maps, or as directed graphs.

    A matrix that is the same for every row of the board, e.g. the true graph, is drawn once.

    Attributes:
        inputs: names of artifacts that ``compute`` takes.
        compute: ``Ref`` to ``compute(*values) -> Mapping[str, array]``: titles to float arrays
            (rows, columns), of at most 64 rows and columns; NaN where there is no number. It is
            called once per row of the board, with the artifacts of the first item and the first
            seed, which the panel names, at the row's first operating point.
        style: ``"heat"``, or ``"graph"``: a square matrix of at most 32 nodes, [i, j] the
            strength of the edge from node i to node j. A negative edge has a colour of its own.
        range: values at the two ends of the colour scale, or the strength of the widest edge;
            where zero lies between them the scale has two sides.
        rows, columns: what stands along the two sides, e.g. ``"true variable"``.
    """

    title: str
    inputs: tuple[str, ...]
    compute: Ref
    style: Literal["heat", "graph"] = "heat"
    range: tuple[float, float] = (0.0, 1.0)
    rows: str = ""
    columns: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesPanel:
    """A number over time (or any index): the mean of each model, with its interval.

    Attributes:
        inputs: names of artifacts that ``compute`` takes.
        compute: ``Ref`` to ``compute(*values) -> array``: float (T,), or (R, T) for an item that
            holds R of what is averaged; NaN where a series has ended. It is called for each item
            and seed, at the first operating point of each row of the board.
        x, y: what the axes show, with units; x counts from 0.
    """

    title: str
    inputs: tuple[str, ...]
    compute: Ref
    x: str
    y: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfilePanel:
    """The share of scores that exceed a threshold, over all thresholds (performance profile).

    Scores are of items or elements, under every seed (Agarwal et al., "Deep Reinforcement
    Learning at the Edge of the Statistical Precipice", NeurIPS 2021). Of a metric of which less
    is better, the share of scores up to the threshold is drawn.
    """

    title: str
    metric: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PartsPanel:
    """A table of what each model is made of: a line for each part, with numbers and shares.

    Attributes:
        inputs: names of artifacts that ``compute`` takes.
        compute: ``Ref`` to ``compute(*values) -> Sequence[Mapping[str, cell]]``: the lines, each a
            mapping of column titles to a text, a number, None, or a mapping of words to numbers
            (counts of a whole, drawn as one bar). The first column names the line.
            It is called once per row of the board, with the artifacts of the first item and the
            first seed, at the row's first operating point.
        note: what a reader must know of the numbers.
    """

    title: str
    inputs: tuple[str, ...]
    compute: Ref
    note: str = ""


Panel = (
    CurvePanel | FrontPanel | ComparePanel | MatrixPanel | SeriesPanel | ProfilePanel | PartsPanel
)
