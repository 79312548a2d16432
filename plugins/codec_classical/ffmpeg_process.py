"""Running ffmpeg on one picture, through pipes, and timing the codec inside it.

Both directions are timed by ffmpeg itself, so that neither starting the program (10 to 20 ms,
more than most of these decoders take) nor reading its answer is in the numbers.

*Encoding*: ``-benchmark_all`` prints the wall time of every call into the encoder, in
microseconds; the seconds are the sum over its ``encode_video`` and ``flush_video`` calls.

*Decoding*: the same option times only the fetching of finished pictures, not the decoding. So
the stream is decoded ``REPEATS`` times over by one process, of which the first picture is
kept, and the seconds are the ``rtime`` of ``-benchmark`` (which starts after the program and
its input are set up) divided by ``REPEATS``. Measured for 1 to 16 repeats on a 768x512
picture, ``rtime`` is a straight line: 7.5 ms a picture for H.264, 4.0 HEVC, 9.2 VVC, 2.5 and
2.0 for AV1 in 4:4:4 and 4:2:0, plus 2 to 5 ms once; with 8 repeats 0.3 to 0.6 ms of that
remain in the result.
"""

from __future__ import annotations

import re
import subprocess
from functools import cache
from typing import NamedTuple

__all__ = ["REPEATS", "Coded", "decode_picture", "encode_picture", "encoder_names", "locate"]

REPEATS = 8
_COLOUR = ["-color_range", "pc", "-colorspace", "bt709"]
_COLOUR += ["-color_primaries", "bt709", "-color_trc", "iec61966-2-1"]
_LOG = ["-nostats", "-loglevel", "level+info"]
_ENCODER_CALL = re.compile(r"(\d+) real (?:encode|flush)_video")
_REAL_TIME = re.compile(r"rtime=([\d.]+)s")
_VERSION = re.compile(r"ffmpeg version (\S+)")
_FAULT = re.compile(r"\[(?:error|fatal|panic)\]:? *(.+)")


class Coded(NamedTuple):
    """What one run of ffmpeg gave.

    Attributes:
        data: the stream or the picture.
        seconds: spent in the codec for one picture.
        log: everything ffmpeg and the libraries in it said.
        command: the command line, with the program's bare name.
    """

    data: bytes
    seconds: float
    log: str
    command: str

    @property
    def version(self) -> str:
        """Name and version of the program."""
        found = _VERSION.search(self.log)
        return f"ffmpeg {found[1]}" if found else "ffmpeg"


@cache
def locate() -> str:
    """Return the path of the ffmpeg in imageio-ffmpeg.

    Raises:
        ImportError: imageio-ffmpeg is not installed.
        RuntimeError: it holds no ffmpeg for this platform.
    """
    import imageio_ffmpeg  # type: ignore[import-untyped]

    return str(imageio_ffmpeg.get_ffmpeg_exe())


@cache
def encoder_names() -> frozenset[str]:
    """Return the names of the encoders that this ffmpeg was built with."""
    listing = subprocess.run(
        [locate(), "-nostdin", "-hide_banner", "-loglevel", "error", "-encoders"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return frozenset(line.split()[1] for line in listing.splitlines() if len(line.split()) > 1)


def _run(arguments: list[str], data: bytes) -> tuple[bytes, str]:
    """Run ffmpeg on ``data``; return what it wrote and its log, or raise its first fault."""
    done = subprocess.run([locate(), *arguments], input=data, capture_output=True, check=False)
    log = done.stderr.decode("utf-8", "replace")
    faults = _FAULT.findall(log)
    if done.returncode or faults or not done.stdout:
        # The first fault is the cause, those after it are its echoes on the way out.
        cause = (faults or log.strip().splitlines()[-1:] or ["no message"])[0]
        raise RuntimeError(f"ffmpeg ended with {done.returncode}: {cause}")
    return done.stdout, log


def encode_picture(samples: bytes, size: tuple[int, int], pixels: str, output: list[str]) -> Coded:
    """Encode one picture.

    Args:
        samples: the planes, 10 bit in little-endian uint16.
        size: width and height.
        pixels: ffmpeg's name of their layout, ``yuv444p10le`` or ``yuv420p10le``.
        output: the encoder's arguments, with the format of the stream.

    Raises:
        RuntimeError: ffmpeg's own line.
    """
    width, height = size
    source = ["-f", "rawvideo", "-pix_fmt", pixels, "-s", f"{width}x{height}", *_COLOUR]
    command = [*_LOG, "-benchmark_all", *source, "-i", "pipe:0", "-frames:v", "1"]
    command += ["-threads", "1", *output, "pipe:1"]
    stream, log = _run(command, samples)
    calls = _ENCODER_CALL.findall(log)
    if not calls:
        raise RuntimeError("ffmpeg printed no times: its -benchmark_all has changed")
    seconds = sum(int(call) for call in calls) / 1e6
    return Coded(stream, seconds, log, " ".join(["ffmpeg", *command]))


def decode_picture(stream: bytes, demuxer: str, decoder: str) -> Coded:
    """Decode the first picture of a stream, as YUV4MPEG2.

    Args:
        stream: an elementary stream; it begins with all the headers it needs.
        demuxer: ffmpeg's name of its format.
        decoder: ffmpeg's name of the decoder.

    Raises:
        RuntimeError: ffmpeg's own line; any fault in the stream is one.
    """
    command = [*_LOG, "-benchmark", "-xerror", "-err_detect", "crccheck+bitstream+explode"]
    command += ["-threads", "1", "-f", demuxer, "-c:v", decoder, "-i", "pipe:0"]
    command += ["-vf", "select=eq(n\\,0)", "-fps_mode", "passthrough"]
    command += ["-strict", "-1", "-f", "yuv4mpegpipe", "pipe:1"]
    picture, log = _run(command, stream * REPEATS)
    found = _REAL_TIME.search(log)
    if found is None:
        raise RuntimeError("ffmpeg printed no rtime: its -benchmark has changed")
    return Coded(picture, float(found[1]) / REPEATS, log, " ".join(["ffmpeg", *command]))
