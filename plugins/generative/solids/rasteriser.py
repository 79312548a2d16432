"""Six views of a mesh by a z-buffer in numpy: flat colours, no light, a known background."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import trimesh
from numpy.typing import NDArray

from harness_plugins.generative.solids.hexaview import BACKGROUND, VIEWS, Camera

__all__ = ["render"]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

_SLACK = 1e-9  # of pixels: a centre on an edge is covered, from either side
_AT_ONCE = 4_000_000  # pairs of a face and a pixel held in memory


def render(mesh: trimesh.Trimesh, size: int) -> NDArray[np.uint8]:
    """Return the six views of a mesh in the volume [-1, 1]³, uint8 (6, size, size, 3).

    A pixel has the colour of the nearest face that covers its centre, edges included; of faces at
    the same depth the first. Faces are seen from both sides, and those seen edge-on not at all.
    """
    colours = np.asarray(mesh.visual.face_colors, np.uint8)[:, :3]
    palette = np.vstack([colours, np.array([BACKGROUND], np.uint8)])
    triangles = np.asarray(mesh.triangles, np.float64)
    return np.stack([palette[_nearest(triangles, view, size)] for view in VIEWS.values()])


def _nearest(triangles: Floats, camera: Camera, size: int) -> Ints:
    """Return the number of the nearest face at each pixel, (size, size); -1 where none is."""
    seen = triangles @ np.array(camera, np.float64).T  # (F, 3 corners, right/up/forward)
    columns = (seen[..., 0] + 1) * size / 2 - 0.5
    rows = (1 - seen[..., 1]) * size / 2 - 0.5
    corners = np.stack([columns, rows], -1)
    nearest = np.full(size * size, -1, np.intp)
    depth = np.full(size * size, np.inf)
    for pairs in _candidates(corners, size):
        weights = _barycentric(corners[pairs[0]], pairs[1], size)
        covered = (weights >= -_SLACK).all(axis=1)
        faces, pixels = (part[covered] for part in pairs)
        depths = (weights[covered] * seen[faces, :, 2]).sum(axis=1)
        order = np.lexsort((faces, depths, pixels))
        at, first = np.unique(pixels[order], return_index=True)
        chosen = order[first]
        nearer = depths[chosen] < depth[at]
        nearest[at[nearer]] = faces[chosen][nearer]
        depth[at[nearer]] = depths[chosen][nearer]
    return nearest.reshape(size, size)


def _candidates(corners: Floats, size: int) -> Iterator[tuple[Ints, Ints]]:
    """Yield faces and the pixels of their bounding boxes, as pairs, some million at a time."""
    low = np.ceil(corners.min(axis=1) - _SLACK).clip(0, size).astype(np.intp)
    high = np.floor(corners.max(axis=1) + _SLACK).clip(-1, size - 1).astype(np.intp)
    widths, heights = (high - low + 1).clip(0).T
    faces = np.flatnonzero((widths * heights > 0) & (np.abs(_twice_area(corners)) > _SLACK))
    counts = (widths * heights)[faces]
    parts = np.cumsum(counts) // _AT_ONCE
    for part in np.unique(parts):
        here = parts == part
        own, count = faces[here], counts[here]
        face = np.repeat(own, count)
        place = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        row, column = np.divmod(place, widths[face])
        yield face, (low[face, 1] + row) * size + low[face, 0] + column


def _barycentric(corners: Floats, pixels: Ints, size: int) -> Floats:
    """Return the barycentric coordinates (P, 3) of pixel centres in triangles (P, 3, 2)."""
    rows, columns = np.divmod(pixels, size)
    point = np.stack([columns, rows], -1).astype(np.float64)
    of = [
        _cross(corners[:, after] - point, corners[:, last] - point)
        for after, last in ((1, 2), (2, 0), (0, 1))
    ]
    weights: Floats = np.stack(of, -1) / _twice_area(corners)[:, None]
    return weights


def _twice_area(corners: Floats) -> Floats:
    return _cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])


def _cross(a: Floats, b: Floats) -> Floats:
    found: Floats = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
    return found
