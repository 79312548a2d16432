"""JPEG XL by pillow-jxl-plugin: its encoder and decoder, without Pillow between."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
import pillow_jxl

from harness import note, span
from harness_plugins.codec_classical.arguments import axis_value, require_rgb8

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["JpegXL"]

_ONE_THREAD = 0  # the plugin's word for "no thread pool"


class JpegXL:
    """JPEG XL, lossy (XYB, VarDCT), a naked codestream.

    Args:
        effort: 1 to 9 (slowest); 7 is the library's own default.
    """

    def __init__(self, effort: int) -> None:
        self._effort = effort

    def encode(self, image: NDArray[np.uint8], point: Mapping[str, Any]) -> bytes:
        """Encode a picture.

        Args:
            image: uint8 (H, W, 3), RGB.
            point: ``quality``, 0 to 99; 100 would be lossless.

        Raises:
            ValueError: image or point are not as said.
        """
        require_rgb8(image)
        quality = axis_value(point, "quality", 0, 99)
        height, width = image.shape[:2]
        options: dict[str, Any] = {
            "mode": "RGB",
            "lossless": False,
            "quality": quality,
            "effort": self._effort,
            "num_threads": _ONE_THREAD,
        }
        pixels = image.tobytes()
        with span("encode"):
            encoder = pillow_jxl.Encoder(**options)
            data = bytes(encoder(pixels, width, height, jpeg_encode=False))
        self._note("encoder")
        note("command", f"pillow_jxl.Encoder(**{options!r})")
        return data

    def decode(self, data: bytes) -> NDArray[np.uint8]:
        """Decode what ``encode`` returned; uint8 (H, W, 3).

        Raises:
            RuntimeError: the bytes are not of this format, or damaged.
            ValueError: it is not a picture in RGB.
        """
        with span("decode"):
            decoder = pillow_jxl.Decoder(num_threads=_ONE_THREAD)
            _jpeg, info, pixels, *_rest = decoder(data)
        self._note("decoder")
        if info.mode != "RGB":
            raise ValueError(f"expected a picture in RGB, got mode {info.mode!r}")
        return np.frombuffer(pixels, np.uint8).reshape(info.height, info.width, 3).copy()

    @staticmethod
    def _note(role: str) -> None:
        note(role, f"libjxl in pillow-jxl-plugin {version('pillow-jxl-plugin')}")
        note("timing", "wall time of the library's encoder and decoder, in memory")
