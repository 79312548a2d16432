"""Any model with quantised layers: its own methods, through the same modules."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from harness import cost
from harness.cost import Component, NotMeasuredError, count
from harness.spec import Json
from harness.trace import note
from harness_plugins.device_host.export import as_tensors
from harness_plugins.quantization.layers import (
    QuantizedLayer,
    Range,
    is_quantizable,
    layers_of,
    macs_of,
    quantize,
    restore,
)

__all__ = ["QuantizationError", "Quantized", "wrap"]

_FLOAT = frozenset({"fit", "load"})  # they make or bring float weights
Point = Mapping[str, Json]


class QuantizationError(Exception):
    """The variant is none: nothing changed, or the model does not run what was changed."""

    outcome = "invalid"


def wrap(model: Any, items: Sequence[Any], weights: str, activations: str | None) -> Quantized:
    """Return ``model`` with its layers quantised, calibrated on ``items``."""
    return Quantized(model, items, weights, activations)


class Quantized:
    """A model that quantises the layers of its components before it does anything with them.

    Calibration: ``components(item, point)`` of the float model gives each module with the real
    tensors it gets for each item, and every layer keeps the range of all that went into it.
    Layers are changed in place, at each operating point anew, so ``encode``, ``decode`` or
    whatever the family asks for runs through them. The same items give the same ranges in every
    process: an encoder and its decoder agree.

    Args:
        model: has ``components``.
        items: at least one, as its ``components`` takes them.
        weights, activations: formats; None leaves activations in float.
    """

    def __init__(
        self, model: Any, items: Sequence[Any], weights: str, activations: str | None
    ) -> None:
        if not hasattr(model, "components"):
            raise NotMeasuredError("the model does not name its modules: it has no components()")
        if not items:
            raise QuantizationError("no item to calibrate on")
        self._model = model
        self._items = items
        self._formats = (weights, activations)
        self._point: Point = {}
        self._floats: list[tuple[nn.Module, nn.Parameter]] = []
        self._coverage: dict[str, Json] | None = None
        for name in dir(model):
            own = name.startswith("_") or hasattr(Quantized, name)
            own = own or isinstance(getattr(type(model), name, None), property)
            if not own and callable(method := getattr(model, name)):
                setattr(self, name, self._through(name, method))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_model"], name)

    def at(self, point: Point) -> None:
        """Be told the operating point of the next call: each has weights or ranges of its own."""
        if point != self._point:
            self._undo()
            self._point = dict(point)

    def _through(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        """Return the method on quantised layers, or on float ones where it brings weights."""

        @functools.wraps(method)
        def call(*args: Any, **keywords: Any) -> Any:
            if name in _FLOAT:
                self._undo()
                return method(*args, **keywords)
            if self._coverage is None:
                self._quantize()
            with _watched(name):
                found = method(*args, **keywords)
            note("quantization", self._coverage)
            return found

        return call

    @torch.no_grad()
    def _quantize(self) -> None:
        ranges: dict[nn.Module, Range] = {}
        first: list[tuple[Component, list[Any], list[Tensor]]] = []
        for place, item in enumerate(self._items):
            for component in self._parts(item):
                tensors = as_tensors(component.inputs)
                with _observed(component, ranges, counted=place == 0):
                    outputs = _run(component.module, tensors)
                if place == 0:
                    first.append((component, tensors, outputs))
        if not ranges:
            raise QuantizationError(
                "nothing to quantise: no component has a linear or convolutional layer"
            )
        weights, activations = self._formats
        for layer, seen in ranges.items():
            self._floats.append((layer, layer._parameters["weight"]))  # noqa: SLF001
            quantize(layer, seen, weights, activations)
        if all(_equal(_run(c.module, tensors), before) for c, tensors, before in first):
            self._undo()
            raise QuantizationError(
                f"weights {weights}, activations {activations}: every output equals the original's"
            )
        self._coverage = self._covered(ranges, [component for component, _, _ in first])

    def _parts(self, item: Any) -> list[Component]:
        try:
            found = list(self._model.components(item, self._point))
        except Exception as error:
            line = " ".join(str(error).split())[:200]
            raise QuantizationError(
                f"components() does not take an item of the calibration set: "
                f"{type(error).__name__}: {line}"
            ) from error
        return [component for component in found if isinstance(component.module, nn.Module)]

    def _covered(
        self, ranges: Mapping[nn.Module, Range], components: Sequence[Component]
    ) -> dict[str, Json]:
        """Return what was changed, as shares of the MACs of the first item and of the weights."""
        weights, activations = self._formats
        modules: list[Any] = [component.module for component in components]
        parameters = cost.weights(nn.ModuleList(modules)).parameters
        total = sum(
            c.calls * count(m, c.inputs).macs for c, m in zip(components, modules, strict=True)
        )
        changed = sum(weight.numel() for _, weight in self._floats)
        macs = sum(seen.macs for seen in ranges.values())
        return {
            "weights": weights,
            "activations": activations or "float",
            "layers": len(ranges),
            "weights_share": changed / parameters,
            "macs_share": macs / total if total else 0.0,
            "items": len(self._items),
        }

    def _undo(self) -> None:
        for layer, weight in self._floats:
            restore(layer, weight)
        self._floats, self._coverage = [], None


def _run(module: nn.Module, tensors: Sequence[Any]) -> list[Tensor]:
    """Return the output tensors of a module in eval mode; it stays in the mode it was in."""
    modes = [(part, part.training) for part in module.modules()]
    try:
        outputs = module.eval()(*tensors)
    finally:
        for part, mode in modes:
            part.training = mode
    leaves = torch.utils._pytree.tree_leaves(outputs)  # noqa: SLF001
    return [value for value in leaves if isinstance(value, Tensor)]


def _equal(found: Sequence[Tensor], before: Sequence[Tensor]) -> bool:
    return all(torch.equal(y, x) for y, x in zip(found, before, strict=True))


@contextmanager
def _observed(
    component: Component, ranges: dict[nn.Module, Range], *, counted: bool
) -> Iterator[None]:
    """Keep what goes into each layer in the block; where it counts, how much that computes."""
    module: Any = component.module

    def see(layer: nn.Module, given: tuple[Any, ...], y: Tensor) -> None:
        seen = ranges.setdefault(layer, Range())
        seen.see(given[0])
        if counted:
            seen.macs += component.calls * macs_of(layer, given[0], y)

    hooks = [layer.register_forward_hook(see) for layer in layers_of([module])]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


@contextmanager
def _watched(method: str) -> Iterator[None]:
    """Leave out what a method gives that runs layers, but none of the quantised ones."""
    ran = {"float": 0, "quantised": 0}

    def see(module: nn.Module, _given: Any) -> None:
        if isinstance(module, QuantizedLayer):
            ran["quantised"] += 1
        elif is_quantizable(module):
            ran["float"] += 1

    hook = nn.modules.module.register_module_forward_pre_hook(see)
    try:
        yield
    finally:
        hook.remove()
    if ran["float"] and not ran["quantised"]:
        raise NotMeasuredError(
            f"{method} ran {ran['float']} layers, none of them among those that components() names"
        )
