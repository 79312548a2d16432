"""Metrics of a pair of images, of each sample and its target."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module

import numpy as np
from numpy.typing import NDArray

from harness.spec import Json, Ref
from harness_plugins.codec.metrics.aggregates import CAP_DB
from harness_plugins.generative.interface import InvalidOutputError
from harness_plugins.generative.samples import Samples

__all__ = ["of_samples"]


def of_samples(
    metric: Ref, params: Mapping[str, Json]
) -> Callable[[Samples, Samples], NDArray[np.float64]]:
    """Make a metric of two images one of samples: of videos and views the mean over images.

    Args:
        metric: a factory of the codec family's, whose metric takes two uint8 (H, W, 3) images.
        params: its keywords.

    Returns:
        A callable from the targets and what was made to a score for each sample (n,). A score
        without end, the decibels of an image without error, counts as 100. It raises
        ``InvalidOutputError`` where the two do not fit, and whatever the metric raises.
    """
    module, _, name = metric.partition(":")
    measure = getattr(import_module(module), name)(**params)

    def scores(targets: Samples, made: Samples) -> NDArray[np.float64]:
        wanted, given = targets.sequences, made.sequences
        if wanted.shape != given.shape:
            raise InvalidOutputError(
                f"samples of the shape {given.shape} were made, their targets have {wanted.shape}"
            )
        values = [
            np.mean([min(measure(x, y), CAP_DB) for x, y in zip(one, other, strict=True)])
            for one, other in zip(wanted, given, strict=True)
        ]
        return np.array(values)

    return scores
