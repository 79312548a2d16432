"""Whether the libraries behind the codecs are here; each check is called with the parameters."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from harness.spec import Unavailable

__all__ = [
    "aom_av1",
    "avif",
    "jpeg",
    "jpeg2000",
    "jpegxl",
    "svt_av1",
    "vvenc",
    "webp",
    "x264",
    "x265",
]

_REMEDY = 'pip install "harness[codec]"'


def _need(module: str, distribution: str) -> None:
    if find_spec(module) is None:
        raise Unavailable(f"{distribution} is not installed", _REMEDY)


def _need_pillow(feature: str) -> None:
    _need("PIL", "Pillow")
    from PIL import features

    if not features.check(feature):
        raise Unavailable(f"this Pillow was built without {feature}", _REMEDY)


def _need_encoder(name: str) -> None:
    _need("imageio_ffmpeg", "imageio-ffmpeg")
    from harness_plugins.codec_classical.ffmpeg_process import encoder_names, locate

    try:
        names = encoder_names()
    except (OSError, RuntimeError) as error:
        raise Unavailable(f"ffmpeg does not start: {error}", _REMEDY) from error
    if name not in names:
        raise Unavailable(f"the ffmpeg at {locate()} was built without {name}", _REMEDY)


def jpeg(**_params: Any) -> None:
    """Raise ``Unavailable`` where Pillow has no JPEG."""
    _need_pillow("jpg")


def jpeg2000(**_params: Any) -> None:
    """Raise ``Unavailable`` where Pillow has no OpenJPEG."""
    _need_pillow("jpg_2000")


def webp(**_params: Any) -> None:
    """Raise ``Unavailable`` where Pillow has no libwebp."""
    _need_pillow("webp")


def avif(**_params: Any) -> None:
    """Raise ``Unavailable`` where Pillow has no libavif."""
    _need_pillow("avif")


def jpegxl(**_params: Any) -> None:
    """Raise ``Unavailable`` where pillow-jxl-plugin is not installed."""
    _need("pillow_jxl", "pillow-jxl-plugin")


def x264(**_params: Any) -> None:
    """Raise ``Unavailable`` where ffmpeg has no x264."""
    _need_encoder("libx264")


def x265(**_params: Any) -> None:
    """Raise ``Unavailable`` where ffmpeg has no x265."""
    _need_encoder("libx265")


def aom_av1(**_params: Any) -> None:
    """Raise ``Unavailable`` where ffmpeg has no libaom."""
    _need_encoder("libaom-av1")


def svt_av1(**_params: Any) -> None:
    """Raise ``Unavailable`` where ffmpeg has no SVT-AV1."""
    _need_encoder("libsvtav1")


def vvenc(**_params: Any) -> None:
    """Raise ``Unavailable`` where ffmpeg has no VVenC."""
    _need_encoder("libvvenc")
