"""Scores that are computed from scores: curves to what a family makes of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from harness.board.aggregates import Drawn
from harness.board.columns import Aggregate, Estimate, aggregate_of, of_derived
from harness.board.gather import Scores
from harness.board.model import NAN
from harness.registry import resolve
from harness.spec import Curve, Derived
from harness.stats import restrict_resamples
from harness.suite import Entry, Suite

__all__ = ["derive"]


def derive(
    suite: Suite,
    derived: Derived,
    scores: Scores,
    at_points: Mapping[tuple[str, str], list[Estimate]],
    drawn: Drawn,
    size: int,
) -> dict[str, Estimate]:
    """Compute a derived score of every entry; published curves beside the anchor's aggregate.

    Args:
        suite: what was run.
        derived: what is computed.
        scores: on one dataset.
        at_points: (entry, metric) to the estimates of each operating point.
        drawn: the resamples that everything on the dataset shares.
        size: how many items the whole dataset has; 0 where that is not known.
    """
    lacking = [name for name in derived.inputs if name not in scores.values]
    if lacking:
        return _refused(scores.entries, f"nothing was measured in {', '.join(lacking)}")
    metrics = {m.name: m for m in suite.metrics}
    aggregate = {name: aggregate_of(metrics.get(name)) for name in derived.inputs}
    anchor = suite.board.anchor
    base = _Base(scores, derived.inputs, drawn, aggregate, suite.entries)
    measured = [base.curve(index) for index, kind in enumerate(scores.kinds) if kind == "measured"]
    found = _computed(derived, measured, anchor, base.size)
    reference = next((c for c in measured if c.entry == anchor), None)
    for index, entry in enumerate(scores.entries):
        if scores.kinds[index] != "published":
            continue
        refusal = _not_comparable(scores, index, derived, at_points, anchor, size)
        if refusal:
            found |= _refused([entry], refusal)
            continue
        curves = [_as_set(c, at_points) for c in (reference,) if c is not None]
        whole = replace(
            measured[0],
            entry=entry,
            points=tuple(scores.points[index]),
            scores={},
            model="",
            params={},
            variant="base",
        )
        curves.append(_as_set(whole, at_points))
        score = _computed(derived, curves, anchor, 0).get(entry)
        if score is not None:
            found[entry] = replace(score, signature=f"{score.signature}|published")
    return found


class _Base:
    """Brings all inputs of a derived score to the same ids.

    They are elements where every input has scores of elements, and items otherwise: an item's
    score is then the mean of its elements'. The score of a whole set is the same for all of
    its items.

    Attributes:
        size: how many items or elements there are.
    """

    def __init__(
        self,
        scores: Scores,
        inputs: Iterable[str],
        drawn: Drawn,
        aggregate: Mapping[str, Aggregate],
        entries: Iterable[Entry],
    ) -> None:
        self._entries = {entry.label: entry for entry in entries}
        self._scores, self._inputs, self._drawn = scores, tuple(inputs), drawn
        self._aggregate = aggregate
        own = [name for name in self._inputs if name not in scores.whole]
        self._split = bool(own) and scores.split.issuperset(own)
        self._ids, self._resamples = scores.items, drawn.items
        if self._split:
            there = [~np.all(np.isnan(scores.values[name]), axis=(0, 1)) for name in own]
            self._keep = np.any(there, axis=0)
            self._ids = [i for i, kept in zip(scores.elements, self._keep, strict=True) if kept]
            self._resamples = restrict_resamples(drawn.elements, self._keep)
        self.size = len(self._ids)
        self._members = {} if self._split else _members(scores)

    def curve(self, index: int) -> Curve:
        """Return the curve of an entry."""
        scores, entry = self._scores, self._scores.entries[index]
        averaged = {name: self._averaged(name, index) for name in self._inputs}
        runs = {name: scores.of_runs(name, index) for name in self._inputs}
        made_of = self._entries[entry]
        return Curve(
            entry=entry,
            model=made_of.model.name,
            params=made_of.params,
            variant=made_of.variant,
            points=tuple(scores.points[index]),
            items=tuple(self._ids or ["*"]),
            scores=averaged,
            by_seed={
                name: averaged[name][None] if own is None else self._on_ids(name, own)
                for name, own in runs.items()
            },
            aggregate=self._aggregate,
            resamples=self._resamples,
            seed_resamples=self._drawn.runs.get(entry),
        )

    def _averaged(self, name: str, index: int) -> NDArray[np.float64]:
        own = self._scores.of(name, index)
        if name not in self._scores.whole:
            return self._on_ids(name, own)
        over_seeds = [
            float(self._aggregate[name](there)) if (there := row[~np.isnan(row)]).size else NAN
            for row in own
        ]
        return self._on_ids(name, np.array(over_seeds)[:, None])

    def _on_ids(self, name: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (..., ids) from (..., items or elements or 1)."""
        if name in self._scores.whole:
            return np.repeat(values, max(1, self.size), axis=-1)
        if self._split:
            return np.asarray(values[..., self._keep])
        if name not in self._scores.split:
            return values
        found = np.full((*values.shape[:-1], max(1, self.size)), np.nan)
        for item, places in self._members.items():
            own = values[..., places]
            there = ~np.isnan(own)
            total, count = np.where(there, own, 0.0).sum(axis=-1), there.sum(axis=-1)
            found[..., item] = np.divide(total, count, out=found[..., item], where=count > 0)
        return found


def _members(scores: Scores) -> dict[int, list[int]]:
    """Return which elements each item holds, by their places."""
    place = {item: n for n, item in enumerate(scores.items)}
    found: dict[int, list[int]] = {}
    for n, element in enumerate(scores.elements):
        item = element.rpartition(":")[0]
        if item in place:
            found.setdefault(place[item], []).append(n)
    return found


def _refused(entries: Iterable[str], reason: str) -> dict[str, Estimate]:
    return {entry: Estimate(value=NAN, signature="", note=reason) for entry in entries}


def _computed(
    derived: Derived, curves: list[Curve], anchor: str | None, items: int
) -> dict[str, Estimate]:
    """Return what a plugin computes; where it fails, its column says so and the board stands."""
    entries = {c.entry: c for c in curves}
    count = len(curves[0].resamples)
    found: dict[str, Estimate] = {}
    try:
        for score in resolve(derived.compute)(curves, anchor, **derived.params):
            if score.entry not in entries:
                raise ValueError(f"a score of {score.entry!r}, which is none of the curves")
            own = entries[score.entry]
            seeds = max((len(runs) for runs in own.by_seed.values()), default=1)
            drawn = own.seed_resamples if seeds > 1 else None
            found[score.entry] = of_derived(score, items, seeds, drawn)
            shape = np.shape(score.replicates)
            if score.replicates is not None and shape != (count,):
                raise ValueError(f"replicates have shape {shape}, expected ({count},)")
    except Exception as error:  # noqa: BLE001 - a plugin may raise anything
        lines = str(error).splitlines() or [""]
        return _refused(entries, f"{derived.name} failed: {type(error).__name__}: {lines[0]}")
    return found


def _not_comparable(
    scores: Scores,
    index: int,
    derived: Derived,
    at_points: Mapping[tuple[str, str], list[Estimate]],
    anchor: str | None,
    size: int,
) -> str:
    """Say why a published curve cannot be held against what was measured here."""
    own = [n for n in derived.inputs if n not in scores.whole]
    curves = [at_points.get((anchor or "", name), []) for name in own]
    items = min((e.n for c in curves for e in c if not np.isnan(e.value)), default=size)
    if items < size:
        return f"published on the whole set; measured here on {items} of {size} items"
    for name in derived.inputs:
        if np.all(np.isnan(scores.of(name, index))):
            return f"its publication states no {name}"
    return ""


def _as_set(curve: Curve, at_points: Mapping[tuple[str, str], list[Estimate]]) -> Curve:
    """Return a curve whose only item is the whole set: its points' aggregates."""
    nothing = [Estimate(value=NAN, signature="")] * len(curve.points)
    scores = {
        name: np.array([[e.value] for e in at_points.get((curve.entry, name), nothing)])
        for name in curve.aggregate
    }
    return replace(
        curve,
        items=("*",),
        scores=scores,
        by_seed={},
        resamples=np.zeros((1, 1), np.intp),
        seed_resamples=None,
    )
