"""Metrics of whole sets as a task's metrics: features in, a signed score out.

Each factory returns a callable from the features of the generated images, a list of float32
(block, d) arrays in the order of the items, and those of the reference, (m, d). Its score holds
what every generated image adds, so that the board resamples images and compares models in pairs
of prompts and seeds; and the numbers of images on both sides, since all of these change with them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.spec import Signed
from harness_plugins.generative.metrics import frechet, kernel, manifold
from harness_plugins.generative.metrics.features import Floats
from harness_plugins.generative.metrics.floor import floor

__all__ = ["coverage", "density", "fid", "fid_floor", "kid", "precision", "recall"]

Blocks = Sequence[NDArray[Any]]
SetMetric = Callable[[Blocks, NDArray[Any]], Signed]
_SPLITS = 10


def fid() -> SetMetric:
    """Make FID (:func:`.frechet.fid`), unranked where a set has fewer images than features."""

    def measure(features: Blocks, reference: NDArray[Any]) -> Signed:
        found = frechet.fid(np.concatenate(features), reference)
        return _signed(found.value, found.influences, features, reference, found.note)

    return measure


def kid() -> SetMetric:
    """Make KID (:func:`.kernel.kid`)."""

    def measure(features: Blocks, reference: NDArray[Any]) -> Signed:
        found = kernel.kid(np.concatenate(features), reference)
        return _signed(found.value, found.influences, features, reference)

    return measure


def precision() -> SetMetric:
    """Make the share of generated images inside a ball of the reference (:mod:`.manifold`)."""
    return _of_manifold("precision")


def recall() -> SetMetric:
    """Make the share of reference images inside a ball of the generated (:mod:`.manifold`)."""
    return _of_manifold("recall")


def density() -> SetMetric:
    """Make the number of reference balls that hold a generated image, by k (:mod:`.manifold`)."""
    return _of_manifold("density")


def coverage() -> SetMetric:
    """Make the share of reference balls that hold a generated image (:mod:`.manifold`)."""
    return _of_manifold("coverage")


def fid_floor() -> Callable[[Blocks, NDArray[Any], NDArray[Any]], Signed]:
    """Make FID of real images against real ones, at the numbers at which FID is measured.

    The callable takes the features of the generated images, of which only the number matters, of
    the reference, and of further real images (r, d). Reference and further ones are split 10
    times, always in the same way, into as many as were generated and as many as the reference
    has; the score is the mean, its replicates are the splits.

    It raises ``FeaturesError`` where there are fewer further images than generated ones: there is
    no floor at these numbers then.
    """

    def measure(features: Blocks, reference: NDArray[Any], further: NDArray[Any]) -> Signed:
        n, m = sum(map(len, features)), len(reference)
        real = np.concatenate([reference, further])
        found = floor(real, n, m, frechet.frechet_distance, _SPLITS)
        return Signed(
            value=found.value,
            how=f"n:{n}/{m}|splits:{_SPLITS}",
            replicates=tuple(map(float, found.values)),
            n=_SPLITS,
            note=f"{found.low:.4g} to {found.high:.4g} in {_SPLITS} splits of {len(real)} images",
            unranked="of the data, not of a model",
        )

    return measure


def _of_manifold(name: str) -> SetMetric:
    def measure(features: Blocks, reference: NDArray[Any]) -> Signed:
        found = getattr(manifold.manifold(np.concatenate(features), reference), name)
        return _signed(found.value, found.influences, features, reference)

    return measure


def _signed(
    value: float,
    influences: Floats | None,
    features: Blocks,
    reference: NDArray[Any],
    unranked: str = "",
) -> Signed:
    assert influences is not None  # the generated side is features, never moments
    sizes = [len(block) for block in features]
    parts = np.split(influences, np.cumsum(sizes)[:-1])
    return Signed(
        value=value,
        how=f"n:{sum(sizes)}/{len(reference)}",
        n=sum(sizes),
        influences=tuple(tuple(map(float, part)) for part in parts),
        unranked=unranked,
    )
