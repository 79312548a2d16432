"""Whether six views can be of one solid: what their silhouettes must have in common.

Two necessary conditions, exact for any solid, whatever it is:

- *mirror*: opposite views look along the same lines, so their silhouettes are mirror images. Of
  each of the three pairs the intersection over union counts.
- *extent*: each axis is seen by four views, which must agree on where along it the solid begins
  and ends. Of each of the three axes the pair of views counts that agrees least: 1 less the
  distance of their beginnings and of their ends over the length of both together. A pixel on
  either side is free, since views sample the solid at the centres of pixels.

The consistency is the mean of these six numbers: 1 for the views of any solid, 0 where nothing is
seen. It says nothing about colours. For a whole theory of when silhouettes agree see Laurentini,
The visual hull concept for silhouette-based image understanding, PAMI 1994.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from harness_plugins.generative.solids.hexaview import VIEWS, silhouettes

__all__ = ["consistency"]

Mask = NDArray[np.bool_]

_OPPOSITE = (("front", "back", 1), ("left", "right", 1), ("top", "bottom", 0))  # mirrored axis


def consistency(views: NDArray[np.uint8]) -> float:
    """Return how far six views (6, n, n, 3) can be of one solid, 0…1."""
    seen = dict(zip(VIEWS, silhouettes(views), strict=True))
    mirrors = [_overlap(seen[a], np.flip(seen[b], axis)) for a, b, axis in _OPPOSITE]
    extents = [_agreement([_extent(seen[name], name, axis) for name in seen]) for axis in range(3)]
    return float(np.mean([*mirrors, *extents]))


def _overlap(a: Mask, b: Mask) -> float:
    either = np.count_nonzero(a | b)
    return np.count_nonzero(a & b) / either if either else 0.0


def _extent(seen: Mask, view: str, axis: int) -> tuple[int, int] | None:
    """Return the first pixel and the one after the last along an axis of the volume.

    None where the view does not see the axis; (0, 0) where it sees nothing.
    """
    camera = VIEWS[view]
    if camera.right[axis]:
        along, forwards = seen.any(axis=0), camera.right[axis] > 0
    elif camera.up[axis]:
        along, forwards = seen.any(axis=1), camera.up[axis] < 0  # rows count downwards
    else:
        return None
    places = np.flatnonzero(along if forwards else along[::-1])
    return (int(places[0]), int(places[-1]) + 1) if len(places) else (0, 0)


def _agreement(extents: list[tuple[int, int] | None]) -> float:
    """Return how far the views that see an axis agree on it: that of the two that do least."""
    seen = [extent for extent in extents if extent is not None]
    return min(_agree(a, b) for a, b in combinations(seen, 2))


def _agree(a: tuple[int, int], b: tuple[int, int]) -> float:
    if a[0] == a[1] or b[0] == b[1]:
        return 0.0
    apart = sum(max(0, abs(end - other) - 1) for end, other in zip(a, b, strict=True))
    return max(0.0, 1 - apart / (max(a[1], b[1]) - min(a[0], b[0])))
