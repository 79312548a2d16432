"""Pictures and networks for cross-checks: made from seeds, equal on any machine.

Pictures are integer arithmetic; random numbers are those of numpy's legacy generator, whose
streams are frozen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from harness_plugins.codec.metrics.pair import Image

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["DAMAGES", "backbone", "pair", "picture", "texture_weights"]

HEIGHT, WIDTH = 384, 416  # piq halves what is larger than 383
BINOMIAL = np.array([1, 4, 6, 4, 1])
NETS = {"alex": "alexnet", "vgg": "vgg16", "squeeze": "squeezenet1_1"}


def picture() -> Image:
    """Return a picture, uint8 (384, 416, 3): slopes, edges and a little noise."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    edges = 55 * ((x // 24 + y // 24) % 2)
    noise = _random(1).randint(-5, 6, (HEIGHT, WIDTH, 1))
    slopes = np.stack([30 + np.abs((2 * x + (c + 1) * y) % 220 - 110) for c in range(3)], axis=-1)
    return _levels(slopes + edges[..., None] + noise)


def noisy(image: Image) -> Image:
    """Return it with noise of up to 20 levels."""
    return _levels(image + _random(2).randint(-20, 21, image.shape))


def blurred(image: Image) -> Image:
    """Return it through a binomial filter of 5 × 5, its border repeated."""
    padded = np.pad(image.astype(np.int64), ((2, 2), (2, 2), (0, 0)), mode="edge")
    height, width = image.shape[:2]
    down = sum(w * padded[i : i + height] for i, w in enumerate(BINOMIAL))
    across = sum(w * down[:, i : i + width] for i, w in enumerate(BINOMIAL))
    return _levels((across + 128) // 256)


def coarse(image: Image) -> Image:
    """Return it in 16 levels."""
    return _levels(image // 16 * 16 + 8)


DAMAGES = {"noise": noisy, "blur": blurred, "coarse": coarse}


def pair(damage: str, height: int = HEIGHT, width: int = WIDTH) -> tuple[Image, Image]:
    """Return a corner of the picture, and of it damaged, a key of ``DAMAGES``."""
    image = picture()
    corner = np.s_[:height, :width]
    return image[corner].copy(), DAMAGES[damage](image)[corner].copy()


def backbone(net: str) -> dict[str, Tensor]:
    """Return random weights of ``alex``, ``vgg`` or ``squeeze`` under torchvision's names."""
    import torch
    import torchvision  # type: ignore[import-untyped]

    with torch.device("meta"):
        shapes = {
            name: tuple(value.shape)
            for name, value in getattr(torchvision.models, NETS[net])().state_dict().items()
            if name.startswith("features.")
        }
    random = _random(3)
    state = {}
    for name, shape in shapes.items():
        fan_in = int(np.prod(shape[1:])) if len(shape) > 1 else 200
        values = random.normal(scale=np.sqrt(2 / fan_in), size=shape)
        state[name] = torch.from_numpy(values).float()
    return state


def texture_weights() -> dict[str, Tensor]:
    """Return random ``alpha`` and ``beta`` of DISTS, positive as the learned ones are."""
    import torch

    random = _random(4)
    return {n: torch.from_numpy(random.rand(1, 1475, 1, 1)).float() for n in ("alpha", "beta")}


def _random(seed: int) -> np.random.RandomState:
    return np.random.RandomState(seed)


def _levels(values: np.ndarray) -> Image:
    return values.clip(0, 255).astype(np.uint8)
