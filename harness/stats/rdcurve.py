"""Is a rate-quality curve fit for use? The curve, or the reason against it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from harness.stats.akima import MIN_POINTS
from harness.stats.bootstrap import Floats

__all__ = ["RDCurve", "accelerates", "usable"]


class RDCurve(NamedTuple):
    """A usable curve: (P,) points sorted by rate, both columns strictly increasing."""

    log_rate: Floats
    quality: Floats


def usable(who: str, rate: Floats, quality: Floats) -> tuple[RDCurve | None, str, list[str]]:
    """Return the curve, the reason against it, and what was left out."""
    if rate.ndim != 1 or rate.shape != quality.shape:
        raise ValueError(
            f"{who} has rates of shape {rate.shape} and qualities of shape {quality.shape}, "
            "expected one quality for each rate"
        )
    lossless = np.isposinf(quality) & np.isfinite(rate)
    lost = [f"{who}'s lossless point at rate {r:.6g} is left out" for r in rate[lossless]]
    rate, quality = rate[~lossless], quality[~lossless]
    odd = np.flatnonzero(~(np.isfinite(rate) & np.isfinite(quality)))
    if odd.size:
        point = f"(rate {rate[odd[0]]:.6g}, quality {quality[odd[0]]:.6g})"
        return None, f"{who} has a point that is not finite: {point}", lost
    if np.any(rate <= 0):
        return None, f"{who} has a rate that is not positive: {rate[rate <= 0][0]:.6g}", lost
    if rate.size < MIN_POINTS:
        count = f"{rate.size} usable point{'' if rate.size == 1 else 's'}"
        return None, f"{who} has {count}, at least {MIN_POINTS} are needed", lost
    order = np.lexsort((quality, rate))
    rate, quality = rate[order], quality[order]
    return RDCurve(np.log10(rate), quality), _disorder(who, rate, quality), lost


def _disorder(who: str, rate: Floats, quality: Floats) -> str:
    """Say what keeps a curve, sorted by rate, from being one-to-one; "" if nothing does."""
    bad = np.flatnonzero((np.diff(np.log10(rate)) <= 0) | (np.diff(quality) <= 0))
    if not bad.size:
        return ""
    (r0, r1), (q0, q1) = rate[bad[0] : bad[0] + 2], quality[bad[0] : bad[0] + 2]
    if np.log10(r0) == np.log10(r1):
        if q0 == q1:
            return f"{who} has a duplicate point: rate {r0:.6g}, quality {q0:.6g}"
        return f"{who} has two points of the same rate {r0:.6g}"
    if q0 == q1:
        return f"{who} has two points of the same quality {q0:.6g}"
    return (
        f"{who} is not monotone: quality falls from {q0:.6g} to {q1:.6g} "
        f"while rate rises from {r0:.6g} to {r1:.6g}"
    )


def accelerates(curve: RDCurve) -> bool:
    """Tell whether quality grows ever faster with rate, fourfold from end to end.

    Returns diminish on every real curve; with rate and quality swapped they do the opposite.
    """
    slope = np.diff(curve.quality) / np.diff(10**curve.log_rate)
    return bool(np.all(np.diff(slope) > 0) and slope[-1] > 4 * slope[0])
