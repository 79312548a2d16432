"""Tables of a model's parts: what each costs, and what a device made of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from harness_plugins.cost.records import Record, shape_text

__all__ = ["counted", "timed"]

Cell = str | float | None | Mapping[str, float]
Line = dict[str, Cell]
_DEEPSPEED = "deepspeed-0.5.10"


def counted(cost: Mapping[str, Any]) -> list[Line]:
    """Return a line for each component: GMAC by kind, parameters, memory."""
    return _told([_counted(part) for part in cost["components"]])


def timed(run: Mapping[str, Any]) -> list[Line]:
    """Return a line for each component and each of its spans: times of one call, placement."""
    return _told([line for part in run["components"] for line in _timed(part)])


def _counted(part: Record) -> Line:
    macs = part["macs"]
    missed = part["without_formula"]
    return {
        **_name(part),
        "input": _shapes(part["inputs"].values()),
        "GMAC": part["calls"] * sum(macs["dense"].values()) / 1e9,
        "GMAC of a call by kind": {kind: n / 1e9 for kind, n in macs["dense"].items()} or None,
        f"GMAC ({_DEEPSPEED})": (
            part["calls"] * sum(macs[_DEEPSPEED].values()) / 1e9 if _DEEPSPEED in macs else None
        ),
        "parameters (M)": part["parameters"] / 1e6,
        "weights (MB)": _megabytes(part["parameter_bytes"], part["buffer_bytes"]),
        "peak activation (MB)": part["peak_activation_bytes"] / 1e6,
        "in": part["peak_module"],
        "without formula": ", ".join(f"{name} ×{n}" for name, n in missed.items()),
        "artefact": _artefact(part),
    }


def _timed(part: Record) -> Iterator[Line]:
    waited, cpu = part.get("waited"), part.get("cpu_us")
    runs: Sequence[Record] = part.get("runs") or ()
    fallback: Mapping[str, int] = part.get("fallback") or {}
    spread = (part.get("between") or {}).get("spread")
    yield {
        **_name(part),
        **_times(part.get("samples_us") or ()),
        "longest over shortest job": float(spread) if len(runs) > 1 and spread else None,
        "waited (%)": None if waited is None else 100.0 * waited,
        "CPU (ms)": float(np.median(cpu)) / 1e3 if cpu else None,
        **{
            f"{what.replace('_', ' ')} (MB)": size / 1e6
            for what, size in (part.get("memory_bytes") or {}).items()
        },
        "placement": {unit: float(n) for unit, n in (part.get("placement") or {}).items()} or None,
        "fallback": ", ".join(f"{operator} ×{n}" for operator, n in fallback.items()),
        "jobs": " ".join(str(run.get("url") or run.get("job") or "") for run in runs),
        "remark": part.get("failure") or "",
        "artefact": _artefact(part),
    }
    for span, samples in (part.get("parts") or {}).items():
        yield {"component": f"{part['name']} · {span}", **_times(samples)}


def _artefact(part: Record) -> str:
    """Return the beginning of the module's digest: the same in every table it stands in."""
    return (part.get("sha256") or "")[:12]


def _shapes(shapes: Iterable[Sequence[int]]) -> str:
    """Return the shapes of inputs, alike ones together: ``1×3×8×8, 2 of 1×32×4×4``."""
    counts = Counter(map(shape_text, shapes))
    return ", ".join(f"{n} of {shape}" if n > 1 else shape for shape, n in counts.items())


def _name(part: Record) -> Line:
    return {
        "component": part["name"],
        "step": part["step"],
        "calls": float(part["calls"]) if part["calls"] != 1 else None,
    }


def _times(samples: Sequence[float]) -> Line:
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
        "n": float(own.size),
    }


def _megabytes(*by_dtype: Mapping[str, int]) -> float:
    return sum(size for one in by_dtype for size in one.values()) / 1e6


def _told(lines: Sequence[Line]) -> list[Line]:
    """Leave out the columns that say nothing."""
    titles = dict.fromkeys(title for line in lines for title in line)
    kept = [t for t in titles if any(line.get(t) not in (None, "", {}) for line in lines)]
    return [{title: line[title] for title in kept if title in line} for line in lines]
