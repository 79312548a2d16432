"""What a codec may return, and what is said of anything else."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["InvalidOutputError", "NonFiniteOutputError", "as_bitstream", "as_image"]


class InvalidOutputError(ValueError):
    """A codec returned something that is no bitstream or no image."""

    outcome = "invalid"


class NonFiniteOutputError(ValueError):
    """A codec returned an image with NaN or infinity in it."""

    outcome = "nonfinite"


def as_bitstream(value: object) -> bytes:
    """Return what ``encode`` returned, if it is a bitstream.

    Raises:
        InvalidOutputError: it is not bytes, or empty.
    """
    if not isinstance(value, bytes):
        raise InvalidOutputError(f"encode returned {_words(value)}, expected bytes")
    if not value:
        raise InvalidOutputError("encode returned no bytes: a decoder cannot start from nothing")
    return value


def as_image(value: object) -> NDArray[np.uint8]:
    """Return what ``decode`` returned as uint8 (H, W, 3).

    Finite floats are rounded half to even and clipped to 0…255.

    Raises:
        InvalidOutputError: it is no array of that shape, or neither uint8 nor float.
        NonFiniteOutputError: it is a float array with NaN or infinity.
    """
    expected = "expected a uint8 array (H, W, 3)"
    if not isinstance(value, np.ndarray):
        raise InvalidOutputError(f"decode returned {_words(value)}, {expected}")
    if value.ndim != 3 or value.shape[2] != 3 or not value.size:
        raise InvalidOutputError(f"decode returned the shape {value.shape}, {expected}")
    if value.dtype == np.uint8:
        return np.ascontiguousarray(value)
    if value.dtype.kind != "f":
        raise InvalidOutputError(f"decode returned the dtype {value.dtype}, {expected}")
    if not np.isfinite(value).all():
        # no counts: the same fault on many images should read the same, and stand in one row
        raise NonFiniteOutputError("decode returned NaN or infinity, expected samples in 0…255")
    return np.clip(np.rint(value), 0, 255).astype(np.uint8)


def _words(value: object) -> str:
    kind = type(value)
    name = kind.__qualname__
    return (
        "None"
        if value is None
        else name
        if kind.__module__ == "builtins"
        else (f"{kind.__module__}.{name}")
    )
