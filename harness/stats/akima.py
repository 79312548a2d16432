"""Akima's interpolation of many curves at once, as an integral over a window."""

from __future__ import annotations

import numpy as np

from harness.stats.bootstrap import Floats

__all__ = ["akima_integral", "mean_difference"]

MIN_POINTS = 4


def mean_difference(
    x_anchor: Floats, y_anchor: Floats, x_test: Floats, y_test: Floats, min_overlap: float = 0.0
) -> Floats:
    """Return the mean of y_test - y_anchor over the shared x: (B, P) and (B, Q) to (B,)."""
    valid = np.ones(len(x_anchor), bool)
    for x, y in ((x_anchor, y_anchor), (x_test, y_test)):
        valid &= x.shape[1] >= MIN_POINTS
        valid &= np.all(np.isfinite(x) & np.isfinite(y), axis=1)
        with np.errstate(invalid="ignore"):
            valid &= np.all((np.diff(x) > 0) & (np.diff(y) > 0), axis=1)
    x_a, y_a, x_t, y_t = x_anchor[valid], y_anchor[valid], x_test[valid], y_test[valid]
    result = np.full(len(x_anchor), np.nan)
    if not len(x_a):
        return result
    low = np.maximum(x_a[:, 0], x_t[:, 0])
    high = np.minimum(x_a[:, -1], x_t[:, -1])
    whole = np.maximum(x_a[:, -1], x_t[:, -1]) - np.minimum(x_a[:, 0], x_t[:, 0])
    width = np.maximum(high - low, 0.0)
    difference = akima_integral(x_t, y_t, low, high) - akima_integral(x_a, y_a, low, high)
    fits = (width > 0) & (width / whole >= min_overlap)
    mean = np.divide(difference, width, out=np.full(len(width), np.nan), where=fits)
    result[valid] = mean
    return result


def akima_integral(x: Floats, y: Floats, low: Floats, high: Floats) -> Floats:
    """Integrate Akima's interpolation (J. ACM 17, 1970) of each row from low to high.

    x, y are (B, P), x strictly increasing; low, high are (B,) inside the range of x. Where the
    slope at a point is undefined it is the mean of its neighbours', as in SciPy.
    """
    h = np.diff(x)
    slope = np.diff(y) / h
    m = np.empty((len(x), x.shape[1] + 3))
    m[:, 2:-2] = slope
    for edge, one, two in ((1, 2, 3), (0, 1, 2), (-2, -3, -4), (-1, -2, -3)):
        m[:, edge] = 2 * m[:, one] - m[:, two]
    change = np.abs(np.diff(m))
    left, right = change[:, :-2], change[:, 2:]
    weight = left + right
    defined = weight > 1e-9 * weight.max(axis=1, keepdims=True)
    share = np.divide(left, weight, out=np.zeros_like(weight), where=defined)
    sloped = m[:, 1:-2] + share * (m[:, 2:-1] - m[:, 1:-2])
    t = np.where(defined, sloped, (m[:, 3:] + m[:, :-3]) / 2)
    # Hermite pieces in s = x - x_k: y + t s + c s^2 + d s^3, integrated between clipped ends.
    c = (3 * slope - 2 * t[:, :-1] - t[:, 1:]) / h
    d = (t[:, :-1] + t[:, 1:] - 2 * slope) / h**2

    def until(end: Floats) -> Floats:
        s = np.clip(end[:, None] - x[:, :-1], 0, h)
        return np.asarray(s * (y[:, :-1] + s * (t[:, :-1] / 2 + s * (c / 3 + s * d / 4))))

    return np.asarray(np.sum(until(high) - until(low), axis=1))
