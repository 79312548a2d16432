"""The visual hull: the largest solid that has the known silhouettes, painted with the views.

Laurentini, "The visual hull concept for silhouette-based image understanding", IEEE TPAMI 1994.
A voxel stays where every known view shows the object. A ray of the target takes the colour of the
known view that sees its point, of those that do the one that has to turn least.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from harness import span
from harness_plugins.generative.views.cameras import Floats, project, rays, turns
from harness_plugins.generative.views.scenes import silhouettes

__all__ = ["VisualHull"]

Array = NDArray[np.uint8]
Solid = NDArray[np.bool_]
_AT_ONCE = 8192  # rays; it changes no number


class VisualHull:
    """Carves and paints.

    Args:
        voxels: along each side of the cube.
        samples: squared, the rays of a pixel.
        levels: below white, in some channel, from which on a pixel shows the object: best half
            the contrast of the object, so that a pixel counts that it half covers.
    """

    def __init__(self, voxels: int, samples: int, levels: int) -> None:
        self._voxels, self._samples, self._levels = voxels, samples, levels

    def render(
        self,
        views: Array,
        poses: Floats,
        intrinsics: Floats,
        target_poses: Floats,
        _seed: int,
        _point: Mapping[str, object],
    ) -> Array:
        """Return the pictures of the painted hull, on white."""
        with span("carve"):
            solid = self._carved(views, poses, intrinsics)
        size = views.shape[1:3]
        reached = [self._depths(solid, pose, rays(pose, intrinsics, size)[:, 0]) for pose in poses]
        depths = np.stack(reached).reshape(len(poses), *size)
        found = np.empty((len(target_poses), *views.shape[1:]), np.uint8)
        for number, target in enumerate(target_poses):
            directions = rays(target, intrinsics, size, self._samples)
            flat = directions.reshape(-1, 3)
            depth = self._depths(solid, target, flat)
            hit = np.isfinite(depth)
            colours = np.full(flat.shape, 255.0)
            points = target[:3, 3] + depth[hit, None] * flat[hit]
            order = np.argsort(turns(poses, target), kind="stable")
            colours[hit] = self._painted(points, order, views, poses, intrinsics, depths)
            mean = colours.reshape(directions.shape).mean(axis=1)
            found[number] = np.rint(mean).reshape(views.shape[1:])
        return found

    def _carved(self, views: Array, poses: Floats, intrinsics: Floats) -> Solid:
        """Return (n, n, n): what every view shows; outside of a picture there is nothing."""
        n = self._voxels
        side = (np.arange(n) + 0.5) / n - 0.5
        places = np.stack(np.meshgrid(side, side, side, indexing="ij"), axis=-1).reshape(-1, 3)
        left = np.arange(n**3)
        for shown, pose in zip(silhouettes(views, self._levels), poses, strict=True):
            pixels, depth = project(places[left], pose, intrinsics)
            row, column, inside = _at(pixels, depth, shown.shape)
            left = left[inside][shown[row[inside], column[inside]]]
        solid = np.zeros(n**3, bool)
        solid[left] = True
        return solid.reshape(n, n, n)

    def _depths(self, solid: Solid, pose: Floats, directions: Floats) -> Floats:
        """Return the depth at which each ray (r, 3) enters the solid, infinite where it does not.

        Rays take steps of one voxel's side, between the nearest and the farthest voxel.
        """
        n = self._voxels
        there = np.argwhere(solid)
        found = np.full(len(directions), np.inf)
        if not len(there):
            return found
        away = ((there + 0.5) / n - 0.5 - pose[:3, 3]) @ pose[:3, 2]
        depth = np.arange(max(away.min() - 1 / n, 1 / n), away.max() + 1 / n, 1 / n)
        start = (pose[:3, 3] + 0.5) * n
        for begin in range(0, len(directions), _AT_ONCE):
            part = slice(begin, begin + _AT_ONCE)
            # Casting cuts towards 0; what lies just outside of the cube must not fall into it.
            along = depth[:, None, None] * (directions[part] * n)
            index = (start + n + along).astype(np.int32) - n
            within = (index.min(axis=-1) >= 0) & (index.max(axis=-1) < n)
            x, y, z = np.moveaxis(np.where(within[..., None], index, 0), -1, 0)
            met = within & solid[x, y, z]
            found[part] = np.where(met.any(axis=0), depth[met.argmax(axis=0)], np.inf)
        return found

    def _painted(
        self,
        points: Floats,
        order: NDArray[np.intp],
        views: Array,
        poses: Floats,
        intrinsics: Floats,
        depths: Floats,
    ) -> Floats:
        """Return colours (p, 3): of the first view in order that sees a point, or of the first."""
        colours = np.empty(points.shape)
        bare = np.ones(len(points), bool)
        shown = silhouettes(views, self._levels)
        for seen_by in (True, False):
            for view in order:
                pixels, depth = project(points, poses[view], intrinsics)
                row, column, inside = _at(pixels, depth, depths.shape[1:])
                usable = bare & inside & shown[view, row, column]
                if seen_by:
                    usable &= depth < depths[view, row, column] + 2 / self._voxels
                colours[usable] = views[view, row[usable], column[usable]]
                bare &= ~usable
        colours[bare] = 255.0
        return colours


def _at(
    pixels: Floats, depth: Floats, size: tuple[int, ...]
) -> tuple[NDArray[np.intp], NDArray[np.intp], Solid]:
    """Return row and column of places in a picture, and whether they are in it."""
    column, row = (np.floor(pixels[..., axis]).astype(np.intp) for axis in (0, 1))
    inside = (depth > 0) & (row >= 0) & (row < size[0]) & (column >= 0) & (column < size[1])
    return np.where(inside, row, 0), np.where(inside, column, 0), inside
