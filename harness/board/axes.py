"""Scales and ticks of a plot."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass

from harness.board.numerals import number

__all__ = ["Axis", "axis", "coordinate", "linear_ticks", "log_ticks"]


@dataclass(frozen=True, slots=True)
class Axis:
    """Maps values in [low, high] to pixels in [start, end].

    Attributes:
        log: whether equal ratios, not equal differences, are equal lengths.
        ticks: values at which the axis is labelled, increasing.
    """

    low: float
    high: float
    start: float
    end: float
    log: bool
    ticks: tuple[float, ...]

    def at(self, value: float) -> float:
        """Return the pixel of a value, held within the axis."""
        value = min(max(value, self.low), self.high)
        if self.log:
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)

    def shows(self, value: float) -> bool:
        """Tell whether a value has a place on this axis."""
        return math.isfinite(value) and (value > 0 or not self.log)

    def label(self, tick: float) -> str:
        """Write a tick's value with no more digits than tell it from its neighbours."""
        if self.log and self.ticks[-1] >= 4.9 * self.ticks[0]:
            digits = max(0, -math.floor(math.log10(tick) + 1e-9))
            return number(tick, digits) if digits <= 3 else number(tick, 0).replace(".0", "")
        steps = [b - a for a, b in itertools.pairwise(self.ticks)]
        step = min(steps, default=abs(tick) or 1.0)
        return number(tick, max(0, -math.floor(math.log10(step) + 1e-9)), "%")


def linear_ticks(low: float, high: float, about: int = 8) -> tuple[float, ...]:
    """Return multiples of 1, 2 or 5 times a power of ten within [low, high]."""
    raw = (high - low) / max(about, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(s * power for s in (1, 2, 5, 10) if s * power >= raw * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return tuple(k * step for k in range(first, last + 1))


def log_ticks(low: float, high: float, most: int = 9) -> tuple[float, ...]:
    """Return the finest of 1-2-5, 1-3 or whole decades within [low, high] that has few ticks."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    found: tuple[float, ...] = ()
    for steps in ((1.0, 2.0, 5.0), (1.0, 3.0), (1.0,)):
        found = tuple(
            s * 10.0**k
            for k in range(first, last + 1)
            for s in steps
            if low * 0.999 <= s * 10.0**k <= high * 1.001
        )
        if len(found) <= most:
            break
    every = -(-len(found) // most)  # many decades: only every second, third, …
    return found[::every] if len(found) > 1 else linear_ticks(low, high, 4)


def axis(values: Iterable[float], start: float, end: float, *, log: bool) -> Axis:
    """Return an axis that holds the values with a little room.

    Args:
        values: those that are not finite, or not positive on a log axis, are left out.
        start, end: pixels of the lowest and the highest value.
    """
    kept = [v for v in values if math.isfinite(v) and (v > 0 or not log)] or [1.0]
    low, high = min(kept), max(kept)
    if log:
        room = max((high / low) ** 0.05, 1.02)
        low, high = low / room, high * room
        return Axis(low, high, start, end, log, log_ticks(low, high))
    room = (high - low) * 0.05 or abs(high) * 0.05 or 0.5
    low, high = low - room, high + room
    return Axis(low, high, start, end, log, linear_ticks(low, high))


def coordinate(value: float) -> str:
    """Write a pixel to a tenth, without zeros that say nothing."""
    text = f"{value:.1f}".removesuffix(".0")
    text = text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text
    return "0" if text == "-0" else text
