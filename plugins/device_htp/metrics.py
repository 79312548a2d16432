"""Scores of what a device's compiler made of a model's modules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from harness.cost import NotMeasuredError
from harness.spec import Signed
from harness_plugins.cost.records import platform

__all__ = ["npu_compiles", "npu_share", "npu_sqnr"]

_Record = Mapping[str, Any]


def npu_compiles() -> Callable[[_Record], Signed]:
    """Return a metric of ``device_run``: the share of the model's modules that compile."""

    def score(run: _Record) -> Signed:
        parts = _compiled(run)
        failed = [f"{part['name']}: {part['failure']}" for part in parts if not part["compiles"]]
        share = 1.0 - len(failed) / len(parts)
        return Signed(value=share, how=platform(run), note="; ".join(failed))

    return score


def npu_share() -> Callable[[_Record], Signed]:
    """Return a metric of ``device_run``: the share of operators on the NPU.

    Of a module that does not compile, all operators count as on the CPU.
    """

    def score(run: _Record) -> Signed:
        placed = [part["placement"] for part in _compiled(run) if part.get("placement")]
        total = sum(sum(units.values()) for units in placed)
        if not total:
            raise NotMeasuredError("nothing is known of any operator's place: no export succeeded")
        share = sum(units.get("NPU", 0) for units in placed) / total
        return Signed(value=share, how=platform(run), note=_fallback(run))

    return score


def npu_sqnr() -> Callable[[_Record], Signed]:
    """Return a metric of ``device_run``: signal to quantisation noise of the worst module, dB."""

    def score(run: _Record) -> Signed:
        parts = _compiled(run)
        found = [part for part in parts if part.get("sqnr_db") is not None]
        if not found:
            reasons = [part.get("numerics") or part.get("failure") for part in parts]
            why = next((reason for reason in reasons if reason), "numerics: false on this device")
            raise NotMeasuredError(f"no module was emulated: {why}")
        worst = min(found, key=lambda part: part["sqnr_db"])
        without = [part["name"] for part in parts if part.get("sqnr_db") is None]
        note = f"lowest at {worst['name']}" + (
            f"; without {', '.join(without)}" if without else ""
        )
        return Signed(value=worst["sqnr_db"], how=platform(run), note=note)

    return score


def _compiled(run: _Record) -> list[_Record]:
    parts = [part for part in run["components"] if "compiles" in part]
    if not parts:
        raise NotMeasuredError("this device runs models as they are: it compiles none for an NPU")
    return parts


def _fallback(run: _Record) -> str:
    counts: dict[str, int] = {}
    for part in run["components"]:
        for operator, times in part.get("fallback", {}).items():
            counts[operator] = counts.get(operator, 0) + times
    return "on the CPU: " + ", ".join(f"{n} {op}" for op, n in counts.items()) if counts else ""
