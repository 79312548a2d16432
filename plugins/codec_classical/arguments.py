"""What the encoders are given, checked before any library sees it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["axis_value", "require_rgb8"]


def require_rgb8(image: NDArray[np.uint8]) -> None:
    """Refuse anything but a non-empty uint8 array of shape (H, W, 3).

    Raises:
        ValueError: one line with the shape and dtype that came.
    """
    shape: Any = getattr(image, "shape", ())
    dtype = getattr(image, "dtype", type(image).__name__)
    if len(shape) != 3 or shape[2] != 3 or 0 in shape or str(dtype) != "uint8":
        raise ValueError(f"image: expected uint8 (H, W, 3), got {dtype} {shape}")


def axis_value(point: Mapping[str, Any], axis: str, low: int, high: int) -> int:
    """Return the value of an operating point on its one axis.

    The ends are chosen by each codec so that no value turns it lossless.

    Raises:
        ValueError: the axis is missing or not the only one, or its value is no whole number
            from ``low`` to ``high``.
    """
    if set(point) != {axis}:
        raise ValueError(f"operating point: expected the one axis {axis!r}, got {sorted(point)}")
    value = point[axis]
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ValueError(f"{axis}: expected a whole number from {low} to {high}, got {value!r}")
    return value
