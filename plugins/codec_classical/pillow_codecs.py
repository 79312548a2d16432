"""JPEG, JPEG 2000, WebP and AVIF by the libraries inside Pillow.

The bytes are the file Pillow writes, without metadata. Encoding and decoding run on one thread,
and their spans hold the library's work alone.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import PIL
from PIL import Image, features

from harness import note, span
from harness_plugins.codec_classical.arguments import axis_value, require_rgb8

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["PillowCodec", "avif", "jpeg", "jpeg2000", "webp"]


class PillowCodec:
    """An image format of Pillow with the interface of an image codec.

    Args:
        form: Pillow's name of the format.
        library: Pillow's feature that names the library's version.
        axis: name of the operating point's axis, with its lowest and highest lossy value.
        options: ``options(value, height, width)``: what Pillow's ``save`` is given.
    """

    def __init__(
        self,
        form: str,
        library: str,
        axis: tuple[str, int, int],
        options: Callable[[int, int, int], dict[str, Any]],
    ) -> None:
        self._form = form
        self._library = library
        self._axis = axis
        self._options = options

    def encode(self, image: NDArray[np.uint8], point: Mapping[str, Any]) -> bytes:
        """Encode a picture.

        Args:
            image: uint8 (H, W, 3), RGB.
            point: the codec's axis and its value.

        Raises:
            ValueError: image or point are not as said, or the format has no room for the size.
        """
        require_rgb8(image)
        options = self._options(axis_value(point, *self._axis), *image.shape[:2])
        picture, out = Image.fromarray(np.ascontiguousarray(image)), io.BytesIO()
        with span("encode"):
            picture.save(out, self._form, **options)
        self._note("encoder")
        note("command", f"Image.save(format={self._form!r}, **{options!r})")
        return out.getvalue()

    def decode(self, data: bytes) -> NDArray[np.uint8]:
        """Decode what ``encode`` returned; uint8 (H, W, 3).

        Raises:
            OSError, SyntaxError: the bytes are not of this format, or damaged.
            ValueError: it is not a picture in RGB.
        """
        with span("decode"):
            picture = Image.open(io.BytesIO(data), formats=[self._form])
            picture.load()
        self._note("decoder")
        if picture.mode != "RGB":
            raise ValueError(f"expected a picture in RGB, got mode {picture.mode!r}")
        return np.array(picture)

    def _note(self, role: str) -> None:
        turbo = self._library == "jpg" and features.check_feature("libjpeg_turbo")
        library = "libjpeg_turbo" if turbo else self._library
        note(role, f"{library} {features.version(library)} (Pillow {PIL.__version__})")
        note("timing", "wall time of Pillow's save, and of its open and load, in memory")


def jpeg(subsampling: str) -> PillowCodec:
    """JPEG, baseline, with the Huffman tables of the standard."""
    return PillowCodec(
        "JPEG",
        "jpg",
        ("quality", 1, 100),
        lambda quality, _h, _w: {"quality": quality, "subsampling": subsampling},
    )


def jpeg2000(wavelet: str) -> PillowCodec:
    """JPEG 2000 codestream (no JP2 boxes), rate-controlled.

    ``ratio`` is that of 24 bit per pixel to the rate, as in CompressAI's curve. The 9/7 wavelet
    is the one for lossy coding; 5/3, OpenJPEG's default, needs 14 % more rate at equal PSNR
    (BD-rate on Kodak), and published curves of OpenJPEG are made with it.

    Raises:
        ValueError: ``wavelet`` is neither ``"9/7"`` nor ``"5/3"``.
    """
    if wavelet not in ("9/7", "5/3"):
        raise ValueError(f"wavelet: expected '9/7' or '5/3', got {wavelet!r}")

    def options(ratio: int, height: int, width: int) -> dict[str, Any]:
        # OpenJPEG refuses more resolutions than halvings of the shorter side.
        resolutions = min(6, min(height, width).bit_length())
        return {
            "quality_mode": "rates",
            "quality_layers": [ratio],
            "irreversible": wavelet == "9/7",
            "mct": 1,  # YCbCr inside; Pillow's own default codes R, G, B apart: 3 to 5 dB less
            "num_resolutions": resolutions,
            "no_jp2": True,
        }

    return PillowCodec("JPEG2000", "jpg_2000", ("ratio", 4, 1000), options)


def webp(method: int) -> PillowCodec:
    """WebP, lossy (VP8), 4:2:0 by the format."""
    return PillowCodec(
        "WEBP",
        "webp",
        ("quality", 0, 100),
        lambda quality, _h, _w: {"quality": quality, "method": method, "lossless": False},
    )


def avif(subsampling: str, speed: int, tune: str) -> PillowCodec:
    """AVIF by libaom, 8 bit.

    ``tune="psnr"`` needs 6.8 % less rate (BD-rate, every sixth Kodak image) at equal PSNR than
    ``"iq"``, which libavif takes where nothing is said.
    """
    return PillowCodec(
        "AVIF",
        "avif",
        ("quality", 0, 99),
        lambda quality, _h, _w: {
            "quality": quality,
            "subsampling": subsampling,
            "speed": speed,
            "codec": "aom",
            "max_threads": 1,
            "advanced": {"tune": tune},
        },
    )
