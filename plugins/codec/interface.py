"""What a codec is to the harness: two methods over plain arrays and bytes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from harness.spec import Json

__all__ = ["Codec", "EstimatesBits"]


@runtime_checkable
class Codec(Protocol):
    """An image codec. Encoder and decoder run in different processes.

    Everything the decoder needs (size, padding, quality) is inside the bytes, and counts.
    Both methods must be deterministic: ``harness check`` compares repetitions bit by bit.
    """

    def encode(self, image: NDArray[np.uint8], point: Mapping[str, Json]) -> bytes:
        """Compress one image.

        Args:
            image: uint8 (H, W, 3) RGB in 0…255, H and W at least 1.
            point: the operating point, e.g. ``{"quality": 75}``.

        Returns:
            The whole bitstream, never empty.
        """

    def decode(self, data: bytes) -> NDArray[np.uint8]:
        """Reconstruct the image from nothing but its bitstream.

        Returns:
            uint8 (H, W, 3) RGB of the size that was encoded. A float array in 0…255 is
            accepted too: it is rounded half to even and clipped, before every metric alike.
        """


@runtime_checkable
class EstimatesBits(Protocol):
    """A codec that can also say how long its bitstream should be."""

    def estimate_bits(self, image: NDArray[np.uint8], point: Mapping[str, Json]) -> float:
        """Return the bits its entropy model expects for ``image``.

        An estimate is kept beside the real length and shown as such; it is never ranked.
        """
