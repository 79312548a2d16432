"""The metrics of the codec family, as declarations.

``reference`` is the dataset's image and ``reconstruction`` what the decoder made of it, both
uint8 (H, W, 3) RGB; ``bitstream`` is what the encoder wrote.
"""

from __future__ import annotations

from harness.spec import Metric
from harness_plugins.codec.metrics import weights

__all__ = ["METRICS"]

_HERE = "harness_plugins.codec.metrics"
_PAIR = ("reference", "reconstruction")
_INF = float("inf")
_CAPPED = f"{_HERE}.aggregates:capped_mean"
_DB_OF_MEAN = f"{_HERE}.aggregates:db_of_mean"
_YUV = (
    "bt709|full-range|unrounded|chroma:box2x2|odd:repeat|peak255|plane:100dB"
    "|mean-of-images|inf:100dB|v1"
)
_MS_SSIM = "rgb|8bit|win11|sigma1.5|valid|5scales|avgpool2|odd:zero|pytorch-msssim-compatible"
_LPIPS_PAPER = "Zhang et al., CVPR 2018, arXiv:1801.03924"
_LPIPS_NEEDS = ("lpips", "torch", "torchvision")
_OPENCV = ("opencv-python-headless",)

_RATE = (
    Metric(
        name="bpp",
        factory=f"{_HERE}.rate:bpp",
        inputs=("reference", "bitstream"),
        signature="bpp|all-bytes|original-pixels|v1",
        better="lower",
        unit="bit/px",
        range=(0.0, _INF),
        digits=4,
        summary="bits of the whole bitstream, headers included, per pixel of the original",
    ),
)

_FIDELITY = (
    Metric(
        name="psnr_rgb",
        factory=f"{_HERE}.fidelity:psnr_rgb",
        inputs=_PAIR,
        signature="psnr|rgb|8bit|peak255|mean-of-images|inf:100dB|v1",
        better="higher",
        unit="dB",
        range=(0.0, _INF),
        aggregate=_CAPPED,
        digits=2,
        summary="PSNR over R, G, B; mean of the images' values, each at most 100 dB",
        extra="codec",
    ),
    Metric(
        name="psnr_rgb_mse",
        factory=f"{_HERE}.fidelity:psnr_rgb",
        inputs=_PAIR,
        signature="psnr|rgb|8bit|peak255|of-mean-mse|v1",
        better="higher",
        unit="dB",
        range=(0.0, _INF),
        aggregate=_DB_OF_MEAN,
        digits=2,
        summary="PSNR over R, G, B; over a set, the PSNR of the mean MSE",
        extra="codec",
    ),
    Metric(
        name="psnr_yuv611",
        factory=f"{_HERE}.fidelity:psnr_yuv",
        params={"weights": [6, 1, 1]},
        inputs=_PAIR,
        signature=f"psnr|ycbcr420|6:1:1|{_YUV}",
        better="higher",
        unit="dB",
        range=(0.0, _INF),
        aggregate=_CAPPED,
        digits=2,
        summary="(6 Y + U + V) / 8 of the planes' PSNR at 4:2:0, as in JVET and DCVC",
        paper="ITU-T HSTP-VID-WPOM (2020)",
        extra="codec",
    ),
    Metric(
        name="psnr_yuv411",
        factory=f"{_HERE}.fidelity:psnr_yuv",
        params={"weights": [4, 1, 1]},
        inputs=_PAIR,
        signature=f"psnr|ycbcr420|4:1:1|{_YUV}",
        better="higher",
        unit="dB",
        range=(0.0, _INF),
        aggregate=_CAPPED,
        digits=2,
        summary="(4 Y + U + V) / 6 of the planes' PSNR at 4:2:0, as in CompressAI's video tools",
        paper="Bégaint et al., CompressAI, arXiv:2011.03029",
        extra="codec",
    ),
)

_STRUCTURAL = (
    Metric(
        name="ssim",
        factory=f"{_HERE}.structural:ssim",
        inputs=_PAIR,
        signature="ssim|rgb|8bit|win11|sigma1.5|valid|k0.01,0.03|no-downsampling|v1",
        better="higher",
        range=(-1.0, 1.0),
        requires=_OPENCV,
        extra="codec",
        digits=4,
        summary="structural similarity, mean over R, G, B; sides of 11 pixels and more",
        paper="Wang et al., IEEE TIP 2004, doi:10.1109/TIP.2003.819861",
    ),
    Metric(
        name="ms_ssim",
        factory=f"{_HERE}.structural:ms_ssim",
        inputs=_PAIR,
        signature=f"ms_ssim|{_MS_SSIM}|v1",
        better="higher",
        range=(0.0, 1.0),
        requires=_OPENCV,
        extra="codec",
        digits=4,
        summary="structural similarity at five scales; sides of 161 pixels and more",
        paper="Wang et al., Asilomar 2003, doi:10.1109/ACSSC.2003.1292216",
    ),
    Metric(
        name="ms_ssim_db",
        factory=f"{_HERE}.structural:ms_ssim_db",
        inputs=_PAIR,
        signature=f"ms_ssim|{_MS_SSIM}|db-of-mean|v1",
        better="higher",
        unit="dB",
        range=(0.0, _INF),
        aggregate=_DB_OF_MEAN,
        requires=_OPENCV,
        extra="codec",
        digits=2,
        summary="-10 log10(1 - MS-SSIM); over a set, of the mean MS-SSIM, as published curves are",
        paper="Wang et al., Asilomar 2003, doi:10.1109/ACSSC.2003.1292216",
    ),
)

_PERCEPTUAL = (
    *(
        Metric(
            name=f"lpips_{net}",
            factory=f"{_HERE}.perceptual:lpips",
            params={"net": net},
            inputs=_PAIR,
            signature=f"lpips|0.1|{net}|rgb|8bit|full-size|v1",
            better="lower",
            range=(0.0, _INF),
            requires=_LPIPS_NEEDS,
            extra="codec",
            weights=(backbone,),
            digits=4,
            summary=f"learned distance of {title} features; sides of {least} pixels and more",
            paper=_LPIPS_PAPER,
        )
        for net, title, least, backbone in (
            ("alex", "AlexNet", 31, weights.ALEXNET),
            ("vgg", "VGG-16", 16, weights.VGG16),
            ("squeeze", "SqueezeNet", 17, weights.SQUEEZENET),
        )
    ),
    Metric(
        name="dists",
        factory=f"{_HERE}.perceptual:dists",
        inputs=_PAIR,
        signature="dists|vgg16|rgb|8bit|full-size|v1",
        better="lower",
        range=(0.0, 2.0),
        requires=("torch", "torchvision"),
        extra="codec",
        weights=(weights.VGG16, weights.DISTS),
        digits=4,
        summary="structure and texture of VGG-16 features; sides of 16 pixels and more",
        paper="Ding et al., IEEE TPAMI 2020, arXiv:2004.07728",
    ),
    Metric(
        name="vmaf",
        factory=f"{_HERE}.vmaf:vmaf",
        inputs=_PAIR,
        signature="vmaf|vmaf_v0.6.1|libvmaf|yuv420p|8bit|bt709|limited-range|1frame|v1",
        better="higher",
        range=(0.0, 100.0),
        requires=("imageio-ffmpeg",),
        extra="codec",
        digits=2,
        summary="video quality of a clip of one frame: about 97.4 for equal images",
        paper="Li et al., Netflix Technology Blog 2016; Netflix/vmaf",
    ),
)

_ON_DEVICE = (
    Metric(
        name="psnr_rgb_on_device",
        factory="harness_plugins.codec.on_device:psnr_on_device",
        inputs=("device_outputs",),
        signature="psnr|rgb|8bit|peak255|first-image|synthesis-on-device|v1",
        better="higher",
        unit="dB",
        digits=2,
        summary="PSNR of the first image, its reconstruction made by the device that was timed",
    ),
)

METRICS: tuple[Metric, ...] = (*_RATE, *_FIDELITY, *_STRUCTURAL, *_PERCEPTUAL, *_ON_DEVICE)
