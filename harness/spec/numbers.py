"""Numbers that pass between a family and the core: curves, derived and published scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from harness.spec.words import Better, Json

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["ANY_DATASET", "Curve", "DerivedScore", "PublishedScore", "Signed"]

ANY_DATASET = "*"


@dataclass(frozen=True, slots=True)
class Signed:
    """A score that tells itself how it was made and how sure it is; a metric may return one.

    Attributes:
        how: appended to the metric's signature: shapes, hardware, versions, number of calls.
        replicates: bootstrap replicates of the value (any number of them), where the metric
            alone knows what to resample, e.g. the calls of a timing; the board's interval. The
            value alone, once, says that it is exact: counted, not measured.
        n: how many things were resampled for them.
        influences: of the score of a whole set: what each element adds to the value, a tuple for
            each item, of mean 0 over all (the infinitesimal jackknife; Efron 1982). The board
            resamples elements by them, the same ones for every row, so that rows are compared in
            pairs of elements.
        note: what a reader must know, shown with the number.
        unranked: why it is shown, with its interval, and never ranked.
    """

    value: float
    how: str = ""
    replicates: tuple[float, ...] = ()
    n: int = 0
    influences: tuple[tuple[float, ...], ...] = ()
    note: str = ""
    unranked: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedScore:
    """One number that was not measured here; it never stands in a ranking of what was.

    Attributes:
        dataset: ``ANY_DATASET`` for a number that belongs to none, e.g. a published latency: it
            stands in a column of its own on every board that asks for its model by name.
        position: orders the points of a curve.
        item: None for a number over a whole set.
        joins: it is about what was measured here, e.g. people's votes on it: it stands in the row
            called ``model``, in a column of its own, not in a row of quoted numbers.
        replicates: bootstrap replicates of the value, for its interval; ``n`` what was resampled.
        better: which direction is good.
        source: where it is from, where a file quotes several.
    """

    model: str
    dataset: str
    metric: str
    value: float
    position: int = 0
    item: str | None = None
    signature: str = "published"
    unit: str = ""
    joins: bool = False
    replicates: tuple[float, ...] = ()
    n: int = 0
    better: Better = "none"
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """All item scores of one entry of the board, on one dataset.

    Attributes:
        entry: label of the row.
        model, params, variant: what the row is made of; "" and none of a published one.
        points: P operating points, in suite order.
        items: N item ids, the same for every curve of a call.
        scores: metric name to a float64 array (P, N), the mean over seeds; NaN where there is
            no score.
        by_seed: metric name to the same scores before averaging, (S, P, N); S is 1 where
            nothing was repeated under several seeds.
        aggregate: metric name to a function over the last axis.
        resamples: (B, N) item indices of the bootstrap, shared by all curves, so that
            comparisons are paired.
        seed_resamples: (B, S) seed indices, drawn for this entry alone: the training runs of
            two models have nothing in common. :func:`harness.stats.curve_replicates` uses both.
    """

    entry: str
    points: tuple[Mapping[str, Json], ...]
    items: tuple[str, ...]
    scores: Mapping[str, NDArray[np.float64]]
    aggregate: Mapping[str, Any]
    resamples: NDArray[np.intp]
    by_seed: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    seed_resamples: NDArray[np.intp] | None = None
    model: str = ""
    params: Mapping[str, Json] = field(default_factory=dict)
    variant: str = "base"


@dataclass(frozen=True, slots=True, kw_only=True)
class DerivedScore:
    """A derived score of one entry, or the reason why there is none.

    Attributes:
        value: NaN where ``refusal`` says why.
        replicates: (B,) bootstrap replicates on the shared resamples, or None.
        per_item: item id to the same score on that item alone.
        details: numbers that belong to it, e.g. other interpolations, window, overlap.
    """

    entry: str
    name: str
    value: float
    signature: str
    low: float = float("nan")
    high: float = float("nan")
    refusal: str = ""
    replicates: NDArray[np.float64] | None = None
    per_item: Mapping[str, float] = field(default_factory=dict)
    details: Mapping[str, Json] = field(default_factory=dict)
