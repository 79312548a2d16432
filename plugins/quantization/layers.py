"""Layers that hold weights of few bits and round what goes in, in the place of float layers.

A layer is changed in place: it keeps its identity, name and settings, so whatever calls it calls
the quantised layer. Its class becomes a subclass whose ``weight`` is computed from what is stored.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from harness_plugins.quantization.formats import FORMATS, Affine, Scaled, pack, unpack

__all__ = [
    "QuantizedLayer",
    "Range",
    "is_quantizable",
    "layers_of",
    "macs_of",
    "quantize",
    "restore",
]

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
_KINDS = (nn.Linear, *_CONVOLUTIONS, *_TRANSPOSED)
_PACKED = ("int4",)


@dataclass(slots=True)
class Range:
    """The least and the largest value that went into a layer, and how much it computed."""

    low: float = float("inf")
    high: float = float("-inf")
    macs: int = 0

    def see(self, x: Tensor) -> None:
        self.low = min(self.low, float(x.min()))
        self.high = max(self.high, float(x.max()))


class QuantizedLayer(nn.Module):
    """What the class of a quantised layer has before its own: :func:`quantize` makes them."""

    _weights: str
    _activations: str | None
    _dtype: torch.dtype
    _shape: torch.Size
    weight_scale: Tensor
    low: Tensor
    high: Tensor

    @property
    def weight(self) -> Tensor:
        """Return what the stored weights stand for, in the dtype they had."""
        stored = self._parameters["weight"]
        assert stored is not None
        if self._weights in _PACKED:
            stored = unpack(stored, self._shape)
        return Scaled(FORMATS[self._weights], self.weight_scale).value(stored).to(self._dtype)

    @property
    def packed(self) -> dict[str, tuple[str, int]]:
        """Return what is packed, as :func:`harness.cost.weights` reads it."""
        return {"weight": (self._weights, self._shape.numel())} if self._weights in _PACKED else {}

    def forward(self, x: Tensor, *more: Any, **others: Any) -> Any:
        """Round ``x`` to the calibrated grid, then do what the layer does."""
        return super().forward(self._rounded(x), *more, **others)

    def extra_repr(self) -> str:
        own = f"weights={self._weights}, activations={self._activations or 'float'}"
        return f"{super().extra_repr()}, {own}"

    def _rounded(self, x: Tensor) -> Tensor:
        if self._activations is None:
            return x
        form = FORMATS[self._activations]
        if form.integer:
            return Affine.of(self.low, self.high, form.bits)(x)
        return Scaled.of(torch.maximum(-self.low, self.high), form)(x)


def is_quantizable(module: nn.Module) -> bool:
    """Say whether a module is a layer that can be quantised, and is not yet.

    A layer of another kind says so by an attribute ``summed_axes``: the axes of its ``weight``
    that its product with the one input sums over.
    """
    known = isinstance(module, _KINDS) or hasattr(module, "summed_axes")
    return known and not isinstance(module, QuantizedLayer)


def layers_of(modules: Iterable[nn.Module]) -> list[nn.Module]:
    """Return the layers in ``modules`` that can be quantised, each once."""
    found = {id(m): m for module in modules for m in module.modules() if is_quantizable(m)}
    return list(found.values())


@torch.no_grad()
def quantize(layer: Any, seen: Range, weights: str, activations: str | None) -> None:
    """Change a layer in place.

    Weights are scaled symmetrically per output channel by their absolute maximum. Activations
    keep the range that was seen, for the whole tensor; values beyond it are clipped.

    Args:
        layer: of a kind that :func:`is_quantizable` knows.
        seen: of what goes into it.
        weights, activations: names of :data:`~harness_plugins.quantization.formats.FORMATS`;
            None leaves activations as they are.
    """
    weight = layer.weight.detach()
    scaled = Scaled.of(_largest(layer, weight), FORMATS[weights])
    stored = scaled.store(weight)
    layer.__class__ = _subclass(type(layer))
    layer._parameters["weight"] = nn.Parameter(  # noqa: SLF001
        pack(stored) if weights in _PACKED else stored, requires_grad=False
    )
    layer.register_buffer("weight_scale", scaled.scale)
    layer.register_buffer("low", torch.tensor(seen.low, device=weight.device))
    layer.register_buffer("high", torch.tensor(seen.high, device=weight.device))
    layer._weights, layer._activations = weights, activations  # noqa: SLF001
    layer._dtype, layer._shape = weight.dtype, weight.shape  # noqa: SLF001


def restore(layer: Any, weight: nn.Parameter) -> None:
    """Make a quantised layer what it was, with ``weight``."""
    for name in ("weight_scale", "low", "high"):
        del layer._buffers[name]  # noqa: SLF001
    del layer._weights, layer._activations, layer._dtype, layer._shape  # noqa: SLF001
    layer.__class__ = type(layer).__mro__[2]
    layer._parameters["weight"] = weight  # noqa: SLF001


@cache
def _subclass(kind: type[nn.Module]) -> type[nn.Module]:
    return type(f"Quantized{kind.__name__}", (QuantizedLayer, kind), {})


def _largest(layer: Any, weight: Tensor) -> Tensor:
    """Return the absolute maximum of each output channel, broadcastable to the weight."""
    if hasattr(layer, "summed_axes"):
        return weight.abs().amax(dim=layer.summed_axes, keepdim=True)
    if not isinstance(layer, _TRANSPOSED):
        return weight.abs().amax(dim=tuple(range(1, weight.ndim)), keepdim=True)
    if layer.groups == 1:  # (inputs, outputs, …)
        return weight.abs().amax(dim=(0, *range(2, weight.ndim)), keepdim=True)
    # (inputs, outputs of a group, …): the rows of a group make that group's outputs
    grouped = weight.abs().unflatten(0, (layer.groups, -1))
    largest = grouped.amax(dim=(1, *range(3, grouped.ndim)), keepdim=True)
    return largest.expand(-1, grouped.shape[1], *(-1,) * (grouped.ndim - 2)).flatten(0, 1)


def macs_of(layer: Any, x: Tensor, y: Tensor) -> int:
    """Return the multiply-accumulates of one call of a layer, without the bias."""
    weight = layer.weight
    if hasattr(layer, "summed_axes"):
        return y.numel() * math.prod(weight.shape[axis] for axis in layer.summed_axes)
    if isinstance(layer, _TRANSPOSED):  # each input value meets a row of the weight
        return x.numel() * weight[0].numel()
    return y.numel() * weight[0].numel()
