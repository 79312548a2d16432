"""Classical image codecs: Pillow, JPEG XL, and the video encoders of ffmpeg as stills.

Each model's points go from low to high rate and span about 0.1 to 2.5 bit per pixel on
photographs. The default presets code a picture of 768x512 in at most 2 s of one core; a suite
selects others by parameter. CPU seconds of one such picture (kodim01 at 1.1 to 1.4 bpp):

=========  ===================================================================
x264       ``ultrafast`` 0.004, ``medium`` 0.02, ``veryslow`` 0.09 (default)
x265       ``ultrafast`` 0.05, ``medium`` 0.18, ``veryslow`` 0.40 (default)
libaom     ``cpu_used`` 6: 0.5, 4: 1.7 (default), 2: 5.1
SVT-AV1    ``preset`` 6: 0.09, 4: 0.35 (default), 2: 1.3, 0: 6.4
VVenC      ``faster`` 0.4, ``fast`` 1.6 (default), ``medium`` 6.7
=========  ===================================================================

VVenC's ``medium`` needs 4 % less rate than ``fast``, ``faster`` 8 % more (BD-rate on every sixth
Kodak image).
"""

from __future__ import annotations

from typing import Any

from harness import Model, hookimpl

__all__: list[str] = []

_HERE = "harness_plugins.codec_classical"
_IMAGE = ("classical", "image")
_FFMPEG = ("classical", "image", "ffmpeg")
_PILLOW = ("pillow>=12",)
_WITH_FFMPEG = ("imageio-ffmpeg>=0.6", "pillow>=12")


def _model(name: str, factory: str, check: str, **fields: Any) -> Model:
    return Model(
        name=name,
        family="codec",
        factory=f"{_HERE}.{factory}",
        check=f"{_HERE}.availability:{check}",
        extra="codec",
        **fields,
    )


def _jpeg_models() -> list[Model]:
    jpeg = {
        "tags": _IMAGE,
        "requires": _PILLOW,
        "licence": "IJG AND BSD-3-Clause",
        "paper": "ITU-T T.81 | ISO/IEC 10918-1",
        "url": "https://www.itu.int/rec/T-REC-T.81",
    }
    return [
        _model(
            "jpeg",
            "pillow_codecs:jpeg",
            "jpeg",
            params={"subsampling": "4:2:0"},
            points={"quality": (5, 10, 25, 50, 75, 90)},
            summary="JPEG, baseline, 4:2:0, by libjpeg-turbo in Pillow",
            **jpeg,
        ),
        _model(
            "jpeg-444",
            "pillow_codecs:jpeg",
            "jpeg",
            params={"subsampling": "4:4:4"},
            points={"quality": (5, 10, 25, 50, 75, 85)},
            summary="JPEG, baseline, 4:4:4, by libjpeg-turbo in Pillow",
            **jpeg,
        ),
    ]


def _pillow_models() -> list[Model]:
    return [
        _model(
            "jpeg2000",
            "pillow_codecs:jpeg2000",
            "jpeg2000",
            params={"wavelet": "9/7"},
            points={"ratio": (240, 120, 60, 30, 15, 10)},
            tags=_IMAGE,
            requires=_PILLOW,
            summary="JPEG 2000, 9/7 wavelet, at a ratio to 24 bpp, by OpenJPEG in Pillow",
            licence="BSD-2-Clause",
            paper="ITU-T T.800 | ISO/IEC 15444-1",
            url="https://www.itu.int/rec/T-REC-T.800",
        ),
        _model(
            "webp",
            "pillow_codecs:webp",
            "webp",
            params={"method": 4},
            points={"quality": (1, 20, 50, 75, 85, 93)},
            tags=_IMAGE,
            requires=_PILLOW,
            summary="WebP, lossy, 4:2:0, by libwebp in Pillow",
            licence="BSD-3-Clause",
            paper="RFC 9649",
            url="https://www.rfc-editor.org/rfc/rfc9649",
        ),
        _model(
            "avif",
            "pillow_codecs:avif",
            "avif",
            params={"subsampling": "4:4:4", "speed": 6, "tune": "psnr"},
            points={"quality": (10, 22, 35, 50, 65, 80)},
            tags=_IMAGE,
            requires=_PILLOW,
            summary="AVIF, 8 bit, 4:4:4, tuned for PSNR, by libaom in Pillow",
            licence="BSD-2-Clause",
            paper="AV1 Image File Format (AVIF), Alliance for Open Media",
            url="https://aomediacodec.github.io/av1-avif/",
        ),
    ]


def _jxl_models() -> list[Model]:
    return [
        _model(
            "jpegxl",
            "jxl:JpegXL",
            "jpegxl",
            params={"effort": 7},
            points={"quality": (15, 30, 45, 60, 75, 85, 92)},
            tags=_IMAGE,
            requires=("pillow-jxl-plugin>=1.3.8", "pillow>=12"),
            summary="JPEG XL, VarDCT in XYB, by libjxl in pillow-jxl-plugin",
            licence="BSD-3-Clause",
            paper="ISO/IEC 18181-1",
            url="https://jpeg.org/jpegxl/",
        )
    ]


def _ffmpeg_models() -> list[Model]:
    return [
        _model(
            "x264",
            "ffmpeg:x264",
            "x264",
            params={"preset": "veryslow"},
            points={"qp": (58, 53, 48, 43, 38, 33)},
            tags=_FFMPEG,
            requires=_WITH_FFMPEG,
            summary="H.264 intra picture, YCbCr 4:4:4 10 bit, tuned for PSNR, by x264",
            licence="GPL-2.0-or-later",
            paper="ITU-T H.264 | ISO/IEC 14496-10",
            url="https://www.itu.int/rec/T-REC-H.264",
        ),
        _model(
            "x265",
            "ffmpeg:x265",
            "x265",
            params={"preset": "veryslow"},
            points={"qp": (42, 37, 32, 27, 22, 18)},
            tags=_FFMPEG,
            requires=_WITH_FFMPEG,
            summary="HEVC intra picture, YCbCr 4:4:4 10 bit, tuned for PSNR, by x265",
            licence="GPL-2.0-or-later",
            paper="ITU-T H.265 | ISO/IEC 23008-2",
            url="https://www.itu.int/rec/T-REC-H.265",
        ),
        _model(
            "vvenc",
            "ffmpeg:vvenc",
            "vvenc",
            params={"preset": "fast"},
            points={"qp": (47, 42, 37, 32, 27, 21)},
            tags=_FFMPEG,
            requires=_WITH_FFMPEG,
            summary="VVC intra picture, YCbCr 4:2:0 10 bit (VVenC has no 4:4:4), for PSNR",
            licence="BSD-3-Clause-Clear",
            paper="ITU-T H.266 | ISO/IEC 23090-3",
            url="https://www.itu.int/rec/T-REC-H.266",
        ),
    ]


def _av1_models() -> list[Model]:
    av1 = {
        "paper": "AV1 Bitstream & Decoding Process Specification, Alliance for Open Media",
        "url": "https://aomediacodec.github.io/av1-spec/",
    }
    return [
        _model(
            "aom-av1",
            "ffmpeg:aom_av1",
            "aom_av1",
            params={"cpu_used": 4},
            points={"crf": (55, 46, 37, 28, 19, 10)},
            tags=_FFMPEG,
            requires=_WITH_FFMPEG,
            summary="AV1 still picture, YCbCr 4:4:4 10 bit, tuned for PSNR, by libaom",
            licence="BSD-2-Clause",
            **av1,
        ),
        _model(
            "svt-av1",
            "ffmpeg:svt_av1",
            "svt_av1",
            params={"preset": 4},
            points={"crf": (55, 46, 37, 28, 19, 12)},
            tags=_FFMPEG,
            requires=_WITH_FFMPEG,
            summary="AV1 still picture, YCbCr 4:2:0 10 bit (SVT-AV1 has no 4:4:4), tuned for PSNR",
            licence="BSD-3-Clause-Clear",
            **av1,
        ),
    ]


@hookimpl
def harness_models() -> list[Model]:
    found = (_jpeg_models, _pillow_models, _jxl_models, _ffmpeg_models, _av1_models)
    return [model for declare in found for model in declare()]
