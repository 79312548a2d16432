"""Average precision with real pictures, with generated ones besides, and what they add.

Each is of the whole test and tells what every scene adds to it. The gain is of the same scenes and
of detectors that began alike, so its interval knows that both ends of it move together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.spec import Signed
from harness_plugins.generative.downstream.precision import (
    average_precision,
    influences,
    matched,
)

__all__ = ["ap", "ap_gain"]

Truths = Sequence[Mapping[str, Any]]
Founds = Sequence[Mapping[str, Any]]
Floats = NDArray[np.float64]


def ap(*, rare: bool) -> Callable[[Truths, Founds], Signed]:
    """Make the average precision at an IoU of 0.5, in percent.

    Args:
        rare: of the rare class alone, or the mean over all classes.
    """

    def measure(truths: Truths, founds: Founds) -> Signed:
        return _signed([_measured(t, f, rare) for t, f in zip(truths, founds, strict=True)])

    return measure


def ap_gain(*, rare: bool) -> Callable[[Truths, Founds, Founds], Signed]:
    """Make the average precision of the second detections less that of the first, in percent."""

    def measure(truths: Truths, before: Founds, after: Founds) -> Signed:
        parts = []
        for truth, first, second in zip(truths, before, after, strict=True):
            low, of_low = _measured(truth, first, rare)
            high, of_high = _measured(truth, second, rare)
            parts.append((high - low, of_high - of_low))
        return _signed(parts)

    return measure


def _measured(
    truth: Mapping[str, Any], found: Mapping[str, Any], rare: bool
) -> tuple[float, Floats]:
    """Return the score of an item, and what each of its scenes adds to it."""
    there = np.unique(truth["labels"])
    labels = [int(truth["rare"])] if rare else there.tolist()
    if not np.isin(labels, there).all():
        raise ValueError("no scene of the test has the rare class")
    matches = [matched(truth, found, label) for label in labels]
    value = float(np.mean([average_precision(m) for m in matches]))
    return 100 * value, 100 * np.mean([influences(m) for m in matches], axis=0)


def _signed(parts: Sequence[tuple[float, Floats]]) -> Signed:
    """Return the mean over items, which have as many scenes each."""
    values = [value for value, _ in parts]
    count = sum(len(own) for _, own in parts)
    mean = float(np.mean(values))
    return Signed(
        value=mean,
        how=f"scenes:{count}",
        n=count,
        influences=tuple(tuple((value - mean + own).tolist()) for value, own in parts),
    )
