"""Bjøntegaard deltas: the mean distance between two rate-quality curves.

BD-rate is the mean horizontal distance (percent of rate at equal quality) and BD-quality the
mean vertical one (at equal log rate), over the window in which both curves exist (Bjøntegaard,
VCEG-M33, 2001). The curves run through the points by Akima's interpolation, as recommended by
Herglotz et al., "Beyond Bjøntegaard", 2022 (arXiv:2202.12565); PCHIP and the cubic polynomial
of the original are computed beside it. One and the same pair of codecs can differ by 20 points
of BD-rate with the window, so window and overlap belong to the result, and what cannot be
compared honestly is refused with the reason.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike

from harness.stats.akima import mean_difference
from harness.stats.bootstrap import Floats
from harness.stats.rdcurve import RDCurve, accelerates, usable

__all__ = [
    "BDResult",
    "bd_quality",
    "bd_quality_replicates",
    "bd_rate",
    "bd_rate_replicates",
]

_NAN = float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class BDResult:
    """A Bjøntegaard delta, or the reason why there is none.

    Attributes:
        akima: the delta; percent for BD-rate, units of quality for BD-quality; NaN if refused.
        pchip: the same with monotone cubic Hermite interpolation.
        cubic: the same with a polynomial of third order, fitted by least squares.
        window: ends of the range integrated: of quality for BD-rate, of rate for BD-quality;
            NaN where the curves share none or were refused before.
        overlap: shared part of the range of both curves together, in ``[0, 1]``; for
            BD-quality on the logarithm of rate.
        refusal: why there is no value; "" where there is one.
        left_out: points that were left out, a sentence each.
    """

    akima: float = _NAN
    pchip: float = _NAN
    cubic: float = _NAN
    window: tuple[float, float] = (_NAN, _NAN)
    overlap: float = _NAN
    refusal: str = ""
    left_out: tuple[str, ...] = field(default=())


def bd_rate(
    *,
    rate_anchor: ArrayLike,
    quality_anchor: ArrayLike,
    rate_test: ArrayLike,
    quality_test: ArrayLike,
    min_overlap: float = 0.75,
) -> BDResult:
    """Return the mean difference of rate at equal quality, in percent of the anchor's rate.

    Arguments are taken by name only: in another order they give plausible nonsense.

    Args:
        rate_anchor: (P,) rates, positive, in any order; ``inf`` qualities are left out.
        quality_anchor: (P,) qualities, higher is better, ideally on a logarithmic scale (dB).
        rate_test: (Q,) rates of the curve that is judged; Q may differ from P.
        quality_test: (Q,) its qualities.
        min_overlap: least shared part of the range of qualities, in ``[0, 1]``.

    Returns:
        The delta; negative where the tested curve needs less rate. Its ``refusal`` says why
        there is none: fewer than 4 points, duplicate, non-monotone or non-finite points, a
        rate that is not positive, rate and quality swapped, too little overlap.

    Raises:
        ValueError: if a curve has not one quality for each rate.

    Example:
        >>> rate, quality = [0.1, 0.2, 0.4, 0.8], [28.0, 31.0, 34.0, 37.0]
        >>> twice = [2 * r for r in rate]
        >>> round(bd_rate(rate_anchor=rate, quality_anchor=quality,
        ...               rate_test=twice, quality_test=quality).akima, 9)
        100.0
    """
    anchor, test, judged = _judge(rate_anchor, quality_anchor, rate_test, quality_test)
    if anchor is None or test is None:
        return judged
    xs, ys = (anchor.quality, test.quality), (anchor.log_rate, test.log_rate)
    raw = _delta(xs, ys, min_overlap, "quality")
    akima, pchip, cubic = _percent(np.array([raw.akima, raw.pchip, raw.cubic])).tolist()
    return replace(raw, akima=akima, pchip=pchip, cubic=cubic, left_out=judged.left_out)


def bd_quality(
    *,
    rate_anchor: ArrayLike,
    quality_anchor: ArrayLike,
    rate_test: ArrayLike,
    quality_test: ArrayLike,
    min_overlap: float = 0.75,
) -> BDResult:
    """Return the mean difference of quality at equal log rate, in units of quality.

    Takes, refuses and raises as :func:`bd_rate` does; the overlap is that of the log rates.
    """
    anchor, test, judged = _judge(rate_anchor, quality_anchor, rate_test, quality_test)
    if anchor is None or test is None:
        return judged
    xs, ys = (anchor.log_rate, test.log_rate), (anchor.quality, test.quality)
    raw = _delta(xs, ys, min_overlap, "log rate")
    low, high = raw.window
    return replace(raw, window=(10**low, 10**high), left_out=judged.left_out)


def bd_rate_replicates(
    *,
    rate_anchor: Floats,
    quality_anchor: Floats,
    rate_test: Floats,
    quality_test: Floats,
    min_overlap: float = 0.0,
) -> Floats:
    """Return Akima's BD-rate of many pairs of curves at once.

    Args:
        rate_anchor: (B, P) rates, points in any order.
        quality_anchor: (B, P) qualities.
        rate_test: (B, Q) rates.
        quality_test: (B, Q) qualities.
        min_overlap: as for :func:`bd_rate`. For bootstrap replicates it stays 0: the overlap is
            judged once, on the estimate.

    Returns:
        (B,) percent; NaN where :func:`bd_rate` refuses or would leave a point out.
    """
    log_a, q_a = _ordered(rate_anchor, quality_anchor)
    log_t, q_t = _ordered(rate_test, quality_test)
    return _percent(mean_difference(q_a, log_a, q_t, log_t, min_overlap))


def bd_quality_replicates(
    *,
    rate_anchor: Floats,
    quality_anchor: Floats,
    rate_test: Floats,
    quality_test: Floats,
    min_overlap: float = 0.0,
) -> Floats:
    """Return Akima's BD-quality of many pairs of curves; as :func:`bd_rate_replicates`."""
    log_a, q_a = _ordered(rate_anchor, quality_anchor)
    log_t, q_t = _ordered(rate_test, quality_test)
    return mean_difference(log_a, q_a, log_t, q_t, min_overlap)


def _judge(
    rate_anchor: ArrayLike,
    quality_anchor: ArrayLike,
    rate_test: ArrayLike,
    quality_test: ArrayLike,
) -> tuple[RDCurve | None, RDCurve | None, BDResult]:
    """Return both curves ready for use, or the refusal in the record."""
    left_out: list[str] = []
    curves: list[RDCurve | None] = []
    refusal = ""
    for who, rate, quality in (
        ("the anchor", rate_anchor, quality_anchor),
        ("the tested curve", rate_test, quality_test),
    ):
        curve, why, lost = usable(who, np.asarray(rate, float), np.asarray(quality, float))
        curves.append(curve)
        refusal = refusal or why
        left_out += lost
    anchor, test = curves
    if not refusal and anchor and test and accelerates(anchor) and accelerates(test):
        refusal = (
            "quality grows ever faster with rate on both curves: rate and quality are swapped"
        )
    judged = BDResult(refusal=refusal, left_out=tuple(left_out))
    return (None, None, judged) if refusal else (anchor, test, judged)


def _delta(
    xs: tuple[Floats, Floats], ys: tuple[Floats, Floats], min_overlap: float, what: str
) -> BDResult:
    """Return the mean of y over x, test - anchor, unconverted."""
    from scipy.interpolate import PchipInterpolator

    lows, highs = (xs[0][0], xs[1][0]), (xs[0][-1], xs[1][-1])
    low, high = float(max(lows)), float(min(highs))
    overlap = max(high - low, 0.0) / float(max(highs) - min(lows))
    if overlap == 0:
        return BDResult(overlap=overlap, refusal=f"the curves share no {what}")
    if overlap < min_overlap:
        refusal = (
            f"the curves share {100 * overlap:.1f} % of their range of {what}, "
            f"at least {100 * min_overlap:g} % is needed"
        )
        return BDResult(window=(low, high), overlap=overlap, refusal=refusal)
    akima = mean_difference(xs[0][None], ys[0][None], xs[1][None], ys[1][None])
    pchip, cubic = 0.0, 0.0
    for sign, x, y in zip((-1, 1), xs, ys, strict=True):
        pchip += sign * float(PchipInterpolator(x, y).integrate(low, high)) / (high - low)
        cubic += sign * _cubic_mean(x, y, low, high)
    return BDResult(
        akima=float(akima[0]), pchip=pchip, cubic=cubic, window=(low, high), overlap=overlap
    )


def _cubic_mean(x: Floats, y: Floats, low: float, high: float) -> float:
    """Return the mean over the window of the least-squares polynomial of third order.

    x is centred and scaled first; the fit is the same and its condition far better.
    """
    centre, scale = (low + high) / 2, float(x[-1] - x[0]) / 2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # nearly equal x: the fit stays defined
        fit = np.polyfit((x - centre) / scale, y, 3)
    whole = np.polyint(fit)
    half = (high - low) / (2 * scale)
    return float((np.polyval(whole, half) - np.polyval(whole, -half)) / (2 * half))


def _percent(log_ratio: Floats) -> Floats:
    return np.asarray(100 * np.expm1(np.log(10) * log_ratio))


def _ordered(rate: Floats, quality: Floats) -> tuple[Floats, Floats]:
    """Return log rate and quality, points of each row sorted by rate: (B, P) each."""
    with np.errstate(divide="ignore", invalid="ignore"):
        log_rate = np.log10(rate)
    order = np.argsort(log_rate, axis=-1)
    return np.take_along_axis(log_rate, order, -1), np.take_along_axis(quality, order, -1)
