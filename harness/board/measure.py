"""Scores of one dataset to numbers with intervals: per point, per entry, derived."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass, replace

import numpy as np

from harness.board.aggregates import Drawn
from harness.board.columns import Estimate, aggregate_of
from harness.board.deltas import DELTA, delta
from harness.board.derive import derive
from harness.board.gather import Scores
from harness.board.model import NAN
from harness.spec import Metric
from harness.stats import crossed_interval, percentile_interval
from harness.suite import Suite

__all__ = ["Measured", "measure"]

_REPLICATES = 500_000  # resamples times entries: a board of a thousand is built in a second


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
    drawn = Drawn(scores, replicates, _trained(suite))
    metrics = {m.name: m for m in suite.metrics}
    at_points: dict[tuple[str, str], list[Estimate]] = {}
    for metric in scores.metrics:
        at_points |= _at_points(scores, metric, drawn, metrics.get(metric))
    summary: dict[str, dict[str, Estimate]] = {}
    for (entry, metric), estimates in at_points.items():
        declared = metrics.get(metric)
        averaged = declared is None or declared.over_points == "mean"
        summary.setdefault(metric, {})[entry] = _summary(estimates, averaged=averaged)
    for derived in suite.derived:
        summary[derived.name] = derive(suite, derived, scores, at_points, drawn, size)
    for name in suite.board.columns or ():
        of = name.removeprefix(DELTA)
        if name != of and of in summary and name not in summary:
            summary[name] = delta(summary[of], suite.entries)
    return Measured(scores=scores, at_points=at_points, summary=summary)


def _trained(suite: Suite) -> dict[str, str]:
    """Return, for each row, the label of the first row of the same model and parameters."""
    first: dict[str, str] = {}
    found = {}
    for entry in suite.entries:
        made_of = json.dumps([entry.model.name, entry.params, entry.privileged], sort_keys=True)
        found[entry.label] = first.setdefault(made_of, entry.label)
    return found


def _at_points(
    scores: Scores, metric: str, drawn: Drawn, declared: Metric | None
) -> dict[tuple[str, str], list[Estimate]]:
    """Aggregate one metric at every operating point of every entry.

    Items count that some measured entry has a score of; a published entry stands on its own.
    """
    aggregate, aggregates = aggregate_of(declared), drawn.over(split=metric in scores.split)
    there = [i for i, label in enumerate(scores.entries) if (label, metric) in scores.signatures]
    measured = [i for i in there if scores.kinds[i] == "measured"]
    found: dict[tuple[str, str], list[Estimate]] = {}
    for group in [measured, *([i] for i in there if scores.kinds[i] == "published")]:
        if not group:
            continue
        runs = [own for i in group if (own := scores.of_runs(metric, i)) is not None]
        rows = np.concatenate([scores.of(metric, i) for i in group])
        owners = [i for i in group for _ in scores.points[i]]
        signatures = {
            i: " / ".join(sorted(scores.signatures[scores.entries[i], metric])) for i in group
        }
        signed = [signatures[i] for i in owners]
        if runs:
            under = np.concatenate([np.swapaxes(own, 0, 1) for own in runs])  # (K, S, N)
            taken = ~np.all(np.isnan(under), axis=(0, 1))
            draws = [drawn.runs[scores.entries[i]] for i in owners]
            estimates = aggregates.of_runs(under[:, :, taken], aggregate, signed, draws)
            estimates = [_within(e, declared) for e in estimates]
        else:
            taken = ~np.all(np.isnan(rows), axis=0)
            estimates = aggregates.estimates(rows[:, taken], aggregate, signed)
        for i, estimate in zip(owners, estimates, strict=True):
            where = scores.entries[i], metric
            points = found.setdefault(where, [])
            points.append(_as_given(estimate, scores, where, len(points), drawn))
    return found


def _as_given(
    estimate: Estimate, scores: Scores, where: tuple[str, str], point: int, drawn: Drawn
) -> Estimate:
    """Take the interval that a metric gave with its score, and what it said of it.

    Its replicates know nothing of other entries' ones: they are drawn from anew, for each entry
    by itself.
    """
    given = scores.given.get(where, [])
    said = given[point] if point < len(given) else None
    if said is None:
        return estimate
    note = "; ".join(filter(None, (estimate.note, said.unranked, said.note)))
    if not said.replicates or np.isnan(estimate.value):
        lost = None if said.unranked else estimate.replicates
        return replace(estimate, note=note, replicates=lost)
    if len(said.replicates) == 1:
        exact = np.full(drawn.items.shape[0], estimate.value)
        n = max(2, len(scores.items))  # one item or many: it would be the same
        return replace(estimate, low=NAN, high=NAN, replicates=exact, n=n, draws=None, note=note)
    seed = zlib.crc32(" ".join((*where, str(point))).encode())
    replicates = np.random.default_rng(seed).choice(said.replicates, drawn.items.shape[0])
    low, high = map(float, percentile_interval(np.asarray(said.replicates), max(said.n, 2)))
    kept = None if said.unranked else replicates
    return replace(estimate, low=low, high=high, replicates=kept, n=said.n, draws=None, note=note)


def _within(estimate: Estimate, metric: Metric | None) -> Estimate:
    """Keep the interval of a mean inside the metric's range, which Student's part knows not."""
    if metric is not None and metric.aggregate != "mean":
        return estimate
    low, high = metric.range if metric is not None else (0.0, np.inf)  # no metric: a time
    if estimate.low < low:
        estimate.low = float(low)
    if estimate.high > high:
        estimate.high = float(high)
    return estimate


def _summary(estimates: list[Estimate], *, averaged: bool) -> Estimate:
    """Return the one number of an entry in a metric, over its operating points.

    What is paid at each point (a time) is averaged over the points; a quality has no meaning
    without its point unless it is the same at all of them, so the table refers to the curve.
    """
    first = estimates[0]
    if all(_same(e, first) for e in estimates[1:]):
        return first
    there = [e for e in estimates if not np.isnan(e.value)]
    if not there:
        return first
    lacking = len(estimates) - len(there)
    short = f"{lacking} of {len(estimates)} points have no score" if lacking else ""
    if not averaged:
        low, high = min(e.value for e in there), max(e.value for e in there)
        span = f"{low:.4g} … {high:.4g} over {len(there)} points"
        note = f"{span}; {short}" if short else span
        return replace(there[0], value=NAN, low=NAN, high=NAN, replicates=None, note=note)
    drawn = [e.replicates for e in estimates if e.replicates is not None]
    replicates = np.mean(drawn, axis=0) if len(drawn) == len(estimates) else None
    value = float(np.mean([e.value for e in there]))
    unsure = any(not np.isnan(e.low) for e in there)  # counted numbers are exact
    low, high = (
        map(float, crossed_interval(replicates, value, first.n, first.draws))
        if replicates is not None and unsure
        else (NAN, NAN)
    )
    return Estimate(
        value=value,
        signature=f"{' / '.join(sorted({e.signature for e in there}))}|mean over points",
        n=min(e.n for e in there),
        seeds=min(e.seeds for e in there),
        draws=first.draws,
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
