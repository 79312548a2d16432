"""Scores over all numbers of views that a model was given.

The operating points of a row are its numbers of views; scores are on the same objects at each, and
so are their replicates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from harness import stats
from harness.spec import Curve, DerivedScore

__all__ = ["gain_of_views", "mean_over_views"]

Floats = NDArray[np.float64]
_NAN = float("nan")


def mean_over_views(
    curves: Sequence[Curve], _anchor: str | None, *, name: str, metric: str
) -> Iterator[DerivedScore]:
    """Yield the mean of a metric over the numbers of views, each number counting the same."""
    return _combined(curves, name, metric, "mean over views", _mean)


def gain_of_views(
    curves: Sequence[Curve], _anchor: str | None, *, name: str, metric: str
) -> Iterator[DerivedScore]:
    """Yield a metric with the most views less that with the fewest."""
    return _combined(curves, name, metric, "most views - fewest", _last_less_first)


def _mean(points: Floats) -> Floats:
    found: Floats = points.mean(axis=0)
    return found


def _last_less_first(points: Floats) -> Floats:
    found: Floats = points[-1] - points[0]
    return found


def _combined(
    curves: Sequence[Curve],
    name: str,
    metric: str,
    what: str,
    combine: Callable[[Floats], Floats],
) -> Iterator[DerivedScore]:
    """Yield what ``combine`` makes of the points (P, ...) of each curve, fewest views first."""
    for curve in curves:
        views = [point.get("views") for point in curve.points]
        said = ",".join(sorted(map(str, views)))
        signature = f"{metric}|{what}|views:{said}|same objects|v1"
        refusal = _refusal(curve, metric, views)
        if refusal:
            yield DerivedScore(
                entry=curve.entry, name=name, value=_NAN, signature=signature, refusal=refusal
            )
            continue
        order = np.argsort(np.array(views, np.int64))
        scores = curve.scores[metric][order]
        value = float(combine(curve.aggregate[metric](scores)))
        replicates = combine(stats.curve_replicates(curve, metric)[order])
        low, high = stats.crossed_interval(
            replicates, value, len(curve.items), curve.seed_resamples
        )
        yield DerivedScore(
            entry=curve.entry,
            name=name,
            value=value,
            signature=signature,
            low=float(low),
            high=float(high),
            replicates=replicates,
            per_item=dict(zip(curve.items, combine(scores).tolist(), strict=True)),
        )


def _refusal(curve: Curve, metric: str, views: Sequence[object]) -> str:
    if (
        len(views) < 2
        or len(set(views)) < len(views)
        or not all(isinstance(v, int) for v in views)
    ):
        return "its operating points are not several numbers of views"
    lacking = int(np.isnan(curve.scores[metric]).any(axis=0).sum())
    if lacking:
        return f"{lacking} of {len(curve.items)} objects lack a score at some number of views"
    return ""
