"""The memory that an order saves, against the row that the suite names as its anchor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from harness import Curve, DerivedScore
from harness.stats import crossed_interval, curve_replicates

__all__ = ["peak_saved"]

_SIGNATURE = "peak_saved|1-geometric-mean(peak/peak of the anchor)|percent|v1"


def peak_saved(curves: Sequence[Curve], anchor: str | None) -> Iterator[DerivedScore]:
    """Yield 100 (1 - g / h) of each entry, in percent.

    g and h are the geometric means of ``peak_ratio`` over graphs, of the entry and of the anchor;
    the best known peaks cancel. The interval is of resampled graphs, the same ones for both, and
    of the seeds of both. Where one of the two lacks a graph there is no number: savings on
    different graphs cannot be compared.

    Args:
        curves: entries, each with one operating point.
        anchor: label of the entry that others are compared with.
    """
    reference = next((c for c in curves if c.entry == anchor), None)
    for curve in curves:
        score = partial(DerivedScore, entry=curve.entry, name="peak_saved", signature=_SIGNATURE)
        refusal = _refusal(curve, reference)
        if refusal or reference is None:
            yield score(value=float("nan"), refusal=refusal)
            continue
        mean = curve.aggregate["peak_ratio"]
        value, of_anchor = (mean(c.scores["peak_ratio"][0]) for c in (curve, reference))
        saved = 100 * (1 - value / of_anchor)
        drawn = curve_replicates(curve, "peak_ratio") / curve_replicates(reference, "peak_ratio")
        replicates = 100 * (1 - drawn[0])
        low, high = crossed_interval(
            replicates, saved, len(curve.items), curve.seed_resamples, reference.seed_resamples
        )
        ratios = curve.scores["peak_ratio"][0] / reference.scores["peak_ratio"][0]
        yield score(
            value=float(saved),
            low=float(low),
            high=float(high),
            replicates=replicates,
            per_item=dict(zip(curve.items, map(float, 100 * (1 - ratios)), strict=True)),
            details={"worst graph": float(100 * (1 - np.max(ratios)))},
        )


def _refusal(curve: Curve, reference: Curve | None) -> str:
    """Say why an entry cannot be held against the anchor, or nothing."""
    if reference is None:
        return "the suite names no anchor that was measured"
    if len(curve.points) > 1 or len(reference.points) > 1:
        return "several operating points have no one peak"
    for who in (reference, curve):
        lacking = int(np.isnan(who.scores["peak_ratio"]).sum())
        if lacking:
            return f"{lacking} of {len(who.items)} graphs have no order by {who.entry}"
    return ""
