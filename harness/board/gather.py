"""Score rows to dense arrays: one per metric, over entries, points and items or elements."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from harness.board.model import Kind
from harness.spec import ANY_DATASET, Better, Json
from harness.suite import Entry

__all__ = ["Given", "Scores", "gather"]

Row = Mapping[str, Any]
_Who = tuple[str, Kind]
_Places = tuple[Sequence[int], Sequence[int], Sequence[int], Sequence[int], Sequence[float]]
_Set = Literal["items", "elements", "whole"]
_Note = tuple[_Who, str, str, str | None, str | None]


@dataclass(frozen=True, slots=True)
class Given:
    """What a metric said of its score: replicates from ``n`` things, notes, why it has no rank."""

    replicates: tuple[float, ...]
    n: int
    note: str
    unranked: str


@dataclass(slots=True, kw_only=True)
class Scores:
    """All scores on one dataset.

    Attributes:
        entries: labels of the rows, in suite order; published ones last.
        kinds: of each entry.
        points: of each entry, its operating points, in suite order.
        items: ids of the items that something was measured on.
        elements: ids of what the items hold, of metrics with a score for each.
        seeds: in increasing order; none where nothing was scored under several.
        values: metric to a float64 array (entries, points, items or elements); NaN where there
            is none. Scores under several seeds are averaged. Scores of whole sets are (entries,
            points, seeds).
        runs: of metrics that were scored under several seeds, the same before averaging:
            (entries, seeds, points, items or elements); of a whole set the last axis has
            length 1.
        whole: the metrics whose scores are of whole sets.
        split: the metrics whose scores are of elements.
        quoted: (published entry, metric) to its numbers: (points, 1) for the whole set, or
            (points, items), the items being its own.
        given: (entry, metric) to its points' scores as the metric itself gave them, with
            replicates or a note; None at points without.
        foreign: metric to unit and better direction, of numbers that were not measured here and
            may have no column.
        signatures: (entry, metric) to the signatures found.
        environments: entry to the environments its scores were made in.
        sources: published entry to where its numbers are from.
    """

    dataset: str
    entries: list[str]
    kinds: list[Kind]
    points: list[list[Mapping[str, Json]]]
    items: list[str]
    values: dict[str, NDArray[np.float64]]
    elements: list[str] = field(default_factory=list)
    seeds: list[int] = field(default_factory=list)
    runs: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    whole: set[str] = field(default_factory=set)
    split: set[str] = field(default_factory=set)
    quoted: dict[tuple[str, str], NDArray[np.float64]] = field(default_factory=dict)
    given: dict[tuple[str, str], list[Given | None]] = field(default_factory=dict)
    foreign: dict[str, tuple[str, Better]] = field(default_factory=dict)
    signatures: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    environments: dict[str, set[str]] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)

    @property
    def metrics(self) -> list[str]:
        """All metrics that something has a score in."""
        return list(dict.fromkeys([*self.values, *(metric for _, metric in self.quoted)]))

    def of(self, metric: str, entry: int) -> NDArray[np.float64]:
        """Return the scores of an entry: (points, items or elements or seeds), or as quoted."""
        label = self.entries[entry]
        if self.kinds[entry] == "published" and (label, metric) in self.quoted:
            return self.quoted[label, metric]
        if metric not in self.values:
            return np.full((len(self.points[entry]), 1), np.nan)
        return self.values[metric][entry, : len(self.points[entry])]

    def of_runs(self, metric: str, entry: int) -> NDArray[np.float64] | None:
        """Return the scores of an entry before averaging over seeds; None if there is one seed.

        They are (seeds, points, items or elements or 1).
        """
        if self.kinds[entry] == "published" or metric not in self.runs:
            return None
        return self.runs[metric][entry, :, : len(self.points[entry])]


def gather(
    rows: Iterable[Row],
    entries: Sequence[Entry],
    datasets: Sequence[str],
    split: Collection[str] = (),
) -> list[Scores]:
    """Arrange score rows by dataset.

    Scores of entries and datasets that are no longer in the suite are left out, and so are
    published ones on datasets on which nothing was measured. Published ones of no dataset stand
    beside all.

    Args:
        rows: of the ``scores`` table.
        entries: the suite's rows in order.
        datasets: labels of the suite's datasets in order.
        split: the metrics that may give a score for each element of an item.
    """
    found: dict[str, list[Row]] = {name: [] for name in datasets}
    labels = {entry.label for entry in entries}
    for row in rows:
        if row["dataset"] == ANY_DATASET:
            for own in found.values():
                own.append(row)
        elif row["dataset"] in found and (row["kind"] != "measured" or row["entry"] in labels):
            found[row["dataset"]].append(row)
    measured = {n: own for n, own in found.items() if any(r["kind"] == "measured" for r in own)}
    return [_Arrangement(name, entries, split).of(own) for name, own in measured.items()]


@dataclass(slots=True)
class _Cells:
    """Scores in one metric, as columns: lists of plain values cost the collector nothing.

    Attributes:
        point: as text; "" where a score belongs to no point.
        at: place among the items or elements; 0 for a whole set.
        seed: place among the seeds.
    """

    who: list[_Who] = field(default_factory=list)
    point: list[str] = field(default_factory=list)
    at: list[int] = field(default_factory=list)
    seed: list[int] = field(default_factory=list)
    value: list[float] = field(default_factory=list)


class _Arrangement:
    """Fills the arrays of one dataset.

    Args:
        dataset: its label.
        entries: the suite's rows in order; theirs is the order of rows and points.
        split: the metrics that give a score for each element of an item.
    """

    def __init__(self, dataset: str, entries: Sequence[Entry], split: Collection[str]) -> None:
        self._scores = Scores(
            dataset=dataset, entries=[], kinds=[], points=[], items=[], values={}
        )
        self._order = {entry.label: n for n, entry in enumerate(entries)}
        self._planned = {
            entry.label: {_text(point): point for point in entry.points} for entry in entries
        }
        self._whose: dict[_Who, _Who] = {}  # one object each: a million scores hold few
        self._points: dict[_Who, dict[str, Mapping[str, Json]]] = {}
        self._quoted: dict[tuple[_Who, str], dict[tuple[str, str | None], float]] = {}
        self._cells: dict[tuple[str, _Set], _Cells] = {}
        self._split = frozenset(split)
        self._given: dict[tuple[_Who, str], dict[str, Given]] = {}

    def of(self, rows: Sequence[Row]) -> Scores:
        """Return the rows as arrays."""
        ids: dict[_Set, dict[str, int]] = {"items": {}, "elements": {}}
        seeds: dict[int, int] = {}
        texts: dict[int, str] = {}  # rows share their point objects
        notes: dict[_Note, None] = {}  # and all else but their item, point and value
        for row in rows:
            point, item = row["point"], row["item"]
            if id(point) not in texts:
                texts[id(point)] = "" if point is None else _text(point)
            text = texts[id(point)]
            joined = row["kind"] == "joined"
            who = self._who(row["entry"], "measured" if joined else row["kind"])
            known = self._points.get(who)
            if known is None:
                known = self._points[who] = {}
            if text not in known and point is not None:
                known[text] = point
            metric = row["metric"]
            notes[who, metric, row["signature"], row["environment"], row["source"]] = None
            if who[1] == "published":
                self._quoted.setdefault((who, metric), {})[text, item] = row["value"]
                if row["dataset"] == ANY_DATASET:
                    self._scores.foreign[metric] = row["unit"] or "", row["better"] or "none"
                continue
            if joined:
                self._scores.foreign[metric] = row["unit"] or "", row["better"] or "none"
            if row.get("replicates") or row.get("note") or row.get("unranked"):
                said = Given(
                    tuple(row.get("replicates") or ()),
                    row.get("n") or 0,
                    row.get("note") or "",
                    row.get("unranked") or "",
                )
                self._given.setdefault((who, metric), {})[text] = said
            if item is None:
                kind: _Set = "whole"
                at = 0
            else:
                kind = "elements" if metric in self._split else "items"
                places = ids[kind]
                at = places.setdefault(item, len(places))
            cells = self._cells.get((metric, kind))
            if cells is None:
                cells = self._cells[metric, kind] = _Cells()
            cells.who.append(who)
            cells.point.append(text)
            cells.at.append(at)
            cells.seed.append(seeds.setdefault(row["seed"] or 0, len(seeds)))
            cells.value.append(row["value"])
        self._scores.items, self._scores.elements = list(ids["items"]), list(ids["elements"])
        for note in notes:
            _note(self._scores, *note)
        return self._filled(list(seeds))

    def _who(self, label: str, kind: Kind) -> _Who:
        if kind == "published" and label in self._order:
            label = f"{label} (published)"  # two rows of one name are two rows
        who = (label, kind)
        return self._whose.setdefault(who, who)

    def _filled(self, seeds: Sequence[int]) -> Scores:
        """Fill the arrays; ``seeds`` are those that the cells refer to."""
        scores = self._scores
        under = {key: set(cells.seed) for key, cells in self._cells.items()}
        scores.seeds = sorted({seeds[n] for own in under.values() if len(own) > 1 for n in own})
        order = {n: scores.seeds.index(s) for n, s in enumerate(seeds) if s in scores.seeds}
        ordered = sorted(
            self._points, key=lambda w: (w[1] != "measured", self._order.get(w[0], 0))
        )
        place = {who: n for n, who in enumerate(ordered)}
        scores.entries = [label for label, _ in ordered]
        scores.kinds = [kind for _, kind in ordered]
        points = [self._in_order(who) for who in ordered]
        scores.points = [list(own.values()) for own in points]
        index = [{text: n for n, text in enumerate(own)} for own in points]
        most = max(map(len, points))
        sizes = {"items": len(scores.items), "elements": len(scores.elements), "whole": 1}
        for (metric, kind), cells in self._cells.items():
            if kind == "whole" and len([k for k in self._cells if k[0] == metric]) > 1:
                continue  # a name that two tasks use for both: the items tell more
            if kind != "items":
                (scores.whole if kind == "whole" else scores.split).add(metric)
            rows, at_point, at, seed, values = _placed(cells, place, index)
            several = len(under[metric, kind]) > 1
            seed = [order[n] for n in seed] if several else [0] * len(seed)
            last, size = (
                (seed, len(order) if several else 1) if kind == "whole" else (at, sizes[kind])
            )
            scores.values[metric] = _dense(
                (rows, at_point, last), values, (len(ordered), most, size)
            )
            if several:
                scores.runs[metric] = _dense(
                    (rows, seed, at_point, at),
                    values,
                    (len(ordered), len(order), most, sizes[kind]),
                )
        for (who, metric), said in self._given.items():
            own = [said.get(text, said.get("")) for text in points[place[who]]]
            scores.given[who[0], metric] = own
        for (who, metric), numbers in self._quoted.items():
            ids = dict.fromkeys(item for _, item in numbers)
            ids = {None: None} if None in ids else ids
            scores.quoted[who[0], metric] = np.array(
                [[numbers.get((t, i), np.nan) for i in ids] for t in points[place[who]]]
            )
        return scores

    def _in_order(self, who: _Who) -> dict[str, Mapping[str, Json]]:
        """Return the points of a row as the suite orders and writes them, others behind."""
        found = self._points[who]
        planned = self._planned[who[0]] if who[1] == "measured" else {}
        named = {text: point for text, point in planned.items() if text in found}
        return named | {t: p for t, p in found.items() if t not in named} or {"": {}}


def _text(point: Mapping[str, Json]) -> str:
    return json.dumps(point, sort_keys=True)


def _note(
    scores: Scores,
    who: _Who,
    metric: str,
    signature: str,
    environment: str | None,
    source: str | None,
) -> None:
    """Remember how scores were made, and where."""
    label, _ = who
    scores.signatures.setdefault((label, metric), set()).add(signature)
    if environment:
        scores.environments.setdefault(label, set()).add(environment)
    if source:
        scores.sources[label] = source


def _placed(
    cells: _Cells, place: Mapping[_Who, int], index: Sequence[Mapping[str, int]]
) -> _Places:
    """Return each score's row, point, place among items or elements, seed, and value."""
    row = [place[w] for w in cells.who]
    if "" not in cells.point:
        points = [index[r][p] for r, p in zip(row, cells.point, strict=True)]
        return row, points, cells.at, cells.seed, cells.value
    own = zip(row, cells.point, cells.at, cells.seed, cells.value, strict=True)
    spread = [
        (r, n, i, seed, value)  # one that belongs to no point stands at all of them
        for r, p, i, seed, value in own
        for n in ((index[r][p],) if p else range(len(index[r])))
    ]
    spread_rows, spread_points, at, seeds, values = zip(*spread, strict=True)
    return spread_rows, spread_points, at, seeds, values


def _dense(
    at: tuple[Sequence[int], ...], values: Sequence[float], shape: tuple[int, ...]
) -> NDArray[np.float64]:
    """Return the scores as an array; where several fall in one place (seeds), their mean."""
    where = np.ravel_multi_index(at, shape)
    size = math.prod(shape)
    total = np.bincount(where, weights=values, minlength=size)
    with np.errstate(invalid="ignore"):
        return (total / np.bincount(where, minlength=size)).reshape(shape)
