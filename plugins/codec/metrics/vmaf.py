"""VMAF by the libvmaf in the ffmpeg that imageio-ffmpeg installs."""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path

from harness.spec import Unavailable
from harness_plugins.codec.metrics.colour import yuv420p_limited
from harness_plugins.codec.metrics.pair import Image, ImageMetric, check_pair

__all__ = ["vmaf", "vmaf_of_files"]

MODEL = "vmaf_v0.6.1"
LEAST = 17


def vmaf() -> ImageMetric:
    """Make VMAF of a still image, as a clip of one frame.

    Both images become 8-bit YCbCr 4:2:0 by BT.709, limited range, which is what the model was
    trained on; it looks at luma only. A clip of one frame has no motion, so that equal images
    score about 97.4 and not 100.

    Returns:
        A callable from two uint8 (H, W, 3) images, both sides at least 17, to 0…100. It raises
        ``ValueError`` where they cannot be compared.

    Raises:
        Unavailable: there is no ffmpeg with libvmaf (raised by the callable).
    """
    return _vmaf


def vmaf_of_files(
    reference: Path, distorted: Path, *, width: int, height: int, pix_fmt: str
) -> float:
    """Return the VMAF of a clip: the mean over frames, model ``vmaf_v0.6.1``.

    Args:
        reference: raw planes of all frames, one after the other.
        distorted: the same of the distorted clip.
        width: pixels.
        height: pixels.
        pix_fmt: ffmpeg's name of the planes' format, e.g. ``"yuv420p10le"``.

    Raises:
        Unavailable: there is no ffmpeg with libvmaf.
        RuntimeError: ffmpeg failed; the message is the first line it printed.
    """
    source = ["-f", "rawvideo", "-pix_fmt", pix_fmt, "-s", f"{width}x{height}", "-i"]
    with tempfile.TemporaryDirectory(prefix="vmaf-") as folder:
        # The log lies in the working folder, since a path would have to be escaped twice.
        graph = f"libvmaf=model=version={MODEL}:n_threads=1:log_fmt=json:log_path=vmaf.json"
        command = [_ffmpeg(), "-nostdin", "-hide_banner", "-loglevel", "error", "-threads", "1"]
        command += [*source, str(distorted.absolute()), *source, str(reference.absolute())]
        command += ["-lavfi", graph, "-f", "null", "-"]
        done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
        message = done.stderr.decode(errors="replace").strip()
        if "No such filter: 'libvmaf'" in message:
            raise Unavailable("this ffmpeg has no libvmaf", "unset IMAGEIO_FFMPEG_EXE")
        log = Path(folder) / "vmaf.json"
        if done.returncode or not log.is_file():
            cause = message.splitlines()[0] if message else "no message"
            raise RuntimeError(f"ffmpeg ended with {done.returncode}: {cause}")
        return float(json.loads(log.read_bytes())["pooled_metrics"]["vmaf"]["mean"])


def _vmaf(reference: Image, reconstruction: Image) -> float:
    # At 16 pixels the fourth scale of its wavelets is a single one, and libvmaf crashes.
    check_pair(reference, reconstruction, least=LEAST, why="VMAF looks at four octaves")
    height, width = reference.shape[:2]
    with tempfile.TemporaryDirectory(prefix="vmaf-") as folder:
        paths = []
        for name, image in (("reference", reference), ("distorted", reconstruction)):
            path = Path(folder) / f"{name}.yuv"
            path.write_bytes(yuv420p_limited(image))
            paths.append(path)
        return vmaf_of_files(*paths, width=width, height=height, pix_fmt="yuv420p")


def _ffmpeg() -> str:
    import imageio_ffmpeg  # type: ignore[import-untyped]

    try:
        path: str = imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError as error:
        raise Unavailable("there is no ffmpeg", 'pip install "harness[codec]"') from error
    return path
