"""Numbers of one column: estimates, replicates, intervals, and who is surely better."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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

__all__ = [
    "Aggregates",
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
    """Aggregates scores over items, on resamples that all of them share.

    Args:
        resamples: (B, N) item indices.
    """

    def __init__(self, resamples: NDArray[np.intp]) -> None:
        self._resamples = resamples
        self._drawn: dict[int, NDArray[np.intp]] = {resamples.shape[1]: resamples}

    def estimates(
        self, values: Floats, aggregate: Aggregate, signatures: Sequence[str]
    ) -> list[Estimate]:
        """Aggregate many rows of item scores: (K, N), NaN where there is none.

        A row with scores of fewer items than others stands on its own resamples, and is
        compared with none.
        """
        whole = ~np.any(np.isnan(values), axis=1) & (values.shape[1] > 0)
        found: dict[int, Estimate] = {}
        if np.any(whole):
            rows = np.flatnonzero(whole)
            parts = self._aggregate(values[rows], aggregate)
            for row, value, low, high, replicates in zip(rows, *parts, strict=True):
                found[int(row)] = Estimate(
                    value=float(value),
                    signature=signatures[int(row)],
                    n=values.shape[1],
                    low=float(low),
                    high=float(high),
                    replicates=replicates,
                )
        for row in np.flatnonzero(~whole):
            found[int(row)] = self._partial(values[row], aggregate, signatures[int(row)])
        return [found[row] for row in range(len(values))]

    def _aggregate(
        self, values: Floats, aggregate: Aggregate
    ) -> tuple[Floats, Floats, Floats, Floats]:
        """Return values (K,), lower and upper ends (K,), and replicates (K, B)."""
        n = values.shape[1]
        if n not in self._drawn:
            from harness.stats import resample_indices

            self._drawn[n] = resample_indices(n, self._resamples.shape[0], seed=n)
        with np.errstate(invalid="ignore", divide="ignore"):
            replicates = bootstrap_replicates(values, self._drawn[n], aggregate)
            low, high = percentile_interval(replicates, n)
            return np.asarray(aggregate(values)), low, high, replicates

    def _partial(self, values: Floats, aggregate: Aggregate, signature: str) -> Estimate:
        there = values[~np.isnan(values)]
        if there.size == 0:
            return Estimate(value=NAN, signature=signature, note="no score")
        value, low, high, _ = (part[0] for part in self._aggregate(there[None], aggregate))
        return Estimate(
            value=float(value),
            signature=signature,
            n=there.size,
            low=float(low),
            high=float(high),
            note=f"{values.size - there.size} of {values.size} items have no score",
        )


def of_derived(score: DerivedScore, n: int) -> Estimate:
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
    low, _ = percentile_interval(lead, min(e.n for e in fair.values()))
    # no interval, or one that holds zero
    return {top} | {k for k, end in zip(fair, low, strict=True) if not end > 0}


def common_signature(estimates: Mapping[str, Estimate]) -> str:
    """Return the signature that most numbers carry; the first one among equals."""
    counts: dict[str, int] = {}
    for estimate in estimates.values():
        if not np.isnan(estimate.value):
            counts[estimate.signature] = counts.get(estimate.signature, 0) + 1
    return max(counts, key=lambda s: counts[s]) if counts else ""
