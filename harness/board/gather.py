"""Score rows to dense arrays: one per metric, over entries, points and items."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.board.model import Kind
from harness.spec import Json

__all__ = ["Scores", "gather"]

Row = Mapping[str, Any]
_Who = tuple[str, Kind]
_NO_POINT: Mapping[str, Json] = {}


@dataclass(slots=True, kw_only=True)
class Scores:
    """All scores on one dataset.

    Attributes:
        entries: labels of the rows, in suite order; published ones last.
        kinds: of each entry.
        points: of each entry, its operating points.
        items: ids of the items that scores were taken of.
        values: metric to a float64 array (entries, points, items); NaN where there is none. An
            item's scores under several seeds are averaged: items are what is resampled. Scores
            of whole sets are (entries, points, seeds).
        whole: the metrics whose scores are of whole sets.
        quoted: (published entry, metric) to its numbers for the whole set: (points, 1).
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
    whole: set[str] = field(default_factory=set)
    quoted: dict[tuple[str, str], NDArray[np.float64]] = field(default_factory=dict)
    signatures: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    environments: dict[str, set[str]] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)

    @property
    def metrics(self) -> list[str]:
        """All metrics that something has a score in."""
        return list(dict.fromkeys([*self.values, *(metric for _, metric in self.quoted)]))

    def of(self, metric: str, entry: int) -> NDArray[np.float64]:
        """Return the scores of an entry: (points, items), (points, seeds) or as quoted."""
        label = self.entries[entry]
        if self.kinds[entry] == "published" and (label, metric) in self.quoted:
            return self.quoted[label, metric]
        if metric not in self.values:
            return np.full((len(self.points[entry]), 1), np.nan)
        return self.values[metric][entry, : len(self.points[entry])]


def gather(rows: Iterable[Row], labels: Sequence[str]) -> list[Scores]:
    """Arrange score rows by dataset.

    Args:
        rows: of the ``scores`` table; points come in the order in which they first occur.
        labels: the suite's rows in order.
    """
    datasets: dict[str, list[Row]] = {}
    for row in rows:
        datasets.setdefault(row["dataset"], []).append(row)
    measured = {
        name: found
        for name, found in datasets.items()
        if any(r["kind"] == "measured" for r in found)
    }
    return [_arrange(name, found, labels) for name, found in measured.items()]


def _arrange(dataset: str, rows: list[Row], labels: Sequence[str]) -> Scores:
    order = {label: n for n, label in enumerate(labels)}
    entries: dict[_Who, dict[str, int]] = {}  # row → its points in order
    points: dict[_Who, list[Mapping[str, Json]]] = {}
    items: dict[str, int] = {}
    seeds: dict[int, int] = {}
    cells: dict[str, list[tuple[_Who, int, int, float]]] = {}
    quoted: dict[tuple[_Who, str], dict[int, float]] = {}
    scores = Scores(dataset=dataset, entries=[], kinds=[], points=[], items=[], values={})
    texts: dict[int, str] = {}  # rows share their point objects
    for row in rows:
        who = (row["entry"], row["kind"])
        if row["kind"] == "measured" and row["entry"] not in order:
            continue
        point = row["point"] or _NO_POINT
        text = texts.get(id(point)) or texts.setdefault(
            id(point), json.dumps(point, sort_keys=True)
        )
        known = entries.setdefault(who, {})
        if text not in known:
            known[text] = len(known)
            points.setdefault(who, []).append(point)
        metric = row["metric"]
        if row["item"] is not None:
            at = items.setdefault(row["item"], len(items))
            cells.setdefault(metric, []).append((who, known[text], at, row["value"]))
        elif row["kind"] == "published":
            quoted.setdefault((who, metric), {})[known[text]] = row["value"]
        else:
            scores.whole.add(metric)
            at = seeds.setdefault(row["seed"] or 0, len(seeds))
            cells.setdefault(metric, []).append((who, known[text], at, row["value"]))
        _note(scores, row)
    ordered = sorted(entries, key=lambda w: (w[1] != "measured", order.get(w[0], 0)))
    place = {who: n for n, who in enumerate(ordered)}
    scores.entries = [label for label, _ in ordered]
    scores.kinds = [kind for _, kind in ordered]
    scores.points = [points[who] for who in ordered]
    scores.items = list(items)
    most = max((len(p) for p in scores.points), default=0)
    for metric, found in cells.items():
        width = len(seeds) if metric in scores.whole else len(items)
        scores.values[metric] = _dense(found, place, (len(ordered), most, width))
    for (who, metric), at_points in quoted.items():
        values = [at_points.get(n, np.nan) for n in range(len(points[who]))]
        scores.quoted[who[0], metric] = np.array(values)[:, None]
    return scores


def _note(scores: Scores, row: Row) -> None:
    """Remember how a score was made, and where."""
    scores.signatures.setdefault((row["entry"], row["metric"]), set()).add(row["signature"])
    if row["environment"]:
        scores.environments.setdefault(row["entry"], set()).add(row["environment"])
    if row["source"]:
        scores.sources[row["entry"]] = row["source"]


def _dense(
    cells: list[tuple[_Who, int, int, float]], place: Mapping[_Who, int], shape: tuple[int, ...]
) -> NDArray[np.float64]:
    """Return the cells as an array; where several fall in one place (seeds), their mean."""
    who, point, at, value = zip(*cells, strict=True)
    where = ([place[w] for w in who], list(point), list(at))
    total, count = np.zeros(shape), np.zeros(shape)
    np.add.at(total, where, value)
    np.add.at(count, where, 1)
    with np.errstate(invalid="ignore"):
        return total / count
