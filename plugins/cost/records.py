"""What metrics and panels read of the artifacts ``cost`` and ``device_run``."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from harness.cost import NotMeasuredError

__all__ = ["chosen", "measured", "platform", "shape_text"]

Record = Mapping[str, Any]


def chosen(components: Sequence[Record], step: str | None) -> list[Record]:
    """Return the components of a step; of no step named, all of them.

    Raises:
        NotMeasuredError: there is none.
    """
    found = [part for part in components if step is None or part["step"] == step]
    if not found:
        known = ", ".join(sorted({repr(part["step"]) for part in components})) or "none"
        raise NotMeasuredError(f"no component belongs to the step {step!r}; steps: {known}")
    return found


def measured(run: Record) -> None:
    """Refuse what was not measured.

    Raises:
        NotMeasuredError: the record is of another kind: simulated, published or predicted.
    """
    kind = run["kind"]
    if not kind.startswith("measured-"):
        name = run["device"].get("resolved") or run["device"].get("asked") or "the device"
        raise NotMeasuredError(f"{kind}: nothing was measured on {name}")


def platform(run: Record) -> str:
    """Return what a number of a device holds for, as part of a signature.

    Kind, runtime, precision, threads, what the device is, and versions.
    """
    device = run["device"]
    what = [device.get(key) for key in ("resolved", "processor", "soc", "os")]
    versions = device.get("versions") or {}
    parts = [
        run["kind"],
        run.get("runtime"),
        run.get("precision"),
        f"threads:{run['threads']}" if run.get("threads") else None,
        *dict.fromkeys(text for text in what if text),
        *(f"{name}:{version}" for name, version in sorted(versions.items()) if version),
    ]
    return "|".join(str(part) for part in parts if part)


def shape_text(shape: Sequence[int]) -> str:
    """Return a shape as it is read: ``1×3×512×768``; ``scalar`` for that of one number."""
    return "×".join(map(str, shape)) if math.prod(shape) != 1 or shape else "scalar"
