"""From RGB to YCbCr by ITU-R BT.709, and the 4:2:0 grid.

Full-range values are kept as floating-point numbers: rounding them to 8 bits would add an error
of its own (a round trip of Kodak through rounded 8-bit YCbCr has 53 dB, through truncated 43.7).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness_plugins.codec.metrics.pair import Image

__all__ = ["halve", "ycbcr", "yuv420p_limited"]

KR, KG, KB = 0.2126, 0.7152, 0.0722  # BT.709-6, 3.2
Plane = NDArray[np.float64]


def ycbcr(rgb: NDArray[Any]) -> tuple[Plane, Plane, Plane]:
    """Convert R'G'B' to Y'CbCr by BT.709, full range, unrounded.

    The conversion is linear, so a difference of images gives the difference of the planes.

    Args:
        rgb: (H, W, 3) array of numbers; 0…255 in an 8-bit image.

    Returns:
        Y' in the scale of ``rgb``, and Cb and Cr in the same scale, centred on 0.
    """
    red, green, blue = (rgb[..., i].astype(np.float64) for i in range(3))
    luma = KR * red + KG * green + KB * blue
    return luma, (blue - luma) / (2.0 * (1.0 - KB)), (red - luma) / (2.0 * (1.0 - KR))


def halve(plane: Plane) -> Plane:
    """Return the mean of each 2 x 2 block: chroma of 4:2:0, sited at the block's centre.

    A last odd row or column is repeated, so (H, W) becomes (ceil(H / 2), ceil(W / 2)).
    """
    height, width = plane.shape
    if height % 2 or width % 2:
        plane = np.pad(plane, ((0, height % 2), (0, width % 2)), mode="edge")
    quarters = plane[::2, ::2] + plane[1::2, ::2] + plane[::2, 1::2] + plane[1::2, 1::2]
    return 0.25 * quarters


def yuv420p_limited(image: Image) -> bytes:
    """Convert an image to the planes Y, U, V of 8-bit 4:2:0 video, BT.709, limited range.

    Y is 16…235 and U, V are 16…240, rounded to the nearest; the chroma filter is ``halve``.

    Args:
        image: uint8 (H, W, 3) RGB.

    Returns:
        the planes one after the other, as rawvideo ``yuv420p``.
    """
    luma, blue, red = ycbcr(image)
    planes = (
        16.0 + luma * (219.0 / 255.0),
        128.0 + halve(blue) * (224.0 / 255.0),
        128.0 + halve(red) * (224.0 / 255.0),
    )
    return b"".join(np.rint(plane).astype(np.uint8).tobytes() for plane in planes)
