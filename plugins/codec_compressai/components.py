"""What a network of CompressAI is made of, with the tensors that its parts get for an image."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from harness.cost import Component, without_weights
from harness.spec import Json
from harness_plugins.codec_compressai.networks import network_class

__all__ = ["Skeleton", "gathered", "padded_size", "parts"]

_ENCODER = ("g_a", "h_a")
_PARTS = (*_ENCODER, "h_s", "entropy_parameters", "g_s")
_KERNEL = 5  # of the context model

_SMALL, _LARGE = (128, 192), (192, 320)
# Widths of the zoo's networks, quality by quality.
_WIDTHS: dict[str, tuple[tuple[int, ...], ...]] = {
    "bmshj2018-factorized": (_SMALL,) * 5 + (_LARGE,) * 3,
    "bmshj2018-hyperprior": (_SMALL,) * 5 + (_LARGE,) * 3,
    "mbt2018-mean": (_SMALL,) * 4 + (_LARGE,) * 4,
    "mbt2018": ((192, 192),) * 4 + (_LARGE,) * 4,
    "cheng2020-anchor": ((128,),) * 3 + ((192,),) * 3,
    "cheng2020-attn": ((128,),) * 3 + ((192,),) * 3,
}


class Skeleton:
    """A codec of the zoo without its weights, which has a cost and nothing else.

    Args:
        architecture: its name in CompressAI's zoo.
    """

    def __init__(self, architecture: str) -> None:
        self._architecture = architecture

    def components(self, item: NDArray[np.uint8], point: Mapping[str, Json]) -> list[Component]:
        """Return the parts of the network on torch's meta device, with the shapes they get.

        Raises:
            ValueError: there is no such quality.
        """
        widths, quality = _WIDTHS[self._architecture], point.get("quality")
        if quality not in range(1, len(widths) + 1):
            raise ValueError(f"quality {quality}: expected 1 to {len(widths)}")
        with without_weights():
            network = network_class(self._architecture)(*widths[quality - 1]).to("meta")
        size = padded_size(item, network.downsampling_factor)
        x = torch.empty(1, 3, *size, device="meta")
        with torch.no_grad():
            y = network.g_a(x)
            inputs = {"g_a": x, "g_s": y}
            if hasattr(network, "h_a"):
                z = network.h_a(y)
                inputs |= {"h_a": y, "h_s": z}
            if hasattr(network, "entropy_parameters"):
                channels = network.entropy_parameters[0].in_channels
                inputs["entropy_parameters"] = torch.empty(1, channels, 1, 1, device="meta")
        return parts(network.eval(), inputs)


class _ContextAtOnePlace(nn.Module):
    """The context model as the coder runs it: on the neighbourhood of one latent position."""

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        self.convolution = convolution

    def forward(self, neighbourhood: Tensor) -> Tensor:
        """Map (N, M, 5, 5) to (N, 2 M, 1, 1)."""
        layer = self.convolution
        return functional.conv2d(neighbourhood, layer.weight, layer.bias)


@contextmanager
def gathered(network: nn.Module) -> Iterator[dict[str, Tensor]]:
    """Collect what each part of the network is given in the block at its last call, by name."""
    inputs: dict[str, Tensor] = {}

    def keep(name: str, _module: nn.Module, given: tuple[Tensor, ...]) -> None:
        inputs[name] = given[0]

    hooks = [
        module.register_forward_pre_hook(partial(keep, name))
        for name, module in network.named_children()
        if name in _PARTS
    ]
    try:
        yield inputs
    finally:
        for hook in hooks:
            hook.remove()


def parts(network: Any, inputs: Mapping[str, Tensor]) -> list[Component]:
    """Return the network's parts with what they are given.

    ``g_a`` and ``h_a`` are what the encoder runs alone; ``h_s``, the context model and ``g_s``
    are of the step ``decode``, and the encoder runs all of these but ``g_s`` too. An
    autoregressive network runs ``context_prediction`` and ``entropy_parameters`` once for each
    position of the latents.

    Args:
        network: of CompressAI.
        inputs: of each part; tensors on meta become shapes.
    """
    given = dict(inputs)
    modules = {name: getattr(network, name) for name in _PARTS if name in given}
    _, _, rows, columns = given["g_s"].shape
    calls = {"context_prediction": rows * columns, "entropy_parameters": rows * columns}
    if "entropy_parameters" in modules:
        modules["context_prediction"] = _ContextAtOnePlace(network.context_prediction).eval()
        given["context_prediction"] = _neighbourhood(given["g_s"])
    order = (*_ENCODER, "h_s", "context_prediction", "entropy_parameters", "g_s")
    return [
        Component(
            name=name,
            module=modules[name],
            inputs=_plain(given[name]),
            step="encode" if name in _ENCODER else "decode",
            calls=calls.get(name, 1),
            output="reconstruction" if name == "g_s" else "",
        )
        for name in order
        if name in modules
    ]


def padded_size(image: NDArray[np.uint8], stride: int) -> tuple[int, int]:
    """Return height and width of the image (H, W, 3), rounded up to multiples of ``stride``."""
    height, width, _ = image.shape
    return -(-height // stride) * stride, -(-width // stride) * stride


def _neighbourhood(y_hat: Tensor) -> Tensor:
    """Return the latents around the position in the middle, (1, M, 5, 5)."""
    half = _KERNEL // 2
    rows, columns = (n // 2 for n in y_hat.shape[2:])
    padded = functional.pad(y_hat, (half, half, half, half))
    return padded[:, :, rows : rows + _KERNEL, columns : columns + _KERNEL]


def _plain(tensor: Tensor) -> Sequence[Any]:
    """Return the arguments of a module: a tensor that autograd may use, or a shape."""
    return [tuple(tensor.shape) if tensor.is_meta else tensor.clone()]
