"""How much of a model is held in few bits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["quantized_weights_share"]

_BYTES = {"int4": 0.5, "int8": 1, "float8_e4m3fn": 1, "float8_e5m2": 1}


def quantized_weights_share() -> Callable[[Mapping[str, Any]], float]:
    """Return a metric of ``cost``: the share of parameters stored in 8 bits or fewer.

    A module shared by several components counts once.
    """

    def score(cost: Mapping[str, Any]) -> float:
        parts = {part["sha256"]: part for part in cost["components"]}.values()
        few = sum(
            int(size / _BYTES[dtype])
            for part in parts
            for dtype, size in part["parameter_bytes"].items()
            if dtype in _BYTES
        )
        total = sum(part["parameters"] for part in parts)
        return few / total if total else 0.0

    return score
