"""Scores of one dataset to numbers with intervals: per point, per entry, derived."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.board.columns import Aggregate, Aggregates, Estimate, aggregate_of, of_derived
from harness.board.gather import Scores
from harness.board.model import NAN
from harness.registry import resolve
from harness.spec import Curve, Derived
from harness.stats import percentile_interval, resample_indices
from harness.suite import Suite

__all__ = ["Measured", "measure"]

_REPLICATES = 500_000  # resamples times entries: a board of a thousand is built in a second
_SEED = 20_240_229  # of all resampling on a board: the same scores give the same board


@dataclass(slots=True, kw_only=True)
class Measured:
    """Everything known of one dataset: scores, points' aggregates, summaries.

    Attributes:
        at_points: (entry, metric) to the estimates of each operating point.
        summary: column to entry to its one number.
    """

    scores: Scores
    at_points: dict[tuple[str, str], list[Estimate]]
    summary: dict[str, dict[str, Estimate]]


def measure(suite: Suite, scores: Scores, size: int) -> Measured:
    """Aggregate the scores of one dataset.

    Args:
        suite: what was run.
        scores: what came out.
        size: how many items the whole dataset has; 0 where that is not known.
    """
    replicates = min(suite.board.replicates, max(200, _REPLICATES // len(scores.entries)))
    resamples = resample_indices(max(1, len(scores.items)), replicates, seed=_SEED)
    aggregates = Aggregates(resamples)
    metrics = {m.name: m for m in suite.metrics}
    at_points: dict[tuple[str, str], list[Estimate]] = {}
    for metric in scores.metrics:
        at_points |= _at_points(scores, metric, aggregates, aggregate_of(metrics.get(metric)))
    summary: dict[str, dict[str, Estimate]] = {}
    for (entry, metric), estimates in at_points.items():
        summary.setdefault(metric, {})[entry] = _summary(metric, estimates)
    for derived in suite.derived:
        if set(derived.inputs) <= set(scores.values):
            summary[derived.name] = _derive(suite, derived, scores, resamples, size)
    return Measured(scores=scores, at_points=at_points, summary=summary)


def _at_points(
    scores: Scores, metric: str, aggregates: Aggregates, aggregate: Aggregate
) -> dict[tuple[str, str], list[Estimate]]:
    """Aggregate one metric at every operating point of every entry.

    Items count that some measured entry has a score of; a published entry stands on its own.
    """
    there = [i for i, label in enumerate(scores.entries) if (label, metric) in scores.signatures]
    measured = [i for i in there if scores.kinds[i] == "measured"]
    found: dict[tuple[str, str], list[Estimate]] = {}
    for group in [measured, *([i] for i in there if scores.kinds[i] == "published")]:
        if not group:
            continue
        rows = np.concatenate([scores.of(metric, i) for i in group])
        owners = [i for i in group for _ in scores.points[i]]
        signatures = {
            i: " / ".join(sorted(scores.signatures[scores.entries[i], metric])) for i in group
        }
        taken = ~np.all(np.isnan(rows), axis=0)
        estimates = aggregates.estimates(
            rows[:, taken], aggregate, [signatures[i] for i in owners]
        )
        for i, estimate in zip(owners, estimates, strict=True):
            found.setdefault((scores.entries[i], metric), []).append(estimate)
    return found


def _summary(metric: str, estimates: list[Estimate]) -> Estimate:
    """Return the one number of an entry in a metric, over its operating points.

    Times are averaged over the points; a quality has no meaning without its point unless it is
    the same at all of them, so the table refers to the curve.
    """
    if len(estimates) == 1:
        return estimates[0]
    there = [e for e in estimates if not np.isnan(e.value)]
    if not there:
        return Estimate(value=NAN, signature=estimates[0].signature, note="no score")
    if not metric.endswith("_seconds") and len({e.value for e in there}) > 1:
        low, high = min(e.value for e in there), max(e.value for e in there)
        return Estimate(
            value=NAN,
            signature=there[0].signature,
            n=there[0].n,
            note=f"{low:.4g} … {high:.4g} over {len(there)} points",
        )
    drawn = [e.replicates for e in there if e.replicates is not None]
    replicates = np.mean(drawn, axis=0) if len(drawn) == len(there) else None
    low, high = (
        map(float, percentile_interval(replicates, there[0].n))
        if replicates is not None
        else (NAN, NAN)
    )
    return Estimate(
        value=float(np.mean([e.value for e in there])),
        signature=f"{there[0].signature}|mean over points",
        n=there[0].n,
        low=low,
        high=high,
        replicates=replicates,
    )


def _derive(
    suite: Suite, derived: Derived, scores: Scores, resamples: NDArray[np.intp], size: int
) -> dict[str, Estimate]:
    """Compute a derived score of every entry; published curves beside the anchor's aggregate."""
    metrics = {m.name: m for m in suite.metrics}
    aggregate = {name: aggregate_of(metrics.get(name)) for name in derived.inputs}
    compute = resolve(derived.compute)
    anchor = suite.board.anchor
    measured = [
        Curve(
            entry=entry,
            points=tuple(scores.points[index]),
            items=tuple(scores.items or ["*"]),
            scores={name: _per_item(scores, name, index) for name in derived.inputs},
            aggregate=aggregate,
            resamples=resamples,
        )
        for index, entry in enumerate(scores.entries)
        if scores.kinds[index] == "measured"
    ]
    found = {
        s.entry: of_derived(s, len(scores.items))
        for s in compute(measured, anchor, **derived.params)
    }
    reference = next((c for c in measured if c.entry == anchor), None)
    for index, entry in enumerate(scores.entries):
        if scores.kinds[index] != "published":
            continue
        refusal = _not_comparable(scores, index, derived, size)
        if refusal:
            found[entry] = Estimate(value=NAN, signature="", note=refusal)
            continue
        curves = [_published_curve(scores, index, derived, aggregate)]
        if reference is not None:
            curves.insert(0, _as_set(reference))
        for score in compute(curves, anchor, **derived.params):
            if score.entry == entry:
                signature = f"{score.signature}|published"
                found[entry] = replace(of_derived(score, 0), signature=signature)
    return found


def _per_item(scores: Scores, metric: str, index: int) -> NDArray[np.float64]:
    """Return (points, items); the score of a whole set is the same for each of its items."""
    own = scores.of(metric, index)
    if metric not in scores.whole:
        return own
    return np.repeat(np.nanmean(own, axis=1, keepdims=True), max(1, len(scores.items)), axis=1)


def _not_comparable(scores: Scores, index: int, derived: Derived, size: int) -> str:
    """Say why a published curve cannot be held against what was measured here."""
    rows = [i for i, kind in enumerate(scores.kinds) if kind == "measured"]
    values = [scores.values[n][rows] for n in derived.inputs if n not in scores.whole]
    items = min((int(np.sum(~np.all(np.isnan(v), axis=(0, 1)))) for v in values), default=size)
    if items < size:
        return f"published on the whole set; measured here on {items} of {size} items"
    for name in derived.inputs:
        if np.all(np.isnan(scores.of(name, index))):
            return f"its publication states no {name}"
    return ""


def _as_set(curve: Curve) -> Curve:
    """Return a curve whose only item is the whole set."""
    with np.errstate(invalid="ignore"):
        scores = {
            name: np.asarray(curve.aggregate[name](_complete(values)))[:, None]
            for name, values in curve.scores.items()
        }
    return replace(curve, items=("*",), scores=scores, resamples=np.zeros((1, 1), np.intp))


def _complete(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Drop the items that some point has no score of."""
    kept: NDArray[np.float64] = values[:, ~np.any(np.isnan(values), axis=0)]
    return kept


def _published_curve(
    scores: Scores, index: int, derived: Derived, aggregate: Mapping[str, Any]
) -> Curve:
    values = {}
    for name in derived.inputs:
        own = scores.of(name, index)
        values[name] = own[:, ~np.all(np.isnan(own), axis=0)]
    curve = Curve(
        entry=scores.entries[index],
        points=tuple(scores.points[index]),
        items=(),
        scores=values,
        aggregate=aggregate,
        resamples=np.zeros((1, 1), np.intp),
    )
    return _as_set(curve)
