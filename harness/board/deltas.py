"""What a variant changes: a number less that of the same model without its variant.

Every column ``X`` has a column ``delta_X``, on boards that ask for it. Both rows stand on the same
items and resamples, so the difference is paired.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from harness.board.columns import Estimate
from harness.board.model import NAN
from harness.stats import crossed_interval, percentile_interval
from harness.suite import Entry

__all__ = ["DELTA", "base_of", "delta"]

DELTA = "delta_"


def base_of(entry: Entry, entries: Sequence[Entry]) -> Entry | None:
    """Return the row of the same model, parameters and points without the variant; None if none.

    The parameters that a variant of the model's own changes are left out of the comparison.
    """
    changed = entry.model.variants.get(entry.variant, {}) if entry.wraps is None else {}
    for other in entries:
        if (
            entry.variant != "base"
            and other.variant == "base"
            and other.model.name == entry.model.name
            and other.points == entry.points
            and all(other.params[k] == v for k, v in entry.params.items() if k not in changed)
        ):
            return other
    return None


def delta(estimates: Mapping[str, Estimate], entries: Sequence[Entry]) -> dict[str, Estimate]:
    """Return, for each row with a variant, its number less that of its base."""
    found: dict[str, Estimate] = {}
    for entry in entries:
        base, own = base_of(entry, entries), estimates.get(entry.label)
        if base is not None and own is not None:
            found[entry.label] = _less(own, estimates.get(base.label), base.label)
    return found


def _less(own: Estimate, base: Estimate | None, label: str) -> Estimate:
    if base is None or np.isnan(base.value) or np.isnan(own.value):
        reason = own.note if np.isnan(own.value) else base.note if base else ""
        return Estimate(value=NAN, signature="", note=reason or f"{label} has no number")
    if own.signature != base.signature:
        return Estimate(value=NAN, signature="", note=f"the signature of {label} differs")
    found = Estimate(
        value=own.value - base.value,
        signature=f"{own.signature}|less {label}",
        n=min(own.n, base.n),
        seeds=min(own.seeds, base.seeds),
        draws=own.draws,
        note=own.note or base.note,
    )
    if own.replicates is None or base.replicates is None:
        return found
    found.replicates = own.replicates - base.replicates
    if np.isnan(own.low) and np.isnan(base.low):
        return found  # both are exact
    if own.draws is None and base.draws is None:
        low, high = percentile_interval(found.replicates, max(2, found.n))
    else:
        low, high = crossed_interval(
            found.replicates, found.value, max(2, found.n), own.draws, base.draws
        )
    found.low, found.high = float(low), float(high)
    return found
