"""Baselines that know nothing of shapes: the nearest known view, and a blend of all."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from harness_plugins.generative.views.cameras import Floats, turns

__all__ = ["BlendedViews", "NearestView"]

Array = NDArray[np.uint8]
_LEAST = 1e-6  # radians: a view nearer than that is the one that is asked for


class NearestView:
    """Gives the known view whose camera has to turn least, as it is."""

    def render(
        self,
        views: Array,
        poses: Floats,
        _intrinsics: Floats,
        target_poses: Floats,
        _seed: int,
        _point: Mapping[str, object],
    ) -> Array:
        """Return copies; of two views that are equally near, the first."""
        return views[[int(turns(poses, target).argmin()) for target in target_poses]]


class BlendedViews:
    """Gives the mean of all known views, weighted by the inverse square of the angles to them.

    Shepard's interpolation ("A two-dimensional interpolation function for irregularly-spaced
    data", ACM 1968) with the angle between cameras for a distance: it is exact at the known
    poses, and moves no pixel.
    """

    def render(
        self,
        views: Array,
        poses: Floats,
        _intrinsics: Floats,
        target_poses: Floats,
        _seed: int,
        _point: Mapping[str, object],
    ) -> Array:
        """Return the blends, rounded to the nearest level."""
        angles = np.stack([turns(poses, target) for target in target_poses])
        weights = np.where(angles < _LEAST, 1e18, np.maximum(angles, _LEAST) ** -2)
        weights /= weights.sum(axis=1, keepdims=True)
        blended = np.tensordot(weights, views.astype(np.float64), axes=1)
        return np.rint(blended).astype(np.uint8)
