"""Numbers of this family's metrics that other packages confirm, or differ from by a convention.

Pictures and networks are made from seeds: :mod:`.metrics.fixtures`. Pinned numbers are what the
metrics gave on them when the checks were written.
"""

from __future__ import annotations

from harness.spec import Crosscheck

__all__ = ["CROSSCHECKS"]

_SECOND = "harness_plugins.codec.metrics.second"
_PSNR, _PSNR_YUV = 26.66641463599147, 38.50445744706854  # on the noisy and the blurred picture
_SSIM, _MS_SSIM = 0.8754201657033147, 0.9601463759158128  # on the blurred and the noisy one
_LPIPS = {"alex": 0.009734805673, "vgg": 0.023587064818, "squeeze": 0.01836192049}
_DISTS = 0.018495423589
_VMAF = {"noise": 82.348428, "blur": 74.093079, "coarse": 92.352036}


def _check(name: str, by: tuple[str, str], refs: tuple[str, str], **more: object) -> Crosscheck:
    canonical, second = (f"{_SECOND}:{ref}" for ref in refs)
    told = {"extra": "dev", "name": name, "by": by, "canonical": canonical, "second": second}
    return Crosscheck(**{**told, **more})


def _of_package(
    metric: str,
    package: str,
    distribution: str,
    pinned: float,
    damage: str,
    between: float,
    summary: str,
    apart: float = 0.0,
) -> Crosscheck:
    """Declare a check of a metric without networks; pyiqa's have a function of their own."""
    pyiqa = distribution == "pyiqa"
    return _check(
        f"{metric}-{package}".replace("_", "-"),
        ("harness", package),
        ("ours", "by_pyiqa" if pyiqa else "by_package"),
        params={"metric": metric, "damage": damage}
        | ({"name": package.removeprefix("pyiqa-")} if pyiqa else {"package": package}),
        between=between,
        pinned=pinned,
        drift=1e-6,
        apart=apart,
        requires=(distribution, "opencv-python-headless"),
        summary=summary,
    )


_PLAIN = (
    _of_package(
        "psnr", "skimage", "scikit-image", _PSNR, "noise", 1e-9, "PSNR over R, G, B, float64"
    ),
    _of_package(
        "psnr", "torchmetrics", "torchmetrics", _PSNR, "noise", 1e-5, "the same in float32"
    ),
    _of_package("psnr", "piq", "piq", _PSNR, "noise", 1e-4, "it adds 1e-8 to the MSE of 0…1"),
    _of_package("psnr", "pyiqa-psnr", "pyiqa", _PSNR, "noise", 1e-4, "it adds 1e-8 to the MSE"),
    _check(
        "psnr-yuv-compressai",
        ("harness", "compressai"),
        ("ours", "by_compressai"),
        params={"metric": "psnr_yuv", "damage": "blur"},
        between=1e-9,
        pinned=_PSNR_YUV,
        drift=1e-6,
        requires=("compressai",),
        summary="(6 Y + U + V) / 8 at 4:2:0, by BT.709 without rounding",
    ),
    _of_package(
        "ssim",
        "skimage",
        "scikit-image",
        _SSIM,
        "blur",
        1e-6,
        "a Gaussian window of 11, its rim cut",
    ),
    _of_package("ssim", "pytorch-msssim", "pytorch-msssim", _SSIM, "blur", 5e-6, "the same"),
    _of_package("ssim", "piq", "piq", _SSIM, "blur", 5e-5, "the same, not halved"),
    _of_package("ssim", "pyiqa-ssimc", "pyiqa", _SSIM, "blur", 1e-5, "the same, of R, G, B"),
    _of_package(
        *("ssim", "torchmetrics", "torchmetrics", _SSIM, "blur", 1e-5),
        "it mirrors at the border and keeps it",
        apart=0.00079988,
    ),
    _of_package(
        *("ssim", "skimage-default", "scikit-image", _SSIM, "blur", 1e-5),
        "a uniform window of 7",
        apart=0.01025423,
    ),
    _of_package(
        *("ssim", "piq-default", "piq", _SSIM, "blur", 1e-5),
        "it halves pictures of 384 pixels and more first",
        apart=0.07963412,
    ),
    _of_package(
        *("ssim", "pyiqa-ssim", "pyiqa", _SSIM, "blur", 1e-5), "of luma alone", apart=-0.01359225
    ),
    _of_package(
        *("ms_ssim", "pytorch-msssim", "pytorch-msssim", _MS_SSIM, "noise", 1e-5),
        "five scales, odd sides with zeros",
    ),
    _of_package("ms_ssim", "piq", "piq", _MS_SSIM, "noise", 1e-5, "the same, of even sides"),
    _of_package(
        *("ms_ssim", "torchmetrics", "torchmetrics", _MS_SSIM, "noise", 5e-6),
        "it mirrors at the border of every scale",
        apart=0.00001215,
    ),
    _of_package(
        *("ms_ssim", "pyiqa-ms_ssim", "pyiqa", _MS_SSIM, "noise", 1e-5),
        "of luma alone",
        apart=0.01448075,
    ),
)

_NETWORKS = (
    *(
        _check(
            f"lpips-{net}-{package}",
            ("lpips", package),
            ("lpips", "lpips_by"),
            params={"net": net, "package": package},
            between=1e-6,
            pinned=pinned,
            drift=1e-6,
            requires=("lpips", "torchvision", package),
            summary="a random backbone, the learned heads of version 0.1",
        )
        for net, pinned in _LPIPS.items()
        for package in ("torchmetrics", "pyiqa")
    ),
    *(
        _check(
            f"dists-{package}",
            ("harness", package),
            ("dists", "dists_by"),
            params={"package": package},
            between=1e-6,
            pinned=_DISTS,
            drift=1e-6,
            requires=("torchvision", package),
            summary="random VGG-16 and random weights of its layers, at full size",
        )
        for package in ("torchmetrics", "pyiqa")
    ),
    *(
        _check(
            f"vmaf-{damage}-torch",
            ("libvmaf", "vmaf-torch"),
            ("libvmaf", "vmaf_by_torch"),
            params={"damage": damage},
            between=0.02,
            pinned=pinned,
            drift=0.001,
            requires=("imageio-ffmpeg", "vmaf-torch"),
            summary="model v0.6.1 on a clip of one frame; libvmaf counts in integers",
        )
        for damage, pinned in _VMAF.items()
    ),
)

CROSSCHECKS: tuple[Crosscheck, ...] = (*_PLAIN, *_NETWORKS)
