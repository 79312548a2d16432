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
from harness.stats import bootstrap_replicates, mean, percentile_interval

if TYPE_CHECKING:
    from harness.spec import DerivedScore, Metric

__all__ = ["Aggregates", "Estimate", "aggregate_of", "cell_of", "mark_best"]

Floats = NDArray[np.float64]
Aggregate = Callable[[Floats], Floats]


@dataclass(slots=True, kw_only=True)
class Estimate:
    """One number with its bootstrap replicates on the shared resamples.

    Attributes:
        replicates: (B,), or None where there are none.
        n: number of items it stands on.
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


def aggregate_of(metric: Metric | None) -> Aggregate:
    """Return how a metric's item scores become one number: over the last axis."""
    if metric is None or metric.aggregate == "mean":
        return mean
    found: Aggregate = resolve(metric.aggregate)
    return found


class Aggregates:
    """Aggregated scores, each made once.

    Args:
        resamples: (B, N) item indices.
    """

    def __init__(self, resamples: NDArray[np.intp]) -> None:
        self._resamples = resamples
        self._drawn: dict[int, NDArray[np.intp]] = {resamples.shape[1]: resamples}

    def estimate(self, values: Floats, aggregate: Aggregate, signature: str) -> Estimate:
        """Aggregate the scores of one entry at one point: (N,), NaN where there is none.

        A score that was taken of fewer items than others stands on its own resamples, and is
        compared with none.
        """
        there = ~np.isnan(values)
        n = int(there.sum())
        if n == 0:
            return Estimate(value=NAN, signature=signature)
        with np.errstate(invalid="ignore"):
            value = float(aggregate(values[there]))
            drawn = self._resamples if n == values.size else self._own(n)
            replicates = bootstrap_replicates(values[there], drawn, aggregate)
            low, high = percentile_interval(replicates, n)
        missing = values.size - n
        return Estimate(
            value=value,
            signature=signature,
            n=n,
            low=float(low),
            high=float(high),
            replicates=replicates if not missing else None,
            note=f"{missing} of {values.size} items have no score" if missing else "",
        )

    def _own(self, n: int) -> NDArray[np.intp]:
        from harness.stats import resample_indices

        if n not in self._drawn:
            self._drawn[n] = resample_indices(n, self._resamples.shape[0], seed=n)
        return self._drawn[n]


def of_derived(score: DerivedScore, n: int) -> Estimate:
    """Take a family's derived score as it is."""
    return Estimate(
        value=score.value,
        signature=score.signature,
        n=n,
        low=score.low,
        high=score.high,
        replicates=score.replicates,
        note=score.refusal,
        details=score.details,
    )


def cell_of(estimate: Estimate, *, best: bool = False) -> Cell:
    """Return what the table shows of an estimate."""
    return Cell(
        value=estimate.value,
        low=estimate.low,
        high=estimate.high,
        n=estimate.n,
        signature=estimate.signature,
        note=estimate.note,
        best=best,
        details=estimate.details or {},
    )


def mark_best(estimates: Mapping[str, Estimate], better: Better) -> set[str]:
    """Return the entries that the best one is not surely better than.

    Only entries whose signature is the most common one take part.
    """
    signature = common_signature(estimates)
    fair: dict[str, Any] = {
        k: e for k, e in estimates.items() if e.signature == signature and not np.isnan(e.value)
    }
    if better == "none" or len(fair) < 2:
        return set()
    sign = 1.0 if better == "higher" else -1.0
    top = max(fair, key=lambda k: sign * fair[k].value)
    best = {top}
    for name, one in fair.items():
        if one.replicates is None or fair[top].replicates is None:
            if one.value == fair[top].value:
                best.add(name)
            continue
        with np.errstate(invalid="ignore"):
            lead = sign * (fair[top].replicates - one.replicates)
        low, _ = percentile_interval(lead, min(one.n, fair[top].n))
        if not float(low) > 0:  # no interval, or one that holds zero
            best.add(name)
    return best


def common_signature(estimates: Mapping[str, Estimate]) -> str:
    """Return the signature that most numbers carry; the first one among equals."""
    counts: dict[str, int] = {}
    for estimate in estimates.values():
        if not np.isnan(estimate.value):
            counts[estimate.signature] = counts.get(estimate.signature, 0) + 1
    return max(counts, key=lambda s: counts[s]) if counts else ""
