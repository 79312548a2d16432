"""The networks as codecs: what they are made of, until there are weights to code with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NoReturn

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from harness.cost import Component
from harness.spec import Json, Unavailable
from harness_plugins.codec_transform import networks

__all__ = [
    "TransformCodec",
    "conv_charm",
    "conv_charm_skeleton",
    "conv_hyperprior",
    "conv_hyperprior_skeleton",
    "swint_charm",
    "swint_charm_skeleton",
    "swint_hyperprior",
    "swint_hyperprior_skeleton",
]

_STRIDE = 64
_ENCODER = ("g_a", "h_a")


class TransformCodec:
    """A network of the paper without trained weights: it has a cost, and codes nothing.

    Args:
        network: with random weights, or on torch's meta device.
    """

    def __init__(self, network: networks.CompressionNetwork) -> None:
        self._network = network.eval().requires_grad_(requires_grad=False)

    def encode(self, image: NDArray[np.uint8], point: Mapping[str, Json]) -> NoReturn:  # noqa: ARG002
        """Raise ``Unavailable``: no weights were published."""
        raise _no_weights()

    def decode(self, data: bytes) -> NoReturn:  # noqa: ARG002
        """Raise ``Unavailable``: no weights were published."""
        raise _no_weights()

    def components(
        self,
        item: NDArray[np.uint8],
        point: Mapping[str, Json],  # noqa: ARG002 - of the interface
    ) -> list[Component]:
        """Return the transforms and, slice by slice, the context model, as they run for ``item``.

        ``g_a`` and ``h_a`` are what the encoder runs alone; what the decoder runs is of the step
        ``decode``, and the encoder runs all of that but ``g_s`` too. Inputs are the tensors that
        each module gets for the image, padded below and to the right with its last row and
        column to multiples of 64; for a network on meta, their shapes.

        Args:
            item: uint8 (H, W, 3).
            point: has no axes.
        """
        network = self._network
        modules: dict[str, nn.Module] = {
            "g_a": network.g_a,
            "h_a": network.h_a,
            "h_s": network.h_s,
        }
        if network.context is not None:
            modules |= {f"context_{i}": part for i, part in enumerate(network.context.slices)}
        inputs: dict[str, tuple[Tensor, ...]] = {}
        hooks = [
            module.register_forward_pre_hook(partial(_keep, inputs, name))
            for name, module in modules.items()
        ]
        try:
            with torch.no_grad():
                latents = network.quantise(_padded(item, next(network.parameters()).device))
        finally:
            for hook in hooks:
                hook.remove()
        modules["g_s"], inputs["g_s"] = network.g_s, (latents.y_hat,)
        return [
            Component(
                name=name,
                module=module,
                inputs=[tuple(t.shape) if t.is_meta else t.contiguous() for t in inputs[name]],
                step="encode" if name in _ENCODER else "decode",
            )
            for name, module in modules.items()
        ]


def _no_weights() -> Unavailable:
    return Unavailable(
        "its authors published no weights", "train it: harness_plugins.codec_transform.networks"
    )


def _keep(
    inputs: dict[str, tuple[Tensor, ...]],
    name: str,
    _module: nn.Module,
    given: tuple[Tensor, ...],
) -> None:
    inputs[name] = given


def _padded(image: NDArray[np.uint8], device: torch.device) -> Tensor:
    """Return the image as float32 (1, 3, H', W') in 0…1, both sides multiples of 64."""
    height, width, _ = image.shape
    if device.type == "meta":
        sides = (-(-side // _STRIDE) * _STRIDE for side in (height, width))
        return torch.empty(1, 3, *sides, device=device)
    planes = np.array(image.transpose(2, 0, 1)[None], dtype=np.float32, order="C")
    x = torch.from_numpy(planes).div_(255.0)
    return functional.pad(x, (0, -width % _STRIDE, 0, -height % _STRIDE), mode="replicate")


def _untrained(make: Callable[[], networks.CompressionNetwork], seed: int) -> TransformCodec:
    """Return a network with random weights, the same for the same seed.

    The analysis convolutions are three times what torch draws, so that latents spread over
    several integers, as a trained network's do, and are not all zero.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = make()
    with torch.no_grad():
        for part in [*network.g_a.modules(), *network.h_a.modules()]:
            if isinstance(part, nn.Conv2d):
                part.weight.mul_(3.0)
    return TransformCodec(network)


def _skeleton(make: Callable[[], Any], seed: int) -> TransformCodec:  # noqa: ARG001 - of the factory
    """Return a network whose weights take no memory."""
    with torch.device("meta"):
        return TransformCodec(make())


conv_hyperprior = partial(_untrained, networks.conv_hyperprior)
conv_charm = partial(_untrained, networks.conv_charm)
swint_hyperprior = partial(_untrained, networks.swint_hyperprior)
swint_charm = partial(_untrained, networks.swint_charm)
conv_hyperprior_skeleton = partial(_skeleton, networks.conv_hyperprior)
conv_charm_skeleton = partial(_skeleton, networks.conv_charm)
swint_hyperprior_skeleton = partial(_skeleton, networks.swint_hyperprior)
swint_charm_skeleton = partial(_skeleton, networks.swint_charm)
