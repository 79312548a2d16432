"""How much work a variant saves, beside the model without it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from harness.spec import Curve, DerivedScore

__all__ = ["work_saving"]

_NAME = "work_saving"
_SIGNATURE = "gmacs of the model without the variant|by those with it|same operating point|v1"


def work_saving(curves: Sequence[Curve], _anchor: str | None) -> Iterator[DerivedScore]:
    """Yield, of each variant, how many times the multiply-accumulates the plain model needs.

    Both are counted, at the same operating point: the first of the row.
    """
    for curve in curves:
        if curve.variant == "base":
            continue
        plain = [
            c
            for c in curves
            if c.variant == "base"
            and (c.model, c.params, c.points[0]) == (curve.model, curve.params, curve.points[0])
        ]
        own = _work(curve)
        of = {"entry": curve.entry, "name": _NAME, "signature": _SIGNATURE}
        if not plain or not np.isfinite(own):
            why = "its work was not counted" if plain else f"no row of {curve.model} alone"
            yield DerivedScore(**of, value=float("nan"), refusal=why)
            continue
        value = _work(plain[0]) / own
        yield DerivedScore(**of, value=value, low=value, high=value)


def _work(curve: Curve) -> float:
    return float(np.mean(curve.scores["gmacs"][0]))
