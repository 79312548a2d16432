"""Numbers of one column: estimates, replicates, intervals, and who is surely better."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness.board.model import NAN, Cell
from harness.registry import resolve
from harness.spec import Better, Json
from harness.stats import crossed_interval, mean, percentile_interval

if TYPE_CHECKING:
    from harness.spec import DerivedScore, Metric

__all__ = [
    "Estimate",
    "aggregate_of",
    "cell_of",
    "common_signature",
    "mark_best",
    "of_derived",
]

Floats = NDArray[np.float64]
Aggregate = Callable[[Floats], Floats]


@dataclass(slots=True, kw_only=True)
class Estimate:
    """One number with its bootstrap replicates on the shared resamples.

    Attributes:
        replicates: (B,), or None where there are none.
        n: number of items it stands on.
        seeds: number of runs it stands on, each under a seed of its own.
        draws: (B, S) the drawn runs that ``replicates`` follow, or None.
        note: why ``value`` is NaN, or what a reader must know.
    """

    value: float
    signature: str
    n: int = 0
    low: float = NAN
    high: float = NAN
    replicates: Floats | None = None
    note: str = ""
    details: Mapping[str, Json] | None = None
    seeds: int = 1
    draws: NDArray[np.intp] | None = None


def aggregate_of(metric: Metric | None) -> Aggregate:
    """Return how a metric's item scores become one number: over the last axis."""
    if metric is None or metric.aggregate == "mean":
        return mean
    found: Aggregate = resolve(metric.aggregate)
    return found


def of_derived(
    score: DerivedScore, n: int, seeds: int = 1, draws: NDArray[np.intp] | None = None
) -> Estimate:
    """Take a family's derived score as it is."""
    items = score.details.get("items")
    return Estimate(
        value=score.value,
        signature=score.signature,
        n=items if isinstance(items, int) else n,
        low=score.low,
        high=score.high,
        replicates=score.replicates,
        note=score.refusal,
        details=score.details,
        seeds=seeds,
        draws=draws,
    )


def cell_of(estimate: Estimate, *, best: bool = False) -> Cell:
    """Return what the table shows of an estimate."""
    return Cell(
        value=estimate.value,
        low=estimate.low,
        high=estimate.high,
        n=estimate.n,
        seeds=estimate.seeds,
        signature=estimate.signature,
        note=estimate.note,
        best=best,
        details=estimate.details or {},
    )


def mark_best(estimates: Mapping[str, Estimate], better: Better) -> set[str]:
    """Return the entries that the best one is not surely better than.

    Only entries take part whose signature is the most common one, and that can be compared: a
    number on other items, or without replicates, is not.
    """
    signature = common_signature(estimates)
    fair: dict[str, Any] = {
        k: e
        for k, e in estimates.items()
        if e.signature == signature and e.replicates is not None and not np.isnan(e.value)
    }
    if better == "none" or len(fair) < 2:
        return set()
    sign = 1.0 if better == "higher" else -1.0
    top = max(fair, key=lambda k: sign * fair[k].value)
    with np.errstate(invalid="ignore"):
        lead = sign * (fair[top].replicates - np.stack([e.replicates for e in fair.values()]))
    ahead = np.array([sign * (fair[top].value - e.value) for e in fair.values()])
    low = _lead(lead, ahead, fair, top)
    # no interval, or one that holds zero
    return {top} | {k for k, end in zip(fair, low, strict=True) if not end > 0}


def _lead(lead: Floats, values: Floats, fair: Mapping[str, Estimate], top: str) -> Floats:
    """Return the lower ends of the lead of ``top`` over each entry: (K, B) and (K,) to (K,)."""
    n = min(e.n for e in fair.values())
    low = np.array(percentile_interval(lead, n).low)
    draws = [e.draws for e in fair.values()]
    runs = [1 if d is None else d.shape[1] for d in draws]
    own = fair[top].draws
    several = own is not None and own.shape[1] > 1
    for count in set(runs):
        if (count == 1 and not several) or (n < 2 and (count == 1 or not several)):
            continue  # only items were drawn, or of one side nothing at all
        rows = [k for k, r in enumerate(runs) if r == count]
        drawn = np.stack([d for k in rows if (d := draws[k]) is not None]) if count > 1 else None
        low[rows] = crossed_interval(lead[rows], values[rows], n, own, drawn).low
    return low


def common_signature(estimates: Mapping[str, Estimate]) -> str:
    """Return the signature that most numbers carry; the first one among equals."""
    counts: dict[str, int] = {}
    for estimate in estimates.values():
        if not np.isnan(estimate.value):
            counts[estimate.signature] = counts.get(estimate.signature, 0) + 1
    return max(counts, key=lambda s: counts[s]) if counts else ""
