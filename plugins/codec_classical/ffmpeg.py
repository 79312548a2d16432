"""Video encoders as still image codecs: one intra picture each, by the ffmpeg in imageio-ffmpeg.

RGB becomes BT.709 full-range YCbCr with 10 bit (``colour``), in 4:4:4 where the encoder takes
it: SVT-AV1 and VVenC take 4:2:0 only. The picture is coded at a constant quantiser, tuned for
PSNR, on one thread. What the stream says of the colour is standard signalling, so any decoder
shows the right picture.

The bytes are the elementary stream as ``elementary`` packs it. An encoder that refuses small or
odd pictures gets one that is padded by repeating the last row and column, and two bytes in
front say how many rows and columns to cut off again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from harness import add_seconds, note, span
from harness_plugins.codec_classical import colour, elementary
from harness_plugins.codec_classical.arguments import axis_value, require_rgb8
from harness_plugins.codec_classical.ffmpeg_process import (
    REPEATS,
    decode_picture,
    encode_picture,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["StillPicture", "aom_av1", "svt_av1", "vvenc", "x264", "x265"]

_HEADER = re.compile(
    rb"YUV4MPEG2 W(\d+) H(\d+) [^\n]*C(444|420)p10 [^\n]*XCOLORRANGE=FULL\nFRAME\n"
)
_TIMING = (
    "encode: wall time of ffmpeg's calls into the encoder (-benchmark_all); "
    f"decode: rtime (-benchmark) of decoding the stream {REPEATS} times, divided by {REPEATS}; "
    "both without starting the program; the conversion from and to RGB is the span 'colour'"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoder:
    """What has to be known of an encoder.

    Attributes:
        arguments: ffmpeg's, with ``{value}`` for the operating point and ``{preset}``.
        preset: how hard the encoder tries, on its own scale.
        axis: name of the operating point's axis, with its lowest and highest lossy value.
        chroma: ``"444"`` or ``"420"``.
        smallest: width and height must be at least this.
        multiple: and multiples of this.
        stream: ffmpeg's name of the format of the elementary stream.
        decoder: ffmpeg's name of the decoder.
        messages: types of NAL units that the decoder can do without; empty for OBUs.
        version: finds name and version in ffmpeg's log or in the stream.
    """

    arguments: str
    preset: str | int
    axis: tuple[str, int, int]
    chroma: str
    smallest: int
    multiple: int
    stream: str
    decoder: str
    messages: frozenset[int] = frozenset()
    version: str

    def padding(self, length: int) -> int:
        """Return how many rows or columns ``length`` of them lack."""
        return max(self.smallest - length, -length % self.multiple)


def _unit_type(stream: str, unit: bytes) -> int:
    """Return nal_unit_type: H.264 7.3.1, HEVC 7.3.1.2, VVC 7.3.1.2."""
    if stream == "h264":
        return unit[0] & 0x1F
    return unit[0] >> 1 & 0x3F if stream == "hevc" else unit[1] >> 3


class StillPicture:
    """A video encoder with the interface of an image codec."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder

    def encode(self, image: NDArray[np.uint8], point: Mapping[str, Any]) -> bytes:
        """Encode a picture.

        Args:
            image: uint8 (H, W, 3), RGB, of any size from 1x1.
            point: the encoder's axis and its value.

        Raises:
            ValueError: image or point are not as said.
            RuntimeError: ffmpeg's own line.
        """
        require_rgb8(image)
        spec = self._encoder
        value = axis_value(point, *spec.axis)
        rows, columns = spec.padding(image.shape[0]), spec.padding(image.shape[1])
        with span("colour"):
            samples = self._samples(np.pad(image, ((0, rows), (0, columns), (0, 0)), "edge"))
        size = (image.shape[1] + columns, image.shape[0] + rows)
        # Split before anything is filled in: a preset is one argument, whatever is in it.
        filled = [a.format(value=value, preset=spec.preset) for a in spec.arguments.split()]
        output = [*filled, "-f", spec.stream]
        coded = encode_picture(samples, size, f"yuv{spec.chroma}p10le", output)
        add_seconds("encode", coded.seconds)
        found = re.search(spec.version, coded.log + coded.data.decode("latin-1"))
        name = " ".join(found.groups()) if found else "of unknown version"
        note("encoder", f"{name} ({coded.version})")
        note("command", coded.command)
        note("timing", _TIMING)
        return self._pack(coded.data, rows, columns)

    def decode(self, data: bytes) -> NDArray[np.uint8]:
        """Decode what ``encode`` returned; uint8 (H, W, 3).

        Raises:
            ValueError: the bytes are not of this codec, or damaged.
            RuntimeError: ffmpeg's own line, on a damaged stream.
        """
        spec, rows, columns = self._encoder, 0, 0
        if spec.smallest > 1:
            if len(data) < 2:
                raise ValueError("bitstream is empty")
            rows, columns, data = data[0], data[1], data[2:]
        unpack = elementary.unpack_units if spec.messages else elementary.whole_obus
        stream = unpack(data)
        coded = decode_picture(stream, spec.stream, spec.decoder)
        add_seconds("decode", coded.seconds)
        note("decoder", f"{spec.decoder} ({coded.version})")
        note("command", coded.command)
        note("timing", _TIMING)
        with span("colour"):
            return self._image(coded.data, rows, columns)

    def _pack(self, stream: bytes, rows: int, columns: int) -> bytes:
        spec = self._encoder
        if spec.messages:
            units = elementary.split_units(stream)
            kept = [u for u in units if _unit_type(spec.stream, u) not in spec.messages]
            stream = elementary.pack_units(kept)
        return bytes([rows, columns]) + stream if spec.smallest > 1 else stream

    def _samples(self, image: NDArray[np.uint8]) -> bytes:
        luma, *chroma = colour.rgb_to_ycbcr(image)
        if self._encoder.chroma == "420":
            chroma = [colour.halve(plane) for plane in chroma]
        return b"".join(colour.quantise(plane).tobytes() for plane in (luma, *chroma))

    def _image(self, picture: bytes, rows: int, columns: int) -> NDArray[np.uint8]:
        found = _HEADER.match(picture)
        if found is None:
            raise ValueError(f"not a full-range 10-bit picture: {picture[:80]!r}")
        width, height, halved = int(found[1]), int(found[2]), found[3] == b"420"
        small = ((height + 1) // 2, (width + 1) // 2) if halved else (height, width)
        samples = np.frombuffer(picture, "<u2", -1, found.end()).astype(np.float32)
        if samples.size != height * width + 2 * small[0] * small[1] or not (
            rows < height and columns < width
        ):
            raise ValueError(f"a picture of {width}x{height} does not fit what was sent with it")
        luma, cb, cr = np.split(samples, [height * width, height * width + small[0] * small[1]])
        chroma = [plane.reshape(small) for plane in (cb, cr)]
        if halved:
            chroma = [colour.upsample(plane, height, width) for plane in chroma]
        image = colour.ycbcr_to_rgb((luma.reshape(height, width), *chroma))
        return np.ascontiguousarray(image[: height - rows, : width - columns])


def x264(preset: str) -> StillPicture:
    """H.264 by x264, 4:4:4, profile High 4:4:4 Predictive.

    ``qp`` is on the scale of 10 bit: 12 more than the same step has at 8 bit.
    """
    # ipratio: else an intra picture is coded 3 steps finer than the qp that was asked for.
    return StillPicture(
        Encoder(
            arguments="-c:v libx264 -preset {preset} -tune psnr -qp {value} "
            "-x264-params ipratio=1",
            preset=preset,
            axis=("qp", 1, 63),
            chroma="444",
            smallest=1,
            multiple=1,
            stream="h264",
            decoder="h264",
            messages=frozenset({6, 9}),
            version=r"(x264) - (core \d+(?: r\d+\S*(?: \w+)?)?)",
        )
    )


def x265(preset: str) -> StillPicture:
    """HEVC by x265, 4:4:4, profile Main 4:4:4 10."""
    return StillPicture(
        Encoder(
            arguments="-c:v libx265 -preset {preset} -tune psnr "
            "-x265-params qp={value}:ipratio=1:pools=none:frame-threads=1",
            preset=preset,
            axis=("qp", 1, 51),
            chroma="444",
            smallest=16,
            multiple=1,
            stream="hevc",
            decoder="hevc",
            messages=frozenset({35, 39, 40}),
            version=r"(x265) \[info\]: HEVC encoder version (\S+)",
        )
    )


def aom_av1(cpu_used: int) -> StillPicture:
    """AV1 by libaom, 4:4:4, as a still picture."""
    return StillPicture(
        Encoder(
            arguments="-c:v libaom-av1 -still-picture 1 -cpu-used {preset} "
            "-tune psnr -crf {value}",
            preset=cpu_used,
            axis=("crf", 1, 63),
            chroma="444",
            smallest=1,
            multiple=1,
            stream="obu",
            decoder="libdav1d",
            version=r"\[(libaom)-av1 @ \w+\] \[info\] (v\S+)",
        )
    )


def svt_av1(preset: int) -> StillPicture:
    """AV1 by SVT-AV1, 4:2:0 (it has no other), in its mode for still pictures."""
    return StillPicture(
        Encoder(
            arguments="-c:v libsvtav1 -preset {preset} -crf {value} "
            "-svtav1-params avif=1:tune=1:lp=1",
            preset=preset,
            axis=("crf", 1, 63),
            chroma="420",
            smallest=16,
            multiple=1,
            stream="obu",
            decoder="libdav1d",
            version=r"(SVT-AV1) Encoder Lib (v\S+)",
        )
    )


def vvenc(preset: str) -> StillPicture:
    """VVC by VVenC, 4:2:0 (it has no other), without perceptual adaptation."""
    # smallest: ffmpeg keeps one byte a pixel for the stream, with its 200 bytes of headers;
    # VVenC itself takes 16x16.
    return StillPicture(
        Encoder(
            arguments="-c:v libvvenc -preset {preset} -qpa 0 -qp {value} -vvenc-params range=full",
            preset=preset,
            axis=("qp", 1, 63),
            chroma="420",
            smallest=64,
            multiple=2,
            stream="vvc",
            decoder="vvc",
            messages=frozenset({20, 23, 24}),
            version=r"lib(vvenc) version: (\S+)",
        )
    )
