"""What can be counted without weights and without running: from the artifact ``cost``."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from harness import Signed
from harness.cost import NotMeasuredError
from harness_plugins.cost.records import Record, chosen, shape_text

__all__ = ["gmacs", "kmac_per_pixel", "parameters", "peak_activation", "weight_bytes"]

_DENSE = "dense"
Metric = Callable[[Mapping[str, Any]], Signed]


def gmacs(convention: str = _DENSE, step: str | None = None) -> Metric:
    """Return the GMAC of one evaluation of the item: the sum of calls times MACs.

    Args:
        convention: one of ``harness.cost.CONVENTIONS``.
        step: count the components of this step alone.
    """

    def score(cost: Mapping[str, Any]) -> Signed:
        parts = chosen(cost["components"], step)
        total = sum(part["calls"] * _macs(part, convention) for part in parts)
        return _exact(total / 1e9, note=_uncounted(parts) if convention == _DENSE else "")

    return score


def kmac_per_pixel(step: str | None = None) -> Metric:
    """Return the thousands of MACs for each pixel of the image that the model begins with."""

    def score(cost: Mapping[str, Any]) -> Signed:
        shape = next(iter(cost["components"][0]["inputs"].values()), [])
        if len(shape) != 4 or shape[1] not in (1, 3, 4):
            first = shape_text(shape) or "nothing"
            raise NotMeasuredError(f"the model begins with {first}, no image (N, C, H, W)")
        parts = chosen(cost["components"], step)
        total = sum(part["calls"] * _macs(part, _DENSE) for part in parts)
        pixels = shape[0] * math.prod(shape[2:])
        return _exact(total / pixels / 1e3, note=_uncounted(parts))

    return score


def parameters() -> Metric:
    """Return the millions of parameters of all components, shared ones once."""
    return lambda cost: _exact(cost["stored"]["parameters"] / 1e6)


def weight_bytes() -> Metric:
    """Return the MB of parameters and buffers of all components, shared ones once."""

    def score(cost: Mapping[str, Any]) -> Signed:
        stored = cost["stored"]
        sizes = [*stored["parameter_bytes"].values(), *stored["buffer_bytes"].values()]
        return _exact(sum(sizes) / 1e6)

    return score


def peak_activation(step: str | None = None) -> Metric:
    """Return the most MB of live activations that any component needs."""

    def score(cost: Mapping[str, Any]) -> Signed:
        parts = chosen(cost["components"], step)
        return _exact(max(part["peak_activation_bytes"] for part in parts) / 1e6)

    return score


def _exact(value: float, note: str = "") -> Signed:
    """Return a number that nothing is unsure of: its one replicate is itself."""
    return Signed(value, replicates=(value,), note=note)


def _macs(part: Record, convention: str) -> int:
    """Return the MACs of one call.

    Raises:
        NotMeasuredError: they could not be counted under the convention.
    """
    if convention in part["macs"]:
        return sum(part["macs"][convention].values())
    reason = part["refused"].get(convention, f"not counted under {convention}")
    raise NotMeasuredError(f"component {part['name']}: {reason}")


def _uncounted(parts: Sequence[Record]) -> str:
    """Name the operators that may multiply and have no formula."""
    missed: dict[str, int] = {}
    for part in parts:
        for operator, times in part["without_formula"].items():
            missed[operator] = missed.get(operator, 0) + part["calls"] * times
    if not missed:
        return ""
    return "not counted, no formula: " + ", ".join(f"{o} ×{n}" for o, n in sorted(missed.items()))
