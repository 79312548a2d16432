"""Distances between features of networks trained on ImageNet: LPIPS and DISTS.

The networks come from the weights cache, never from a download of their own; without them the
factories raise ``Unavailable`` with the command that fetches them.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from harness.data import resource_path
from harness.spec import Resource
from harness_plugins.codec.metrics import weights
from harness_plugins.codec.metrics.pair import Image, ImageMetric, check_pair

__all__ = ["dists", "dists_of", "lpips", "lpips_of"]

# net of the lpips package: its backbone, and the smallest side its pooling leaves a pixel of
BACKBONES: Mapping[str, tuple[Resource, int]] = {
    "alex": (weights.ALEXNET, 31),
    "squeeze": (weights.SQUEEZENET, 17),
    "vgg": (weights.VGG16, 16),
}
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
# DISTS looks at the image itself, and at relu1_2, 2_2, 3_3, 4_3 and 5_3 of VGG-16
DISTS_LAYERS = (3, 8, 15, 22, 29)
DISTS_CHANNELS = (3, 64, 128, 256, 512, 512)
DISTS_EPSILON = 1e-6


def lpips(net: str, owner: str = "") -> ImageMetric:
    """Make LPIPS 0.1 with its learned linear heads (Zhang et al. 2018, eq. 1).

    The features of each layer are normalised over channels, and their squared difference is
    weighted and averaged over positions; images go in at their own size, scaled to -1…1.

    Args:
        net: backbone: ``alex``, ``vgg`` or ``squeeze``.
        owner: the metric whose weights they are, ``lpips_NET`` where it is empty.

    Returns:
        A callable from two uint8 (H, W, 3) images to a distance, 0 where they are equal. It
        raises ``ValueError`` where they cannot be compared.

    Raises:
        Unavailable: the backbone's weights are not here.
    """
    return lpips_of(net, _load(owner or f"lpips_{net}", BACKBONES[net][0]))


def lpips_of(net: str, state: Mapping[str, Tensor]) -> ImageMetric:
    """Make LPIPS with a backbone given as torchvision's state; see :func:`lpips`."""
    least = BACKBONES[net][1]
    import lpips as package  # type: ignore[import-untyped]

    with warnings.catch_warnings():
        # It asks torchvision for an untrained network by a deprecated argument.
        warnings.filterwarnings("ignore", category=UserWarning, module="torchvision")
        model = package.LPIPS(net=net, pnet_rand=True, verbose=False)
    # Its slices keep torchvision's layer numbers: slice2.3.weight is features.3.weight.
    names = {name: f"features.{name.partition('.')[2]}" for name in model.net.state_dict()}
    model.net.load_state_dict({name: state[source] for name, source in names.items()})
    model.eval()

    def measure(reference: Image, reconstruction: Image) -> float:
        check_pair(reference, reconstruction, least=least, why=_pooling(net))
        with torch.inference_mode():
            distance = model(*(_tensor(i) / 127.5 - 1.0 for i in (reference, reconstruction)))
        return float(distance)

    return measure


def dists(owner: str = "dists") -> ImageMetric:
    """Make DISTS: structure and texture of VGG-16 features (Ding et al. 2020).

    Images go in at their own size, as in pyiqa, torchmetrics and NeuralCompression; the
    authors' command and piq first shrink them to a shorter side of 256.

    Args:
        owner: the metric whose weights they are.

    Returns:
        A callable from two uint8 (H, W, 3) images, both sides at least 16, to a distance, 0
        where they are equal. It raises ``ValueError`` where they cannot be compared.

    Raises:
        Unavailable: the weights of VGG-16 or of DISTS are not here.
    """
    return dists_of(_load(owner, weights.VGG16), _load(owner, weights.DISTS))


def dists_of(state: Mapping[str, Tensor], learned: Mapping[str, Tensor]) -> ImageMetric:
    """Make DISTS with torchvision's state of VGG-16 and its ``alpha`` and ``beta``."""
    import torchvision  # type: ignore[import-untyped]

    with torch.device("meta"):
        features = torchvision.models.vgg16().features
    prefix = "features."
    features.load_state_dict(
        {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}, assign=True
    )
    features.eval()
    total = learned["alpha"].sum() + learned["beta"].sum()
    alphas, betas = (
        torch.split((learned[name] / total).flatten().double(), list(DISTS_CHANNELS))
        for name in ("alpha", "beta")
    )

    def measure(reference: Image, reconstruction: Image) -> float:
        check_pair(reference, reconstruction, least=16, why=_pooling("vgg"))
        similarity = 0.0
        with torch.inference_mode():
            layers = (_dists_layers(features, _tensor(i)) for i in (reference, reconstruction))
            for x, y, alpha, beta in zip(*layers, alphas, betas, strict=True):
                structure, texture = _similarities(x, y)
                similarity += float(alpha @ structure + beta @ texture)
        return max(1.0 - similarity, 0.0)  # the weights sum to 1 but for rounding

    return measure


def _load(metric: str, resource: Resource) -> dict[str, Tensor]:
    path = resource_path(metric, resource, remedy=f"harness weights pull {metric}")
    state: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return state


def _pooling(net: str) -> str:
    return f"the pooling of {net} leaves nothing of a smaller image"


def _tensor(image: Image) -> Tensor:
    """Return the image as float32 (1, 3, H, W), 0…255."""
    planes = np.ascontiguousarray(image.transpose(2, 0, 1)[None], dtype=np.float32)
    return torch.from_numpy(planes)


def _dists_layers(features: Any, image: Tensor) -> Iterator[Tensor]:
    """Yield the image, 0…1, and the features of the five layers; each (1, C, h, w)."""
    hidden = image / 255.0
    yield hidden
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (IMAGENET_MEAN, IMAGENET_STD))
    hidden = (hidden - mean) / std
    for index, layer in enumerate(features[: DISTS_LAYERS[-1] + 1]):
        pools = isinstance(layer, torch.nn.MaxPool2d)
        hidden = _l2_pool(hidden) if pools else layer(hidden)
        if index in DISTS_LAYERS:
            yield hidden


def _l2_pool(hidden: Tensor) -> Tensor:
    """Halve by the root of a Hann-weighted mean of squares (Hénaff & Simoncelli 2016)."""
    channels = hidden.shape[1]
    hann = torch.tensor([0.25, 0.5, 0.25])
    window = torch.outer(hann, hann).expand(channels, 1, 3, 3)
    power = functional.conv2d(hidden**2, window, stride=2, padding=1, groups=channels)
    return torch.sqrt(power + 1e-12)


def _similarities(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Return structure and texture similarity of each channel, float64 (C,)."""
    x, y = (t.flatten(2).squeeze(0) for t in (x, y))
    mean_x, mean_y = (t.mean(1, keepdim=True) for t in (x, y))
    x, y = x - mean_x, y - mean_y
    variances = (x * x).mean(1) + (y * y).mean(1)
    covariance = (x * y).mean(1)
    mean_x, mean_y = mean_x.flatten(), mean_y.flatten()
    structure = (2 * mean_x * mean_y + DISTS_EPSILON) / (mean_x**2 + mean_y**2 + DISTS_EPSILON)
    texture = (2 * covariance + DISTS_EPSILON) / (variances + DISTS_EPSILON)
    return structure.double(), texture.double()
