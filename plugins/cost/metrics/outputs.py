"""How far a device's outputs are from float32: from the artifact ``device_outputs``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness import Signed
from harness.cost import NotMeasuredError
from harness_plugins.cost.records import platform

__all__ = ["device_sqnr"]

_HOST = "|host"
Outputs = Mapping[str, NDArray[np.float32]]


def device_sqnr() -> Callable[[Mapping[str, Any], Outputs], Signed]:
    """Return the signal-to-quantisation-noise ratio of the component that is farthest off, in dB.

    ``10 log10(sum(h²) / sum((h - d)²))`` where ``h`` is what torch in float32 on this machine
    makes of the same inputs, and ``d`` what the device returned; infinite where both are equal.
    """

    def score(run: Mapping[str, Any], outputs: Outputs) -> Signed:
        names = [n for n in outputs if not n.endswith(_HOST) and f"{n}{_HOST}" in outputs]
        if not names:
            raise NotMeasuredError("the device returned no outputs to compare with float32")
        found = {name: _decibels(name, outputs[f"{name}{_HOST}"], outputs[name]) for name in names}
        worst = min(found, key=lambda name: _order(found[name]))
        note = f"of {worst}, the farthest off" if len(found) > 1 else ""
        return Signed(found[worst], how=platform(run), note=note)

    return score


def _decibels(name: str, host: NDArray[np.float32], device: NDArray[np.float32]) -> float:
    """Return the ratio; NaN where the device returned a number that is not finite.

    Raises:
        ValueError: the shapes differ.
    """
    if host.shape != device.shape:
        raise ValueError(f"{name}: the device returned {device.shape}, float32 {host.shape}")
    if not np.isfinite(device).all():
        return float("nan")
    signal = float(np.sum(np.square(host, dtype=np.float64)))
    noise = float(np.sum(np.square(np.subtract(host, device, dtype=np.float64))))
    if noise == 0:
        return float("inf")
    return 10 * float(np.log10(signal / noise)) if signal > 0 else float("-inf")


def _order(decibels: float) -> float:
    """Put what is no number first: nothing is farther off."""
    return -np.inf if np.isnan(decibels) else decibels
