"""Scores of one dataset to numbers with intervals: per point, per entry, derived."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

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
        summary[derived.name] = _derive(suite, derived, scores, at_points, resamples, size)
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
    first = estimates[0]
    if all(_same(e, first) for e in estimates[1:]):
        return first
    there = [e for e in estimates if not np.isnan(e.value)]
    if not there:
        return first
    lacking = len(estimates) - len(there)
    short = f"{lacking} of {len(estimates)} points have no score" if lacking else ""
    if not metric.endswith("_seconds"):
        low, high = min(e.value for e in there), max(e.value for e in there)
        span = f"{low:.4g} … {high:.4g} over {len(there)} points"
        note = f"{span}; {short}" if short else span
        return Estimate(value=NAN, signature=there[0].signature, n=there[0].n, note=note)
    drawn = [e.replicates for e in estimates if e.replicates is not None]
    replicates = np.mean(drawn, axis=0) if len(drawn) == len(estimates) else None
    low, high = (
        map(float, percentile_interval(replicates, first.n))
        if replicates is not None
        else (NAN, NAN)
    )
    return Estimate(
        value=float(np.mean([e.value for e in there])),
        signature=f"{' / '.join(sorted({e.signature for e in there}))}|mean over points",
        n=min(e.n for e in there),
        low=low,
        high=high,
        replicates=replicates,
        note=short or next(filter(None, (e.note for e in there)), ""),
    )


def _same(one: Estimate, other: Estimate) -> bool:
    """Whether two operating points have the same number, on every resample too."""
    if not np.array_equal(one.value, other.value, equal_nan=True):
        return False
    if one.replicates is None or other.replicates is None:
        return one.replicates is other.replicates and one.n == other.n
    return np.array_equal(one.replicates, other.replicates, equal_nan=True)


def _derive(
    suite: Suite,
    derived: Derived,
    scores: Scores,
    at_points: Mapping[tuple[str, str], list[Estimate]],
    resamples: NDArray[np.intp],
    size: int,
) -> dict[str, Estimate]:
    """Compute a derived score of every entry; published curves beside the anchor's aggregate."""
    lacking = [name for name in derived.inputs if name not in scores.values]
    if lacking:
        return _refused(scores.entries, f"nothing was measured in {', '.join(lacking)}")
    metrics = {m.name: m for m in suite.metrics}
    aggregate = {name: aggregate_of(metrics.get(name)) for name in derived.inputs}
    anchor = suite.board.anchor
    measured = [
        Curve(
            entry=entry,
            points=tuple(scores.points[index]),
            items=tuple(scores.items or ["*"]),
            scores={name: _per_item(scores, name, index, aggregate) for name in derived.inputs},
            aggregate=aggregate,
            resamples=resamples,
        )
        for index, entry in enumerate(scores.entries)
        if scores.kinds[index] == "measured"
    ]
    found = _computed(derived, measured, anchor, len(scores.items))
    reference = next((c for c in measured if c.entry == anchor), None)
    for index, entry in enumerate(scores.entries):
        if scores.kinds[index] != "published":
            continue
        refusal = _not_comparable(scores, index, derived, at_points, anchor, size)
        if refusal:
            found |= _refused([entry], refusal)
            continue
        curves = [_as_set(c, at_points) for c in (reference,) if c is not None]
        whole = replace(measured[0], entry=entry, points=tuple(scores.points[index]), scores={})
        curves.append(_as_set(whole, at_points))
        score = _computed(derived, curves, anchor, 0).get(entry)
        if score is not None:
            found[entry] = replace(score, signature=f"{score.signature}|published")
    return found


def _refused(entries: Iterable[str], reason: str) -> dict[str, Estimate]:
    return {entry: Estimate(value=NAN, signature="", note=reason) for entry in entries}


def _computed(
    derived: Derived, curves: list[Curve], anchor: str | None, items: int
) -> dict[str, Estimate]:
    """Return what a plugin computes; where it fails, its column says so and the board stands."""
    entries = [c.entry for c in curves]
    count = len(curves[0].resamples)
    found: dict[str, Estimate] = {}
    try:
        for score in resolve(derived.compute)(curves, anchor, **derived.params):
            if score.entry not in entries:
                raise ValueError(f"a score of {score.entry!r}, which is none of the curves")
            found[score.entry] = of_derived(score, items)
            shape = np.shape(score.replicates)
            if score.replicates is not None and shape != (count,):
                raise ValueError(f"replicates have shape {shape}, expected ({count},)")
    except Exception as error:  # noqa: BLE001 - a plugin may raise anything
        lines = str(error).splitlines() or [""]
        return _refused(entries, f"{derived.name} failed: {type(error).__name__}: {lines[0]}")
    return found


def _per_item(
    scores: Scores, metric: str, index: int, aggregate: Mapping[str, Aggregate]
) -> NDArray[np.float64]:
    """Return (points, items); the score of a whole set is the same for each of its items."""
    own = scores.of(metric, index)
    if metric not in scores.whole:
        return own
    over_seeds = [
        float(aggregate[metric](there)) if (there := row[~np.isnan(row)]).size else NAN
        for row in own
    ]
    return np.repeat(np.array(over_seeds)[:, None], max(1, len(scores.items)), axis=1)


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
    return replace(curve, items=("*",), scores=scores, resamples=np.zeros((1, 1), np.intp))
