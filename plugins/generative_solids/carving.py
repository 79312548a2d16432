"""Six views to a mesh: what silhouettes and colours leave of a block of voxels.

First the visual hull, the largest solid with the given silhouettes (Laurentini, The visual hull
concept for silhouette-based image understanding, PAMI 1994); then, as long as two views see one
voxel in different colours, it cannot be part of the solid and is carved away (Kutulakos and Seitz,
A theory of shape by space carving, IJCV 2000). The surface is found by marching cubes, and each
face has the colour of the view that faces it most of those that see it.
"""

from __future__ import annotations

import numpy as np
import trimesh
from numpy.typing import NDArray
from scipy import ndimage
from skimage import measure

from harness_plugins.generative.interface import InvalidOutputError
from harness_plugins.generative.solids.hexaview import BACKGROUND, VIEWS, Camera

__all__ = ["carve", "occupancy"]

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

_EDGE = 64.0  # distance from the background in RGB where the surface is: half of full occupancy
_DIFFERENT = 150.0  # distance in RGB from which on two views do not see the same


def carve(views: NDArray[np.uint8]) -> trimesh.Trimesh:
    """Return the coloured solid of six views (6, n, n, 3), a watertight mesh in [-1, 1]³.

    Raises:
        InvalidOutputError: the silhouettes have no point in common.
    """
    hull = occupancy(views)
    if hull.max() <= 0.5:
        raise InvalidOutputError("nothing is left of the hull: the silhouettes do not meet")
    filled = np.stack([_filled(image) for image in views])
    inside = _consistent(hull > 0.5, filled)
    vertices, faces, _, _ = measure.marching_cubes(
        np.pad(np.where(inside, hull, hull.clip(max=0.25)), 1),
        level=0.5,
        gradient_direction="ascent",
        allow_degenerate=False,
    )
    mesh = trimesh.Trimesh((vertices - 0.5) * 2 / len(inside) - 1, faces, process=True)
    mesh.visual.face_colors = _colours(mesh, filled, inside)
    return mesh


def occupancy(views: NDArray[np.uint8]) -> Floats:
    """Return how far voxels belong to the visual hull, (n, n, n) along x, y and z, 0…1.

    A pixel counts as seen by half where it is 64 levels from the background, and fully from twice
    that on. Opposite views vote together, by their mean; the least of the three pairs decides.
    """
    apart = np.linalg.norm(views.astype(np.float64) - BACKGROUND, axis=-1)
    seen = (apart / (2 * _EDGE)).clip(0, 1)
    size = seen.shape[1]
    grids = []
    for image, camera in zip(seen, VIEWS.values(), strict=True):
        grid = np.empty((size, size, size))
        _turned(grid, camera)[...] = image[..., None]
        grids.append(grid)
    hull: Floats = np.min([(a + b) / 2 for a, b in zip(grids[::2], grids[1::2], strict=True)], 0)
    return hull


def _turned(grid: NDArray[np.generic], camera: Camera) -> NDArray[np.generic]:
    """Return a grid (x, y, z, …) as a camera sees it: a view of (row, column, depth, …)."""
    axes = [int(np.flatnonzero(axis)[0]) for axis in (camera.up, camera.right, camera.forward)]
    signs = (-sum(camera.up), sum(camera.right), sum(camera.forward))  # rows count downwards
    turned = grid.transpose(*axes, *range(3, grid.ndim))
    return turned[tuple(slice(None, None, sign) for sign in signs)]


def _consistent(inside: Mask, views: NDArray[np.uint8]) -> Mask:
    """Return what is left where no voxel is seen in different colours."""
    inside = inside.copy()
    while True:
        seen = np.full((len(VIEWS), *inside.shape, 3), np.nan)
        for colours, image, camera in zip(seen, views, VIEWS.values(), strict=True):
            turned, there = _turned(colours, camera), _turned(inside, camera)
            rows, columns = np.nonzero(there.any(axis=2))
            first = there.argmax(axis=2)[rows, columns]
            turned[rows, columns, first] = image[rows, columns]
        low, high = np.fmin.reduce(seen), np.fmax.reduce(seen)
        wrong = inside & (np.nan_to_num(np.linalg.norm(high - low, axis=-1)) > _DIFFERENT)
        if not wrong.any() or np.array_equal(wrong, inside):
            return inside
        inside &= ~wrong


def _colours(mesh: trimesh.Trimesh, views: NDArray[np.uint8], inside: Mask) -> NDArray[np.uint8]:
    """Return a colour for each face.

    A view sees a face that lies within a voxel and a half of the first voxel on its way. What no
    view sees has the colour of the view that faces it most.
    """
    size = len(inside)
    centres, normals = mesh.triangles_center, mesh.face_normals
    weights, colours = [], []
    for image, camera in zip(views, VIEWS.values(), strict=True):
        right, up, forward = np.array(camera, np.float64)
        column, row = _place(centres @ right, size), _place(-(centres @ up), size)
        there = _turned(inside, camera)
        first = np.where(there.any(axis=2), there.argmax(axis=2), size)[row, column]
        facing = (-(normals @ forward)).clip(0)
        sees = (centres @ forward + 1) * size / 2 <= first + 1.5
        weights.append(facing + (sees & (facing > 0)))
        colours.append(image[row, column])
    best = np.argmax(weights, axis=0)
    found: NDArray[np.uint8] = np.array(colours)[best, np.arange(len(best))]
    return found


def _place(along: Floats, size: int) -> NDArray[np.intp]:
    """Return the pixels of coordinates from -1 to 1."""
    return np.floor((along + 1) * size / 2).clip(0, size - 1).astype(np.intp)


def _filled(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a view whose background has the colour of the nearest pixel that shows something."""
    apart = np.linalg.norm(image.astype(np.float64) - BACKGROUND, axis=-1)
    shown = apart > 2 * _EDGE
    if not shown.any():
        return image
    rows, columns = ndimage.distance_transform_edt(
        ~shown, return_distances=False, return_indices=True
    )
    filled: NDArray[np.uint8] = image[rows, columns]
    return filled
