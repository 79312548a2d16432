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


@dataclass(slots=True, kw_only=True)
class Scores:
    """All scores on one dataset.

    Attributes:
        entries: labels of the rows, in suite order; published ones last.
        kinds: of each entry.
        points: of each entry, its operating points.
        items: what scores were taken of, at most one score each: an item, or an item and a
            seed where there are several seeds. A score of a whole set has the item ``"*"``.
        values: metric to a float64 array (entries, points, items); NaN where there is none.
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
    signatures: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    environments: dict[str, set[str]] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)

    def of(self, metric: str, entry: int) -> NDArray[np.float64]:
        """Return the scores of an entry: (points, items)."""
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
    seeds = len({r["seed"] for r in rows if r["seed"] is not None}) > 1
    entries: dict[tuple[str, Kind], dict[str, int]] = {}
    points: dict[tuple[str, Kind], list[Mapping[str, Json]]] = {}
    items: dict[str, int] = {}
    cells: dict[str, list[tuple[tuple[str, Kind], int, int, float]]] = {}
    scores = Scores(dataset=dataset, entries=[], kinds=[], points=[], items=[], values={})
    texts: dict[int, str] = {}  # rows share their point objects
    for row in rows:
        who = (row["entry"], row["kind"])
        if row["kind"] == "measured" and row["entry"] not in order:
            continue
        point = row["point"] or {}
        text = texts.get(id(point)) or texts.setdefault(
            id(point), json.dumps(point, sort_keys=True)
        )
        known = entries.setdefault(who, {})
        if text not in known:
            known[text] = len(known)
            points.setdefault(who, []).append(point)
        item = row["item"] or "*"
        if seeds and row["seed"] is not None:
            item = f"{item}@{row['seed']}"
        at = items.setdefault(item, len(items))
        cells.setdefault(row["metric"], []).append((who, known[text], at, row["value"]))
        scores.signatures.setdefault((row["entry"], row["metric"]), set()).add(row["signature"])
        if row["environment"]:
            scores.environments.setdefault(row["entry"], set()).add(row["environment"])
        if row["source"]:
            scores.sources[row["entry"]] = row["source"]
    ordered = sorted(entries, key=lambda w: (w[1] != "measured", order.get(w[0], 0)))
    place = {who: n for n, who in enumerate(ordered)}
    scores.entries = [label for label, _ in ordered]
    scores.kinds = [kind for _, kind in ordered]
    scores.points = [points[who] for who in ordered]
    scores.items = list(items)
    shape = (len(ordered), max((len(p) for p in scores.points), default=0), len(items))
    for metric, found in cells.items():
        values = np.full(shape, np.nan)
        who_, point_, item_, value_ = zip(*found, strict=True)
        values[[place[w] for w in who_], list(point_), list(item_)] = value_
        scores.values[metric] = values
    return scores
