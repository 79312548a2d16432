"""Features of the Inception network that FID was published with.

It is the TensorFlow network of 2015, whose pooling and last block differ from torchvision's, by
the blocks of torch-fidelity and the weights that it has converted. How images are brought to
299 × 299 changes FID more than most models do, so each way is an extractor of its own.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from harness_plugins.generative.images import Images
from harness_plugins.generative.metrics.resize import WAYS
from harness_plugins.generative.metrics.weights import INCEPTION, weights_path

__all__ = ["features", "features_of", "trunk"]

_BATCH = 16
_HEAD = {"fc.weight", "fc.bias"}  # of the classifier, which no feature needs


def features(images: Images, way: str, owner: str) -> NDArray[np.float32]:
    """Return the 2048 features of the last pooling for each image, (n, 2048).

    Args:
        images: of any size.
        way: of resizing, a key of :data:`.resize.WAYS`.
        owner: the metric whose weights they are.

    Raises:
        Unavailable: the weights are not here.
        RuntimeError: the file is not that of the network: names or shapes differ.
    """
    return features_of(_trained(weights_path(INCEPTION, owner)), images, way)


def features_of(network: Any, images: Images, way: str) -> NDArray[np.float32]:
    """Return the features of images by a :func:`trunk` with weights; see :func:`features`."""
    pixels, resize = images.bytes_(), WAYS[way]
    found = []
    for start in range(0, len(pixels), _BATCH):
        resized = np.stack([resize(p) for p in pixels[start : start + _BATCH]])
        planes = torch.from_numpy(np.ascontiguousarray(resized.transpose(0, 3, 1, 2)))
        with torch.inference_mode():
            found.append(network((planes - 128) / 128).flatten(1).numpy())
    return np.concatenate(found)


def trunk() -> Any:
    """Return the untrained network up to its last pooling; blocks are called as in the file."""
    from torch import nn
    from torch_fidelity import (  # type: ignore[import-untyped]
        feature_extractor_inceptionv3 as blocks,
    )

    conv = blocks.BasicConv2d
    return nn.Sequential(
        OrderedDict(
            Conv2d_1a_3x3=conv(3, 32, kernel_size=3, stride=2),
            Conv2d_2a_3x3=conv(32, 32, kernel_size=3),
            Conv2d_2b_3x3=conv(32, 64, kernel_size=3, padding=1),
            MaxPool_1=nn.MaxPool2d(kernel_size=3, stride=2),
            Conv2d_3b_1x1=conv(64, 80, kernel_size=1),
            Conv2d_4a_3x3=conv(80, 192, kernel_size=3),
            MaxPool_2=nn.MaxPool2d(kernel_size=3, stride=2),
            Mixed_5b=blocks.InceptionA(192, pool_features=32),
            Mixed_5c=blocks.InceptionA(256, pool_features=64),
            Mixed_5d=blocks.InceptionA(288, pool_features=64),
            Mixed_6a=blocks.InceptionB(288),
            Mixed_6b=blocks.InceptionC(768, channels_7x7=128),
            Mixed_6c=blocks.InceptionC(768, channels_7x7=160),
            Mixed_6d=blocks.InceptionC(768, channels_7x7=160),
            Mixed_6e=blocks.InceptionC(768, channels_7x7=192),
            Mixed_7a=blocks.InceptionD(768),
            Mixed_7b=blocks.InceptionE_1(1280),
            Mixed_7c=blocks.InceptionE_2(2048),
            AvgPool=nn.AdaptiveAvgPool2d(1),
        )
    )


@cache
def _trained(path: Path) -> Any:
    network = trunk()
    state = torch.load(path, map_location="cpu", weights_only=True)
    network.load_state_dict({name: v for name, v in state.items() if name not in _HEAD})
    return network.eval()
