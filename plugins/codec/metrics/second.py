"""The numbers of cross-checks: by this family's metrics, and by other packages.

Each function takes what the check's ``params`` say. Fixtures are those of :mod:`.fixtures`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest import mock

import numpy as np

from harness_plugins.codec.metrics import fidelity, fixtures, structural
from harness_plugins.codec.metrics.pair import Image

__all__ = [
    "by_compressai",
    "by_package",
    "by_pyiqa",
    "dists",
    "dists_by",
    "libvmaf",
    "lpips",
    "lpips_by",
    "ours",
    "vmaf_by_torch",
]


def ours(metric: str, damage: str, **_: str) -> float:
    """Return a metric without networks: ``psnr``, ``psnr_yuv``, ``ssim`` or ``ms_ssim``."""
    factories: Mapping[str, Callable[[], Callable[[Image, Image], float]]] = {
        "psnr": fidelity.psnr_rgb,
        "psnr_yuv": lambda: fidelity.psnr_yuv((6, 1, 1)),
        "ssim": structural.ssim,
        "ms_ssim": structural.ms_ssim,
    }
    return factories[metric]()(*fixtures.pair(damage))


def by_package(metric: str, damage: str, package: str, **_: str) -> float:
    """Return PSNR, SSIM or MS-SSIM by a package, under a convention that its name tells."""
    return float(_PACKAGES[metric, package](*fixtures.pair(damage)))


def by_compressai(damage: str, **_: str) -> float:
    """Return PSNR of Y, U and V at 6:1:1 from the conversions of CompressAI, in float64."""
    from compressai.transforms.functional import (  # type: ignore[import-untyped]
        rgb2ycbcr,
        yuv_444_to_420,
    )

    planes = [yuv_444_to_420(rgb2ycbcr(_tensor(i).double() / 255)) for i in fixtures.pair(damage)]
    errors = [((a - b) ** 2).mean().item() for a, b in zip(*planes, strict=True)]
    return float(np.average(-10 * np.log10(errors), weights=(6, 1, 1)))


def by_pyiqa(name: str, damage: str, **_: str) -> float:
    """Return a full-reference metric of pyiqa without weights."""
    import pyiqa  # type: ignore[import-untyped]

    x, y = (_tensor(i) / 255 for i in fixtures.pair(damage))
    return float(pyiqa.create_metric(name, device="cpu")(y, x))


def lpips(net: str, **_: str) -> float:
    """Return LPIPS with a random backbone and the learned heads."""
    from harness_plugins.codec.metrics.perceptual import lpips_of

    return lpips_of(net, fixtures.backbone(net))(*_corners())


def lpips_by(net: str, package: str) -> float:
    """Return the same by torchmetrics, which brings the heads too, or by pyiqa."""
    import torchvision  # type: ignore[import-untyped]

    network: Any
    with _untrained(torchvision.models, fixtures.NETS[net]):
        if package == "torchmetrics":
            from torchmetrics.functional.image.lpips import _LPIPS

            network = _LPIPS(net=net)
        else:
            from pyiqa.archs.lpips_arch import LPIPS  # type: ignore[import-untyped]

            network = LPIPS(net=net, pretrained=False)
            network.load_state_dict(_heads(net), strict=False)
    return _of_corners(network, normalize=True)


def dists(**_: str) -> float:
    """Return DISTS with random VGG-16 and random weights of its layers."""
    from harness_plugins.codec.metrics.perceptual import dists_of

    return dists_of(fixtures.backbone("vgg"), fixtures.texture_weights())(*_corners())


def dists_by(package: str) -> float:
    """Return the same by torchmetrics or pyiqa."""
    import torchvision

    network: Any
    if package == "torchmetrics":
        from torchmetrics.functional.image import dists as home

        with _untrained(home, "vgg16"):
            network = home.DISTSNetwork(load_weights=False)
    else:
        from pyiqa.archs.dists_arch import DISTS  # type: ignore[import-untyped]

        with _untrained(torchvision.models, "vgg16"):
            network = DISTS(pretrained=False)
    for name, value in fixtures.texture_weights().items():
        getattr(network, name).data = value
    return _of_corners(network)


def libvmaf(damage: str) -> float:
    """Return VMAF of a clip of one frame, by the libvmaf of ffmpeg."""
    from harness_plugins.codec.metrics.vmaf import vmaf

    return vmaf()(*fixtures.pair(damage))


def vmaf_by_torch(damage: str) -> float:
    """Return the same by vmaf-torch, on the same luma."""
    import torch
    from vmaf_torch import VMAF  # type: ignore[import-untyped]

    from harness_plugins.codec.metrics.colour import yuv420p_limited

    planes = []
    for image in fixtures.pair(damage):
        height, width = image.shape[:2]
        luma = np.frombuffer(yuv420p_limited(image), np.uint8)[: height * width]
        planes.append(torch.from_numpy(luma.reshape(1, 1, height, width).astype(np.float32)))
    with torch.inference_mode():
        return float(VMAF()(*planes))


@contextmanager
def _untrained(module: Any, name: str) -> Iterator[None]:
    """Let a module make one of torchvision's networks with the random weights.

    The packages know no other way but to fetch the trained ones.
    """
    import torchvision

    bare = getattr(torchvision.models, name)(weights=None)
    net = next(net for net, known in fixtures.NETS.items() if known == name)
    state = {n.removeprefix("features."): v for n, v in fixtures.backbone(net).items()}
    bare.features.load_state_dict(state)
    with mock.patch.object(module, name, return_value=bare):
        yield


def _of_corners(network: Any, **how: bool) -> float:
    import torch

    x, y = (_tensor(i) / 255 for i in _corners())
    with torch.inference_mode():
        return float(network.eval()(x, y, **how))


def _corners() -> tuple[Image, Image]:
    return fixtures.pair("noise", 96, 128)  # networks are slow


def _heads(net: str) -> Any:
    from importlib.util import find_spec
    from pathlib import Path

    import torch

    found = find_spec("lpips")
    assert found is not None
    assert found.origin is not None
    path = Path(found.origin).parent / "weights" / "v0.1" / f"{net}.pth"
    return torch.load(path, map_location="cpu", weights_only=True)


def _tensor(image: Image) -> Any:
    """Return the image as float32 (1, 3, H, W), 0…255."""
    import torch

    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)[None])).float()


def _psnr_skimage(x: Image, y: Image) -> float:
    from skimage.metrics import peak_signal_noise_ratio  # type: ignore[import-untyped]

    return float(peak_signal_noise_ratio(x, y, data_range=255))


def _psnr_torchmetrics(x: Image, y: Image) -> float:
    from torchmetrics.functional.image import peak_signal_noise_ratio

    return float(peak_signal_noise_ratio(_tensor(y), _tensor(x), data_range=255.0))


def _psnr_piq(x: Image, y: Image) -> float:
    import piq  # type: ignore[import-untyped]

    return float(piq.psnr(_tensor(y), _tensor(x), data_range=255.0))


def _ssim_skimage(x: Image, y: Image, **more: Any) -> float:
    from skimage.metrics import structural_similarity

    return float(structural_similarity(x, y, channel_axis=-1, data_range=255, **more))


def _ssim_piq(x: Image, y: Image, **more: Any) -> float:
    import piq

    return float(piq.ssim(_tensor(y), _tensor(x), data_range=255.0, **more))


def _ssim_msssim(x: Image, y: Image) -> float:
    import pytorch_msssim

    return float(pytorch_msssim.ssim(_tensor(y), _tensor(x), data_range=255))


def _ssim_torchmetrics(x: Image, y: Image) -> float:
    from torchmetrics.functional.image import structural_similarity_index_measure as ssim

    return float(ssim(_tensor(y), _tensor(x), data_range=255.0))


def _ms_ssim_msssim(x: Image, y: Image) -> float:
    import pytorch_msssim

    return float(pytorch_msssim.ms_ssim(_tensor(y), _tensor(x), data_range=255))


def _ms_ssim_piq(x: Image, y: Image) -> float:
    import piq

    return float(piq.multi_scale_ssim(_tensor(y), _tensor(x), data_range=255.0))


def _ms_ssim_torchmetrics(x: Image, y: Image) -> float:
    from torchmetrics.functional.image import multiscale_structural_similarity_index_measure as ms

    return float(ms(_tensor(y), _tensor(x), data_range=255.0))


_GAUSSIAN = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
_PACKAGES: Mapping[tuple[str, str], Callable[[Image, Image], float]] = {
    ("psnr", "skimage"): _psnr_skimage,
    ("psnr", "torchmetrics"): _psnr_torchmetrics,
    ("psnr", "piq"): _psnr_piq,
    ("ssim", "skimage"): lambda x, y: _ssim_skimage(x, y, **_GAUSSIAN),
    ("ssim", "skimage-default"): _ssim_skimage,
    ("ssim", "pytorch-msssim"): _ssim_msssim,
    ("ssim", "piq"): lambda x, y: _ssim_piq(x, y, downsample=False),
    ("ssim", "piq-default"): _ssim_piq,
    ("ssim", "torchmetrics"): _ssim_torchmetrics,
    ("ms_ssim", "pytorch-msssim"): _ms_ssim_msssim,
    ("ms_ssim", "piq"): _ms_ssim_piq,
    ("ms_ssim", "torchmetrics"): _ms_ssim_torchmetrics,
}
