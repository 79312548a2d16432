"""Multiply-accumulates of a module, by kind of operator, under a named convention."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from harness.cost.deepspeed import TensorMethods, billed_macs
from harness.cost.dense import dense_macs, is_free, kind_of
from harness.cost.execution import Call, as_inputs, run, shapes_of, storage_key

__all__ = ["CONVENTIONS", "Cost", "count"]

CONVENTIONS = ("dense", "deepspeed-0.5.10")
_VERSION = 1


@dataclass(frozen=True)
class Cost:
    """Multiply-accumulates (MACs) of one call of a module; one MAC is two FLOP.

    Attributes:
        macs: of the whole call.
        by_kind: MACs of each kind: ``convolution``, ``transposed convolution``, ``deformable
            convolution``, ``linear`` (a product with a parameter), ``attention`` (both products
            of attention), ``recurrent``, ``matmul`` (a product of two activations), ``other``.
        by_module: MACs of each submodule with all inside it, down to the depth asked for. What
            a submodule does outside of its ``forward`` counts for the module that called it.
        without_formula: operators that may multiply and were not counted, and how often they
            ran.
        inputs: shapes of the input tensors, by position or name.
        convention: the rule of counting, one of ``CONVENTIONS``.
    """

    macs: int
    by_kind: Mapping[str, int]
    by_module: Mapping[str, int]
    without_formula: Mapping[str, int]
    inputs: Mapping[str, tuple[int, ...]]
    convention: str

    @property
    def signature(self) -> str:
        """How the number is made: two are comparable only where it is equal."""
        return f"macs|{self.convention}|eval|v{_VERSION}"

    def kmac_per_pixel(self, pixels: int) -> float:
        """Return thousands of MACs per pixel of an image of ``pixels`` (height x width)."""
        if pixels < 1:
            raise ValueError(f"pixels must be at least 1, not {pixels}")
        return self.macs / pixels / 1e3


def count(
    module: torch.nn.Module,
    inputs: Sequence[Any],
    *,
    keywords: Mapping[str, Any] | None = None,
    convention: str = "dense",
    depth: int = 0,
) -> Cost:
    """Count the MACs of ``module(*inputs, **keywords)`` in eval mode, on the meta device.

    The module is left as it was; one that is not on meta is copied without its data.

    Args:
        module: on any device, with weights or without.
        inputs: positional arguments: tensors, shapes (a tuple of ints: float32), nested lists
            and mappings of them; anything else is passed as it is.
        keywords: the same by name.
        convention: ``dense`` counts each product at its full shape: padding and masked positions
            are included; bias, normalisation, activation, pooling, softmax and interpolation are
            not. ``deepspeed-0.5.10`` bills what DeepSpeed's profiler of that version billed, for
            comparison with numbers published with it.
        depth: how deep ``by_module`` goes; 0 leaves it empty.

    Raises:
        ValueError: in one line, for an unknown convention, and where the module cannot run on
            meta or does not take the inputs.
    """
    if convention not in CONVENTIONS:
        raise ValueError(f"unknown convention {convention!r}, expected one of {CONVENTIONS}")
    args = [as_inputs(value) for value in inputs]
    kwargs = {name: as_inputs(value) for name, value in (keywords or {}).items()}
    tally = _Tally(depth)
    if convention == "dense":
        run(module, args, kwargs, _Dense(tally))
    else:
        with TensorMethods() as methods:
            run(module, args, kwargs, _DeepSpeed(tally, methods))
    return Cost(
        macs=sum(tally.by_kind.values()),
        by_kind=dict(sorted(tally.by_kind.items())),
        by_module=dict(tally.by_module),
        without_formula=dict(sorted(tally.without_formula.items())),
        inputs=shapes_of(args, kwargs),
        convention=convention,
    )


class _Tally:
    """Sums over the operators of a run."""

    def __init__(self, depth: int) -> None:
        self.depth = depth
        self.by_kind: Counter[str] = Counter()
        self.by_module: Counter[str] = Counter()
        self.without_formula: Counter[str] = Counter()

    def add(self, call: Call, kind: str, macs: int) -> None:
        if not macs:
            return
        self.by_kind[kind] += macs
        for name in set(call.modules):
            if name and name.count(".") < self.depth:
                self.by_module[name] += macs

    def missed(self, name: str) -> None:
        self.without_formula[name.replace("::", ".")] += 1


class _Dense:
    """Every product at its full shape."""

    def __init__(self, tally: _Tally) -> None:
        self.tally = tally
        self.parameters: frozenset[int] = frozenset()

    def began(self, module: torch.nn.Module) -> None:
        self.parameters = frozenset(storage_key(p) for p in module.parameters())

    def entered(self, call: Call) -> None:
        """Wait for the parts."""

    def ran(self, call: Call) -> None:
        macs = dense_macs(call)
        if macs is not None:
            self.tally.add(call, kind_of(call, self.parameters), macs)
        elif not is_free(call):
            self.tally.missed(call.name)


class _DeepSpeed:
    """What the model's code called by a name that the profiler had replaced."""

    def __init__(self, tally: _Tally, methods: TensorMethods) -> None:
        self.tally, self.methods = tally, methods
        self.billed = False

    def began(self, module: torch.nn.Module) -> None:
        """Weights and activations are billed alike."""

    def entered(self, call: Call) -> None:
        if not call.outer:
            self._bill(call)

    def ran(self, call: Call) -> None:
        if not call.outer:
            self._bill(call)
        if self.billed:
            return
        macs = dense_macs(call)
        if macs or (macs is None and not is_free(call)):
            outermost = (*call.outer, call.name)[0]
            self.tally.missed(outermost if self.methods.times else "Tensor.__matmul__")

    def _bill(self, call: Call) -> None:
        found = billed_macs(call) if self.methods.times else None
        self.billed = found is not None
        if found is not None:
            kind, macs = found
            self.tally.add(call, kind, macs * self.methods.times)
