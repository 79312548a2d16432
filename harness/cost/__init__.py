"""What a torch module costs: multiply-accumulates, weights and memory.

Pure functions over a module and the shapes of its inputs. Modules run on torch's meta device: no
weights are needed, nothing is computed, and the same module gives the same number on any machine.
Everything is imported when it is first asked for, so ``import harness.cost`` needs no torch.

Example:
    >>> import torch
    >>> from harness.cost import count
    >>> with torch.device("meta"):
    ...     layer = torch.nn.Conv2d(3, 8, 3, padding=1)
    >>> count(layer, [(1, 3, 32, 32)]).macs
    221184
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.cost.component import (
        Bench,
        Component,
        HasComponents,
        NotMeasuredError,
        PairsBench,
        Run,
    )
    from harness.cost.counting import CONVENTIONS, Cost, count
    from harness.cost.execution import without_weights
    from harness.cost.memory import (
        Activations,
        Weights,
        activations,
        digest,
        process_peak_resident_bytes,
        weights,
    )
    from harness.cost.timing import Pairs, Timing, time_calls, time_pairs

__all__ = [
    "CONVENTIONS",
    "Activations",
    "Bench",
    "Component",
    "Cost",
    "HasComponents",
    "NotMeasuredError",
    "Pairs",
    "PairsBench",
    "Run",
    "Timing",
    "Weights",
    "activations",
    "count",
    "digest",
    "process_peak_resident_bytes",
    "time_calls",
    "time_pairs",
    "weights",
    "without_weights",
]

_HOME = {
    "Bench": "component",
    "Component": "component",
    "HasComponents": "component",
    "NotMeasuredError": "component",
    "PairsBench": "component",
    "Run": "component",
    "CONVENTIONS": "counting",
    "Cost": "counting",
    "count": "counting",
    "without_weights": "execution",
    "Pairs": "timing",
    "Timing": "timing",
    "time_calls": "timing",
    "time_pairs": "timing",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'harness.cost' has no attribute {name!r}")
    return getattr(import_module(f"harness.cost.{_HOME.get(name, 'memory')}"), name)
