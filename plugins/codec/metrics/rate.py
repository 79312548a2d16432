"""Bits per pixel, counted on the bytes the decoder gets."""

from __future__ import annotations

from collections.abc import Callable

from harness_plugins.codec.metrics.pair import Image

__all__ = ["bpp"]


def bpp() -> Callable[[Image, bytes], float]:
    """Make the metric: eight times the length of the bitstream over the original's pixels.

    The callable takes the reference, uint8 (H, W, 3), and the bitstream; it returns bits per
    pixel, with every header and side information, since the decoder gets nothing else. It
    raises ``ValueError`` where the reference has no pixels.
    """
    return _bpp


def _bpp(reference: Image, bitstream: bytes) -> float:
    height, width = reference.shape[:2]
    if not height * width:
        raise ValueError(f"the reference has no pixels: its shape is {reference.shape}")
    return float(8 * len(bitstream) / (height * width))
