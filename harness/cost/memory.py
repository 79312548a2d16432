"""Memory of a module: its weights, the peak of its live activations, and that of this process."""

from __future__ import annotations

import functools
import hashlib
import resource
import sys
import weakref
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils._pytree import tree_leaves

from harness.cost.execution import Call, as_inputs, has_lazy, run, shapes_of, storage_key

__all__ = [
    "Activations",
    "Weights",
    "activations",
    "digest",
    "process_peak_resident_bytes",
    "weights",
]

_WORDS = (bool, int, float, complex, str, bytes, Enum, torch.dtype)


@dataclass(frozen=True)
class Weights:
    """What a module stores. Shared tensors are counted once.

    Attributes:
        parameters: number of scalars that are parameters.
        parameter_bytes: bytes of parameters by dtype, e.g. ``{"float32": 4096}``.
        buffer_bytes: bytes of buffers by dtype.
    """

    parameters: int
    parameter_bytes: Mapping[str, int]
    buffer_bytes: Mapping[str, int]


@dataclass(frozen=True)
class Activations:
    """Live tensors of one call in eager mode, without weights and inputs.

    Attributes:
        peak_bytes: the most that was alive at once.
        peak_module: the submodule that was running then; ``""`` is the module itself.
        inputs: shapes of the input tensors, by position or name.
    """

    peak_bytes: int
    peak_module: str
    inputs: Mapping[str, tuple[int, ...]]

    @property
    def signature(self) -> str:
        """How the number is made: two are comparable only where it is equal."""
        return "peak_activations|live-storages|eager|fused-attention|eval|v1"


def weights(module: torch.nn.Module) -> Weights:
    """Return how many parameters a module has, and the bytes of parameters and buffers.

    A part whose parameter holds several numbers in one of its dtype says so by an attribute
    ``packed``: parameter names to a format and how many numbers it is, e.g.
    ``{"weight": ("int4", 4608)}``.

    Raises:
        ValueError: where a lazy layer has no shape yet.
    """
    if has_lazy(module):
        raise ValueError(f"{type(module).__name__}: lazy layers have no shape yet")
    packed = {
        id(dict(part.named_parameters(recurse=False))[name]): format_and_number
        for part in module.modules()
        for name, format_and_number in getattr(part, "packed", {}).items()
    }
    parameters = list(module.parameters())
    return Weights(
        parameters=sum(packed.get(id(p), ("", p.numel()))[1] for p in parameters),
        parameter_bytes=_by_dtype(parameters, {key: name for key, (name, _) in packed.items()}),
        buffer_bytes=_by_dtype(module.buffers(), {}),
    )


def digest(module: torch.nn.Module) -> str:
    """Return the sha256 of a module: its parts, their settings, and the bytes of their weights.

    Settings are the attributes of each part (a stride, a flag, a function's name), hooks and
    training mode left out. Two modules of one digest compute the same, if their code is the
    same. A module on meta has no bytes: its digest tells the structure alone, and differs from
    that of the same module with weights.
    """
    found = hashlib.sha256()
    own = vars(torch.nn.Module()).keys()
    for name, part in module.named_modules(remove_duplicate=False):
        settings = {k: v for k, v in vars(part).items() if k not in own}
        found.update(f"{name} {_code_name(type(part))} {_plain(settings)}\n".encode())
    named = [*module.named_parameters(remove_duplicate=False)]
    named += [*module.named_buffers(remove_duplicate=False)]
    for name, tensor in named:
        found.update(f"{name} {_plain(tensor)}\n".encode())
    return found.hexdigest()


def _plain(value: Any) -> str:
    """Return text that is the same for equal settings in every process."""
    if isinstance(value, torch.Tensor):
        text = f"{value.dtype} {tuple(value.shape)}"
        if value.device.type == "meta":
            return f"{text} on meta"
        data = value.detach().cpu().contiguous().view(-1).view(torch.uint8)
        return f"{text} {hashlib.sha256(memoryview(data.numpy())).hexdigest()}"
    if isinstance(value, Mapping):
        return "{" + ", ".join(sorted(f"{_plain(k)}: {_plain(v)}" for k, v in value.items())) + "}"
    if isinstance(value, set | frozenset):
        return "{" + ", ".join(sorted(map(_plain, value))) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_plain, value)) + "]"
    if isinstance(value, functools.partial):
        return f"partial {_plain(value.func)} {_plain(value.args)} {_plain(value.keywords)}"
    if value is None or isinstance(value, _WORDS):
        return repr(value)
    if is_dataclass(value) and not isinstance(value, type):
        held = {field.name: getattr(value, field.name) for field in fields(value)}
        return f"{_code_name(type(value))} {_plain(held)}"
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {value.shape} {hashlib.sha256(value.tobytes()).hexdigest()}"
    return _code_name(value if callable(value) else type(value))


def _code_name(code: Any) -> str:
    kind = code if hasattr(code, "__qualname__") else type(code)
    return f"{kind.__module__}.{kind.__qualname__}"


def _by_dtype(tensors: Iterable[torch.Tensor], formats: Mapping[int, str]) -> dict[str, int]:
    """Return bytes by dtype, or by the format that a tensor is said to be packed in."""
    found: Counter[str] = Counter()
    for tensor in tensors:
        name = formats.get(id(tensor), str(tensor.dtype).removeprefix("torch."))
        found[name] += tensor.numel() * tensor.element_size()
    return dict(sorted(found.items()))


def activations(
    module: torch.nn.Module, inputs: Sequence[Any], *, keywords: Mapping[str, Any] | None = None
) -> Activations:
    """Return the peak of live activations of ``module(*inputs, **keywords)``, run on meta.

    The model: eager mode without autograd. A storage is alive from the operator that makes it
    until Python and torch drop their last reference; views share it, work in place adds
    nothing. Sizes are exact, without an allocator's rounding. Parameters, buffers and inputs
    are left out. Scratch space inside a kernel is not seen, and
    ``scaled_dot_product_attention`` is one kernel that never stores its scores. It depends on
    how the code is written: it is a figure of this implementation, not of the architecture.

    Args:
        module, inputs, keywords: as for ``count``.

    Raises:
        ValueError: in one line, where the module cannot run on meta or does not take the inputs.
    """
    args = [as_inputs(value) for value in inputs]
    kwargs = {name: as_inputs(value) for name, value in (keywords or {}).items()}
    live = _Live(tree_leaves((args, kwargs)))
    run(module, args, kwargs, live)
    return Activations(live.peak, live.peak_module, shapes_of(args, kwargs))


class _Live:
    """The storages that are alive, and the most there were."""

    def __init__(self, inputs: Sequence[Any]) -> None:
        self.sizes: dict[int, int] = {}
        self.total = self.peak = 0
        self.peak_module = ""
        self.ignored = {storage_key(t) for t in inputs if isinstance(t, torch.Tensor)}

    def began(self, module: torch.nn.Module) -> None:
        self.ignored |= {storage_key(t) for t in [*module.parameters(), *module.buffers()]}

    def entered(self, call: Call) -> None:
        """Wait for the parts."""

    def ran(self, call: Call) -> None:
        for tensor in tree_leaves(call.out):
            if isinstance(tensor, torch.Tensor):
                self._made(tensor, call)

    def _made(self, tensor: torch.Tensor, call: Call) -> None:
        storage = tensor.untyped_storage()
        key = storage_key(tensor)
        if key in self.ignored or key in self.sizes:
            return
        self.sizes[key] = storage.nbytes()
        weakref.finalize(storage, self._dropped, key).atexit = False
        self.total += self.sizes[key]
        if self.total > self.peak:
            self.peak = self.total
            self.peak_module = call.modules[-1] if call.modules else ""

    def _dropped(self, key: int) -> None:
        self.total -= self.sizes.pop(key)


def process_peak_resident_bytes() -> int:
    """Return the most physical memory that this process has held since it began, in bytes.

    Measured by the kernel (``VmHWM`` on Linux, ``ru_maxrss`` elsewhere): everything the process
    ever held, interpreter and libraries included. It never falls, so a figure for one model
    needs a process of its own.
    """
    status = Path("/proc/self/status")
    if status.exists():
        # Not ru_maxrss: on Linux a child begins with the peak of the process that forked it.
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
