"""Tables of a model's parts: what each costs, and how long it took."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from harness_plugins.cost.records import Record, shape_text

__all__ = ["counted", "timed"]

Cell = str | float | int | None | Mapping[str, float]
_DEEPSPEED = "deepspeed-0.5.10"


def counted(cost: Mapping[str, Any]) -> list[dict[str, Cell]]:
    """Return a line for each component: GMAC by kind, parameters, memory."""
    return [
        {
            **_name(part),
            "input": ", ".join(shape_text(shape) for shape in part["inputs"].values()),
            "GMAC": part["calls"] * _total(part, "dense"),
            "kinds": {kind: float(macs) for kind, macs in part["macs"]["dense"].items()},
            f"GMAC, {_DEEPSPEED}": (
                part["calls"] * _total(part, _DEEPSPEED) if _DEEPSPEED in part["macs"] else None
            ),
            "parameters (M)": part["parameters"] / 1e6,
            "weights (MB)": _megabytes(part["parameter_bytes"], part["buffer_bytes"]),
            "peak activation (MB)": part["peak_activation_bytes"] / 1e6,
            "at": part["peak_module"],
            "without formula": ", ".join(f"{o} ×{n}" for o, n in part["without_formula"].items()),
        }
        for part in cost["components"]
    ]


def timed(run: Mapping[str, Any]) -> list[dict[str, Cell]]:
    """Return a line for each component and each of its spans: times of one call, placement."""
    return [line for part in run["components"] for line in _timed(part)]


def _timed(part: Record) -> Iterator[dict[str, Cell]]:
    waited, cpu = part.get("waited"), part.get("cpu_us")
    yield {
        **_name(part),
        **_times(part.get("samples_us") or ()),
        "waited (%)": None if waited is None else 100 * waited,
        "CPU (ms)": float(np.median(cpu)) / 1e3 if cpu else None,
        **{f"{what} (MB)": size / 1e6 for what, size in (part.get("memory_bytes") or {}).items()},
        "placement": {u: float(n) for u, n in (part.get("placement") or {}).items()} or None,
        "remark": part.get("failure") or "",
    }
    for span, samples in (part.get("parts") or {}).items():
        yield {"component": f"{part['name']} · {span}", **_times(samples)}


def _name(part: Record) -> dict[str, Cell]:
    return {"component": part["name"], "step": part["step"], "calls": part["calls"]}


def _times(samples: Sequence[float]) -> dict[str, Cell]:
    """Return what is told of times in µs, in ms."""
    if not samples:
        return {}
    own = np.asarray(samples, np.float64) / 1e3
    low, middle, high, late = map(float, np.quantile(own, [0.25, 0.5, 0.75, 0.9]))
    return {
        "median (ms)": middle,
        "IQR (ms)": high - low,
        "min (ms)": float(own.min()),
        "p90 (ms)": late,
        "n": own.size,
    }


def _total(part: Record, convention: str) -> float:
    return sum(part["macs"][convention].values()) / 1e9


def _megabytes(*by_dtype: Mapping[str, int]) -> float:
    return sum(size for one in by_dtype for size in one.values()) / 1e6
