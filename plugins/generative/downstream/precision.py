"""Average precision of detections, and what each scene adds to it.

As COCO's evaluation has it at one overlap (Lin et al., Microsoft COCO, ECCV 2014; pycocotools): in
each scene and class, by falling score, a detection takes of the things that are left the one that
it overlaps most, if the IoU is 0.5 or more; precision is made to fall with recall, and is averaged
over the recalls 0, 0.01, … 1. Detections of equal score go by scene. There is no limit of
detections for a scene.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Matches", "average_precision", "influences", "matched"]

OVERLAP = 0.5
_RECALLS = np.linspace(0, 1, 101)

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Matches:
    """Detections of one class by falling score.

    Attributes:
        place: (k,) the scene of each.
        hit: (k,) whether it found a thing.
        there: (n,) how many things each scene has.
    """

    place: Ints
    hit: NDArray[np.bool_]
    there: Ints


def matched(truth: Mapping[str, Any], found: Mapping[str, Any], label: int) -> Matches:
    """Match the detections of a class with what is there.

    Args:
        truth: ``place``, ``boxes`` and ``labels`` of things, ``scenes`` how many scenes there are.
        found: ``place``, ``boxes``, ``labels`` and ``scores`` of detections.
        label: of the class.

    Raises:
        ValueError: a score or a box is not finite; one line.
    """
    numbers = (np.asarray(found["scores"]), np.asarray(found["boxes"]))
    if not all(np.isfinite(given).all() for given in numbers):
        raise ValueError("a detection's score or box is NaN or infinite")
    own, told = truth["labels"] == label, found["labels"] == label
    place, scores, boxes = (found[name][told] for name in ("place", "scores", "boxes"))
    where, things = truth["place"][own], truth["boxes"][own]
    hit, left = np.zeros(len(scores), bool), np.ones(len(things), bool)
    order = np.lexsort((place, -scores))
    for number in order:
        near = np.flatnonzero(left & (where == place[number]))
        overlaps = iou(boxes[number], things[near])
        if len(near) and overlaps.max() >= OVERLAP:
            hit[number] = True
            left[near[overlaps.argmax()]] = False
    there = np.bincount(where, minlength=int(truth["scenes"]))
    return Matches(place[order], hit[order], there)


def iou(box: NDArray[Any], others: NDArray[Any]) -> Floats:
    """Return the intersection over union of a box (4,) with others (k, 4)."""
    low = np.maximum(box[:2], others[:, :2])
    high = np.minimum(box[2:], others[:, 2:])
    both = np.clip(high - low, 0, None).prod(axis=1)
    whole = (box[2:] - box[:2]).prod() + (others[:, 2:] - others[:, :2]).prod(axis=1) - both
    return np.divide(both, whole, out=np.zeros(len(others)), where=whole > 0)


def average_precision(matches: Matches, weights: Floats | None = None) -> float:
    """Return the average precision, 0…1, each scene counting by its weight (n,).

    NaN where the scenes that count have nothing of the class.
    """
    counts = np.ones(len(matches.there)) if weights is None else weights
    total = float(counts @ matches.there)
    if total <= 0:
        return float("nan")
    weight = counts[matches.place]
    right, seen = np.cumsum(weight * matches.hit), np.cumsum(weight)
    precision = np.divide(right, seen, out=np.zeros(len(seen)), where=seen > 0)
    falling = np.maximum.accumulate(precision[::-1])[::-1]
    at = np.searchsorted(right / total, _RECALLS)
    return float(np.append(falling, 0.0)[at].mean())


def influences(matches: Matches) -> Floats:
    """Return what each scene adds to the average precision, (n,), of mean 0.

    The jackknife: n − 1 times what is lost where a scene is left out (Efron, The jackknife, the
    bootstrap and other resampling plans, 1982, ch. 3). Their variance by n is the squared error.
    """
    n = len(matches.there)
    weights = 1 - np.eye(n)
    without = np.array([average_precision(matches, row) for row in weights])
    without = np.where(np.isnan(without), average_precision(matches), without)
    found: Floats = (n - 1) * (without.mean() - without)
    return found
