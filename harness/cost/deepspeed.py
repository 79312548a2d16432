"""What the FLOPs profiler of DeepSpeed 0.5.10 billed as MACs, slips included.

It replaced Python functions (``F.linear``, ``F.conv*``, ``torch.matmul`` …) by ones that bill
first. So it saw what a model called by name and nothing below: not ``@``, ``torch.einsum``,
``torch.baddbmm`` or the inside of an LSTM, all of which it gave no MACs. Its formula for
transposed convolutions takes the input's channels for the output's. ``Tensor.bmm`` it billed
twice.

Source: ``deepspeed/profiling/flops_profiler/profiler.py`` of the release 0.5.10 (January 2022).
"""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from typing import Any, Self

import torch

from harness.cost.execution import Call

__all__ = ["TensorMethods", "billed_macs"]

_PRODUCTS = frozenset({"aten::matmul", "aten::mm", "aten::bmm"})
_lock = threading.RLock()


# How often a method of torch.Tensor was billed where that is not once, as its function is: ``@``
# was never replaced, and the replaced ``Tensor.bmm`` called the replaced ``torch.bmm``.
_TIMES = {"__matmul__": 0, "__rmatmul__": 0, "bmm": 2}


class TensorMethods:
    """Know by which method a product was asked for: torch gives functions and methods one name.

    While open, methods of ``torch.Tensor`` are replaced by ones that set ``times``, how often
    the profiler billed what runs now; one thread at a time.
    """

    def __init__(self) -> None:
        self.times = 1

    def __enter__(self) -> Self:
        _lock.acquire()
        self._before = {name: getattr(torch.Tensor, name) for name in _TIMES}
        self._own = {name: name in vars(torch.Tensor) for name in _TIMES}
        for name, original in self._before.items():
            setattr(torch.Tensor, name, self._marking(original, _TIMES[name]))
        return self

    def __exit__(self, *_: object) -> None:
        for name, original in self._before.items():
            if self._own[name]:
                setattr(torch.Tensor, name, original)
            else:
                delattr(torch.Tensor, name)
        _lock.release()

    def _marking(self, original: Any, times: int) -> Any:
        def multiply(left: Any, right: Any) -> Any:
            if self.times != 1:  # torch's own work on meta, inside another method
                return original(left, right)
            self.times = times
            try:
                return original(left, right)
            finally:
                self.times = 1

        return multiply


def billed_macs(call: Call) -> tuple[str, int] | None:
    """Return kind and MACs of an operator that the model's own code called, None if unbilled.

    Raises:
        ValueError: where the profiler itself failed.
    """
    given = _arguments(call)
    if call.name == "aten::linear":
        return "linear", given["input"].numel() * given["weight"].shape[0]
    if call.name in _PRODUCTS:
        left, right = call.args[:2]
        return "matmul", left.numel() * right.shape[-1]
    if call.name == "aten::addmm":
        return "matmul", given["mat1"].numel() * given["mat2"].shape[-1]
    if call.name in {"aten::conv1d", "aten::conv2d", "aten::conv3d"}:
        return "convolution", _convolution(given)
    if call.name.startswith("aten::conv_transpose"):
        return "transposed convolution", _transposed(given)
    return None


def _arguments(call: Call) -> dict[str, Any]:
    names = call.schema.arguments
    given = {a.name: a.default_value for a in names if a.has_default_value()}
    given |= {a.name: value for a, value in zip(names, call.args, strict=False)}
    return given | call.kwargs


def _kernel(given: dict[str, Any]) -> tuple[int, Sequence[int]]:
    """Return the product of the two last sizes of the weight, and the sizes of the input's map."""
    sizes = given["input"].shape[2:]
    if len(sizes) > 2:
        raise ValueError("DeepSpeed 0.5.10 fails on convolutions of three dimensions")
    return math.prod(given["weight"].shape[-2:]), sizes


def _convolution(given: dict[str, Any]) -> int:
    x, weight, groups = given["input"], given["weight"], given["groups"]
    kernel, sizes = _kernel(given)
    if isinstance(given["padding"], str):
        raise ValueError("DeepSpeed 0.5.10 fails on padding given as a word")  # noqa: TRY004
    if weight.shape[1] * groups != x.shape[1]:
        raise ValueError("DeepSpeed 0.5.10 fails on a convolution without a batch")
    positions = 1
    for i, size in enumerate(sizes):
        padding, stride, dilation = (
            value[i] if isinstance(value, Sequence) and len(value) > 1 else _one(value)
            for value in (given["padding"], given["stride"], given["dilation"])
        )
        # For one dimension this is not the kernel's size but the channels': its slip, kept.
        extent = dilation * (weight.shape[-2:][i] - 1) + 1
        positions *= (size + 2 * padding - extent) // stride + 1
    filters = weight.shape[0] // groups
    return int(kernel * x.shape[1] * filters * x.shape[0] * positions)


def _transposed(given: dict[str, Any]) -> int:
    x, weight = given["input"], given["weight"]
    kernel, sizes = _kernel(given)
    filters = weight.shape[0] // given["groups"]  # shape[0] is the input's channels: its slip
    return int(kernel * x.shape[1] * filters * x.shape[0] * math.prod(sizes))


def _one(value: Any) -> int:
    return int(value[0] if isinstance(value, Sequence) else value)
