"""What is measured of renderings besides the distance of pixels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from harness_plugins.generative.interface import InvalidOutputError
from harness_plugins.generative.samples import Samples
from harness_plugins.generative.views.scenes import silhouettes

__all__ = ["silhouette_iou", "views_given"]

Floats = NDArray[np.float64]
_LEVELS = 32  # below white, from which on a pixel shows the object: a quarter of a dark one


def silhouette_iou() -> Callable[[Samples, Samples], Floats]:
    """Make the intersection over union of silhouettes, of each sample (n,); 0…1.

    A pixel shows the object where some channel is 32 levels and more below white. The callable
    takes the truth and the renderings; of several views of an object it is their mean. Where
    neither picture shows anything it is 1. It raises ``InvalidOutputError`` where the two are of
    different shapes.
    """

    def scores(truth: Samples, renderings: Samples) -> Floats:
        wanted, given = truth.sequences, renderings.sequences
        if wanted.shape != given.shape:
            raise InvalidOutputError(
                f"views of the shape {given.shape} were rendered, the truth has {wanted.shape}"
            )
        there, shown = silhouettes(wanted, _LEVELS), silhouettes(given, _LEVELS)
        both = np.count_nonzero(there & shown, axis=(2, 3))
        either = np.count_nonzero(there | shown, axis=(2, 3))
        overlap = np.divide(both, either, out=np.ones(both.shape), where=either > 0)
        found: Floats = overlap.mean(axis=1)
        return found

    return scores


def views_given() -> Callable[[Samples], Floats]:
    """Make the number of views that the model was given, of each sample (n,)."""
    return lambda renderings: np.full(len(renderings), float(renderings.settings["views"]))
