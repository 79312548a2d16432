"""The control that an acceleration is held against: plain sampling in fewer steps, at equal work.

Whatever makes a sampler cheaper can be had by fewer steps as well. So a variant's score is held
against that of the same model without it, guided alike and by the same scheduler, at the number of
steps whose FLOP come nearest to the variant's own, prompt by prompt.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.spec import Curve, DerivedScore, Json
from harness.stats import crossed_interval, curve_replicates

__all__ = ["vs_fewer_steps"]

_EQUAL = 0.1  # share by which two amounts of work that are called equal may differ


@dataclass(frozen=True)
class _Sampler:
    """A row at one of its operating points."""

    curve: Curve
    point: int
    work: float

    @property
    def name(self) -> str:
        return f"{self.curve.entry}, {self.steps} steps"

    @property
    def steps(self) -> Json:
        return self.curve.points[self.point].get("steps")

    @property
    def settings(self) -> dict[str, Json]:
        """All of the operating point but its steps."""
        return {k: v for k, v in self.curve.points[self.point].items() if k != "steps"}


def vs_fewer_steps(
    curves: Sequence[Curve], _anchor: str | None, metric: str
) -> Iterator[DerivedScore]:
    """Yield, for each variant, its score less that of its control.

    A row of several operating points is judged at each that has a control, and the mean is given.

    Args:
        curves: of all rows, with ``metric`` and ``tflops``.
        metric: what is compared.
    """
    plain = [s for c in curves if c.variant == "base" and c.model for s in _samplers(c)]
    for curve in curves:
        if curve.variant != "base":
            yield _score(curve, [s for s in plain if _same_model(s.curve, curve)], metric)


def _same_model(plain: Curve, variant: Curve) -> bool:
    return plain.model == variant.model and plain.params == variant.params


def _samplers(curve: Curve) -> list[_Sampler]:
    work = curve.scores["tflops"].mean(axis=1)
    return [_Sampler(curve, n, float(w)) for n, w in enumerate(work) if np.isfinite(w)]


def _score(curve: Curve, plain: Sequence[_Sampler], metric: str) -> DerivedScore:
    about = {"entry": curve.entry, "name": f"{metric}_vs_fewer_steps"}
    signature = f"{metric}|less that without the variant at FLOP within {_EQUAL:.0%}|v1"
    pairs = [(s, c) for s in _samplers(curve) if (c := _control(s, plain))]
    reason = _refusal(curve, pairs, plain, metric)
    if reason:
        return DerivedScore(**about, signature=signature, value=float("nan"), refusal=reason)
    values = [_value(s, metric) - _value(c, metric) for s, c in pairs]
    replicates = np.mean(
        [_replicates(s, metric) - _replicates(c, metric) for s, c in pairs], axis=0
    )
    value = float(np.mean(values))
    rows = {s.curve.entry: s.curve for pair in pairs for s in pair}
    draws = [row.seed_resamples for row in rows.values()]
    low, high = crossed_interval(replicates, value, len(curve.items), *draws)
    return DerivedScore(
        **about,
        signature=signature,
        value=value,
        low=float(low),
        high=float(high),
        replicates=replicates,
        details={
            f"control of {s.name}": f"{c.name}, {c.work / s.work:.3f} times its FLOP"
            for s, c in pairs
        },
    )


def _control(sampler: _Sampler, plain: Sequence[_Sampler]) -> _Sampler | None:
    near = [s for s in _alike(sampler, plain) if abs(s.work / sampler.work - 1) <= _EQUAL]
    return min(near, key=lambda s: abs(s.work - sampler.work), default=None)


def _alike(sampler: _Sampler, plain: Sequence[_Sampler]) -> list[_Sampler]:
    return [s for s in plain if s.settings == sampler.settings]


def _refusal(
    curve: Curve,
    pairs: Sequence[tuple[_Sampler, _Sampler]],
    plain: Sequence[_Sampler],
    metric: str,
) -> str:
    """Say why a row cannot be held against controls; nothing where it can."""
    own = _samplers(curve)
    if not own:
        return "its FLOP were not counted"
    controlled = [s.point for s, _ in pairs]
    alone = next((s for s in own if s.point not in controlled), None)
    if alone is not None:
        return _lacking(alone, plain)
    for sampler in (s for pair in pairs for s in pair):
        lacking = int(np.isnan(sampler.curve.scores[metric][sampler.point]).sum())
        if lacking:
            return f"{sampler.name}: {lacking} of {len(curve.items)} lack {metric}"
    return ""


def _lacking(sampler: _Sampler, plain: Sequence[_Sampler]) -> str:
    """Say which row a suite must have for a control."""
    at = ", ".join(f"{name} {value}" for name, value in sampler.settings.items())
    known = [(s.work, s.steps) for s in _alike(sampler, plain) if isinstance(s.steps, int)]
    if not known:
        return f"no control: the suite has no row of {sampler.curve.model} alone at {at}"
    step = known[0][0] / known[0][1]
    wanted = max(1, round(sampler.work / step))
    if abs(wanted * step / sampler.work - 1) > _EQUAL:
        return f"no number of steps costs {sampler.work:.4g} TFLOP: one step has {step:.4g}"
    return (
        f"no control of {sampler.work:.4g} TFLOP: give the suite a row of {sampler.curve.model} "
        f"with steps {wanted}, {at}"
    )


def _value(sampler: _Sampler, metric: str) -> float:
    curve = sampler.curve
    return float(curve.aggregate[metric](curve.scores[metric])[sampler.point])


def _replicates(sampler: _Sampler, metric: str) -> NDArray[np.float64]:
    found: NDArray[np.float64] = curve_replicates(sampler.curve, metric)[sampler.point]
    return found
