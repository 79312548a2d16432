"""Images that know what their numbers are: range, dtype, colour and layout travel with the array.

Metrics of images differ by orders of magnitude between [0, 1], [-1, 1] and 0…255, and say nothing
of it. So inside the family an image is an :class:`Images`; whoever needs other numbers converts,
and what lies outside the declared range raises. Nothing is clipped and nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["Images", "InvalidImagesError", "Layout", "NonFiniteImagesError"]

Layout = Literal["NHWC", "NCHW"]
_SLACK = 1e-4  # of a range: rounding of float32


class InvalidImagesError(ValueError):
    """An array is not the images it is said to be."""

    outcome = "invalid"


class NonFiniteImagesError(ValueError):
    """A pixel is NaN or infinite."""

    outcome = "nonfinite"


@dataclass(frozen=True, eq=False)
class Images:
    """RGB images of one size.

    Attributes:
        array: uint8 or float32, of ``layout``: (n, H, W, 3), or (n, 3, H, W).
        low, high: what is black and what is white: 0 and 255 for uint8, and as declared for
            floats.
        layout: where the channels stand.
    """

    array: NDArray[np.uint8] | NDArray[np.float32]
    low: float
    high: float
    layout: Layout = "NHWC"

    @classmethod
    def of(cls, array: Any, what: str = "images") -> Images:
        """Return uint8 images (n, H, W, 3).

        Args:
            array: as a model gives it.
            what: how a fault names it.

        Raises:
            InvalidImagesError: it has another dtype or shape, or no image at all.
        """
        given = np.asarray(array)
        if given.dtype != np.uint8:
            raise InvalidImagesError(f"{what}: expected uint8 in 0…255, got {given.dtype}")
        return cls(_checked(given, "NHWC", what), 0.0, 255.0)

    @classmethod
    def of_floats(
        cls, array: Any, low: float, high: float, layout: Layout = "NHWC", what: str = "images"
    ) -> Images:
        """Return float images whose black is ``low`` and whose white is ``high``.

        Raises:
            InvalidImagesError: the array has another dtype or shape, or a value outside of the
                range.
            NonFiniteImagesError: a value is NaN or infinite.
        """
        given = np.asarray(array)
        if given.dtype.kind != "f":
            raise InvalidImagesError(f"{what}: expected floats, got {given.dtype}")
        given = _checked(given.astype(np.float32), layout, what)
        least, most = float(given.min()), float(given.max())
        if not (np.isfinite(least) and np.isfinite(most)):
            raise NonFiniteImagesError(f"{what}: a value is NaN or infinite")
        slack = _SLACK * (high - low)
        if least < low - slack or most > high + slack:
            raise InvalidImagesError(
                f"{what}: values {least:g} … {most:g} lie outside of the declared range "
                f"{low:g} … {high:g}"
            )
        return cls(given.clip(low, high), low, high, layout)

    def __len__(self) -> int:
        return len(self.array)

    def __iter__(self) -> Iterator[NDArray[Any]]:
        return iter(self.array)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        height, width = self.array.shape[1:3] if self.layout == "NHWC" else self.array.shape[2:]
        return int(height), int(width)

    def bytes_(self) -> NDArray[np.uint8]:
        """Return uint8 (n, H, W, 3): the nearest level, half to even."""
        array = self._in("NHWC")
        if array.dtype == np.uint8:
            return array
        scaled = (array.astype(np.float64) - self.low) * (255.0 / (self.high - self.low))
        return np.rint(scaled).astype(np.uint8)

    def floats(
        self, low: float = 0.0, high: float = 1.0, layout: Layout = "NCHW"
    ) -> NDArray[np.float32]:
        """Return float32 with black at ``low`` and white at ``high``."""
        array = self._in(layout).astype(np.float64)
        unit = (array - self.low) / (self.high - self.low)
        return (unit * (high - low) + low).astype(np.float32)

    def _in(self, layout: Layout) -> NDArray[Any]:
        if layout == self.layout:
            return self.array
        axes = (0, 3, 1, 2) if layout == "NCHW" else (0, 2, 3, 1)
        return self.array.transpose(axes)

    @classmethod
    def joined(cls, parts: Sequence[Images]) -> Images:
        """Return the images of all parts, as uint8.

        Raises:
            InvalidImagesError: there is none, or sizes differ.
        """
        sizes = sorted({part.size for part in parts})
        if len(sizes) != 1:
            raise InvalidImagesError(f"images of one size were expected, not of {sizes}")
        return cls(np.concatenate([part.bytes_() for part in parts]), 0.0, 255.0)


def _checked(array: NDArray[Any], layout: Layout, what: str) -> NDArray[Any]:
    channels = 3 if layout == "NHWC" else 1
    if array.ndim != 4 or array.shape[channels] != 3 or 0 in array.shape:
        form = "(n, H, W, 3)" if layout == "NHWC" else "(n, 3, H, W)"
        raise InvalidImagesError(f"{what}: expected {form}, got {array.shape}")
    return array
