"""Bjøntegaard deltas against the suite's anchor: the derived scores of the codec family.

The delta is taken between the curves of aggregated points. Its 95 % interval comes from a
bootstrap over images that resamples anchor and tested codec together, re-aggregates both and
takes the delta anew.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from harness import spec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from harness.stats import BDResult

    Floats = NDArray[np.float64]
    Points = tuple[Floats, Floats]  # rates and qualities of one curve, or of many

__all__ = ["DERIVED", "compute"]

_COMPUTE = "harness_plugins.codec.derived:compute"
_MIN_OVERLAP = 0.75

Delta = Literal["rate", "quality"]

DERIVED: tuple[spec.Derived, ...] = (
    spec.Derived(
        name="bd_rate_psnr_rgb",
        compute=_COMPUTE,
        inputs=("bpp", "psnr_rgb"),
        unit="%",
        better="lower",
        summary="Mean difference of rate at equal PSNR (RGB), against the anchor",
        params={"name": "bd_rate_psnr_rgb", "delta": "rate", "rate": "bpp", "quality": "psnr_rgb"},
    ),
    spec.Derived(
        name="bd_rate_ms_ssim",
        compute=_COMPUTE,
        inputs=("bpp", "ms_ssim"),
        unit="%",
        better="lower",
        summary="Mean difference of rate at equal MS-SSIM in dB, against the anchor",
        params={
            "name": "bd_rate_ms_ssim",
            "delta": "rate",
            "rate": "bpp",
            "quality": "ms_ssim",
            "decibel": True,
        },
    ),
    spec.Derived(
        name="bd_psnr_rgb",
        compute=_COMPUTE,
        inputs=("bpp", "psnr_rgb"),
        unit="dB",
        better="higher",
        summary="Mean difference of PSNR (RGB) at equal rate, against the anchor",
        params={"name": "bd_psnr_rgb", "delta": "quality", "rate": "bpp", "quality": "psnr_rgb"},
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Method:
    """Which delta of which metrics."""

    name: str
    delta: Delta
    rate: str
    quality: str
    decibel: bool = False

    @property
    def signature(self) -> str:
        quality = f"{self.quality}:db_of_mean" if self.decibel else self.quality
        return f"bd_{self.delta}|{quality}|{self.rate}|akima|log10|min_overlap:{_MIN_OVERLAP:g}|v1"

    def scale(self, quality: Floats) -> Floats:
        """Bring an aggregated quality to the scale the curves are compared on."""
        import numpy as np

        if not self.decibel:
            return quality
        with np.errstate(divide="ignore"):
            return np.asarray(-10 * np.log10(np.maximum(1 - quality, 0)))

    def judge(self, anchor: Points, test: Points) -> BDResult:
        """Return the delta of two curves, each (rates (P,), qualities (P,))."""
        from harness import stats

        judge = stats.bd_rate if self.delta == "rate" else stats.bd_quality
        return judge(
            rate_anchor=anchor[0],
            quality_anchor=anchor[1],
            rate_test=test[0],
            quality_test=test[1],
            min_overlap=_MIN_OVERLAP,
        )

    def many(self, anchor: Points, test: Points, min_overlap: float = 0.0) -> Floats:
        """Return the deltas of many pairs, each (rates (B, P), qualities (B, P))."""
        from harness import stats

        many = stats.bd_rate_replicates if self.delta == "rate" else stats.bd_quality_replicates
        return many(
            rate_anchor=anchor[0],
            quality_anchor=anchor[1],
            rate_test=test[0],
            quality_test=test[1],
            min_overlap=min_overlap,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    """One codec's scores where both codecs have all of theirs: (P, n) arrays."""

    rate: Floats
    quality: Floats
    aggregate: tuple[Any, Any]

    def points(self, method: _Method) -> Points:
        """Return the aggregated curve: rates (P,), qualities (P,)."""
        rate, quality = self.aggregate
        return rate(self.rate), method.scale(quality(self.quality))

    def replicates(
        self, method: _Method, resamples: NDArray[np.intp], usable: NDArray[np.bool_]
    ) -> Points:
        """Return the curve of each resample: rates (B, P), qualities (B, P)."""
        from harness.stats import bootstrap_replicates

        rate, quality = self.aggregate
        rates = bootstrap_replicates(self.rate[usable], resamples, rate)
        qualities = bootstrap_replicates(self.quality[usable], resamples, quality)
        return rates.T, method.scale(qualities).T


def compute(
    curves: Sequence[spec.Curve],
    anchor: str | None,
    *,
    name: str,
    delta: Delta,
    rate: str,
    quality: str,
    decibel: bool = False,
) -> Iterator[spec.DerivedScore]:
    """Compare every entry's curve with the anchor's.

    Args:
        curves: all entries on one dataset.
        anchor: label of the entry that is compared with; without it every score is refused.
        name: name of the derived score.
        delta: ``"rate"`` for BD-rate in percent, ``"quality"`` for BD-quality.
        rate: metric on the rate axis, positive.
        quality: metric on the quality axis, higher is better.
        decibel: whether the aggregated quality q in ``[0, 1]`` is taken as -10 log10(1 - q).

    Yields:
        One score for each entry, in order. An item counts for a pair where both codecs have a
        score at every point; a point without any score is left out. ``replicates`` lie on the
        shared resamples. ``per_item`` holds the delta on each single image that has one.
    """
    method = _Method(name=name, delta=delta, rate=rate, quality=quality, decibel=decibel)
    reference = next((c for c in curves if c.entry == anchor), None)
    for curve in curves:
        if anchor is None:
            yield _refused(method, curve, "the suite names no anchor to compare with")
        elif reference is None:
            yield _refused(method, curve, f"the anchor {anchor!r} has no scores on this dataset")
        elif curve is reference:
            yield _itself(method, curve)
        else:
            yield _compare(method, reference, curve)


def _refused(
    method: _Method, curve: spec.Curve, reason: str, details: dict[str, spec.Json] | None = None
) -> spec.DerivedScore:
    return spec.DerivedScore(
        entry=curve.entry,
        name=method.name,
        value=float("nan"),
        signature=method.signature,
        refusal=reason,
        details=details or {},
    )


def _itself(method: _Method, curve: spec.Curve) -> spec.DerivedScore:
    import numpy as np

    return spec.DerivedScore(
        entry=curve.entry,
        name=method.name,
        value=0.0,
        signature=method.signature,
        low=0.0,
        high=0.0,
        replicates=np.zeros(len(curve.resamples)),
        per_item=dict.fromkeys(curve.items, 0.0),
    )


def _compare(method: _Method, reference: spec.Curve, curve: spec.Curve) -> spec.DerivedScore:
    import numpy as np

    from harness.stats import percentile_interval, restrict_resamples

    for who, one in (("the anchor", reference), ("this entry", curve)):
        for metric in (method.rate, method.quality):
            if metric not in one.scores:
                return _refused(method, curve, f"{who} has no scores of {metric}")
    sides, keep, notes = _shared(method, reference, curve)
    items = [item for item, kept in zip(curve.items, keep, strict=True) if kept]
    if not items:
        return _refused(method, curve, "no image has all scores of both codecs")
    points = [side.points(method) for side in sides]
    result = method.judge(points[0], points[1])
    details: dict[str, spec.Json] = {
        "items": len(items),
        "items_dropped": len(keep) - len(items),
        "left_out": [*notes, *result.left_out],
        "overlap": _known(result.overlap),
        "window": [_known(end) for end in result.window],
    }
    if result.refusal:
        return _refused(method, curve, result.refusal, details)
    resamples = restrict_resamples(curve.resamples, keep)
    drawn = [
        side.replicates(method, resamples, np.isfinite(quality))
        for side, (_, quality) in zip(sides, points, strict=True)
    ]
    replicates = method.many(drawn[0], drawn[1])
    low, high = percentile_interval(replicates, len(items))
    per_item = _per_item(method, sides, items)
    details |= {"cubic": result.cubic, "pchip": result.pchip}
    details |= {"replicates_refused": int(np.isnan(replicates).sum())}
    details |= _spread(list(per_item.values()), len(items))
    return spec.DerivedScore(
        entry=curve.entry,
        name=method.name,
        value=result.akima,
        signature=method.signature,
        low=float(low),
        high=float(high),
        replicates=replicates,
        per_item=per_item,
        details=details,
    )


def _shared(
    method: _Method, reference: spec.Curve, curve: spec.Curve
) -> tuple[list[_Side], NDArray[np.bool_], list[str]]:
    """Return both sides on the items that count, which items these are, and what was left out."""
    import numpy as np

    keep = np.ones(len(curve.items), bool)
    found = []
    notes: list[str] = []
    for who, one in (("the anchor", reference), ("the tested curve", curve)):
        rate, quality = one.scores[method.rate], one.scores[method.quality]
        missing = np.isnan(rate) | np.isnan(quality)
        empty = missing.all(axis=1)
        notes += [
            f"{who}'s point {dict(one.points[p])} without any score is left out"
            for p in np.flatnonzero(empty)
        ]
        keep &= ~missing[~empty].any(axis=0)
        aggregate = (one.aggregate[method.rate], one.aggregate[method.quality])
        found.append((rate[~empty], quality[~empty], aggregate))
    sides = [_Side(rate=r[:, keep], quality=q[:, keep], aggregate=a) for r, q, a in found]
    return sides, keep, notes


def _per_item(method: _Method, sides: list[_Side], items: list[str]) -> dict[str, float]:
    """Return the delta on each image alone, where it is not refused."""
    import numpy as np

    a, t = ((side.rate.T, method.scale(side.quality).T) for side in sides)
    values = method.many(a, t, min_overlap=_MIN_OVERLAP)
    # Images with a lossless point are few; the slow road leaves that point out.
    lossless = np.isposinf(a[1]).any(axis=1) | np.isposinf(t[1]).any(axis=1)
    for i in np.flatnonzero(lossless):
        values[i] = method.judge((a[0][i], a[1][i]), (t[0][i], t[1][i])).akima
    return {
        item: float(value)
        for item, value in zip(items, values, strict=True)
        if not np.isnan(value)
    }


def _known(number: float) -> float | None:
    """Return a number as JSON can hold it."""
    return number if math.isfinite(number) else None


def _spread(values: list[float], items: int) -> dict[str, spec.Json]:
    """Describe the distribution over images."""
    import numpy as np

    known: dict[str, spec.Json] = {"item_refusals": items - len(values)}
    if values:
        quartiles = np.quantile(values, (0.25, 0.5, 0.75)).tolist()
        known |= dict(zip(("item_q1", "item_median", "item_q3"), quartiles, strict=True))
    return known
