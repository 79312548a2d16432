"""Six orthographic views of a solid in the volume [-1, 1]³: their axes, and their silhouettes.

Axes are right-handed: x to the right, y away from the viewer of the front, z up. Each camera
stands on an axis outside of the volume, looks at the origin, and sees the whole volume:

======  =========  =====  ======
view    stands at  right  up
======  =========  =====  ======
front   -y         +x     +z
back    +y         -x     +z
left    -x         -y     +z
right   +x         +y     +z
top     +z         +x     +y
bottom  -z         +x     -y
======  =========  =====  ======

So ``left`` is what stands at the left of the front view, and top and bottom unfold from the front
view as the sides of a box do. Opposite views look along the same lines: silhouettes of front and
back, and of left and right, are mirror images left to right, those of top and bottom top to
bottom.

Pixel (row r, column c) of a view of n × n pixels is the line through its centre: at
``2 (c + 1/2) / n - 1`` along ``right`` and ``1 - 2 (r + 1/2) / n`` along ``up``.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["BACKGROUND", "VIEWS", "Camera", "silhouettes"]

#: Colour of the pixels that show nothing.
BACKGROUND = (255, 255, 255)

_SEEN = 64.0  # distance from the background in RGB, from which on a pixel shows something


class Camera(NamedTuple):
    """Unit vectors of a view; what it looks along is ``forward``."""

    right: tuple[int, int, int]
    up: tuple[int, int, int]
    forward: tuple[int, int, int]


#: The views in their order.
VIEWS: dict[str, Camera] = {
    "front": Camera((1, 0, 0), (0, 0, 1), (0, 1, 0)),
    "back": Camera((-1, 0, 0), (0, 0, 1), (0, -1, 0)),
    "left": Camera((0, -1, 0), (0, 0, 1), (1, 0, 0)),
    "right": Camera((0, 1, 0), (0, 0, 1), (-1, 0, 0)),
    "top": Camera((1, 0, 0), (0, 1, 0), (0, 0, -1)),
    "bottom": Camera((1, 0, 0), (0, -1, 0), (0, 0, 1)),
}


def silhouettes(views: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return where views (…, H, W, 3) show something: (…, H, W).

    A pixel does where it is farther from the background than 64 levels, by the Euclidean distance
    in RGB: noise and rounding of a model are none, a pale colour is.
    """
    apart = views.astype(np.float64) - BACKGROUND
    found: NDArray[np.bool_] = (apart**2).sum(axis=-1) > _SEEN**2
    return found
