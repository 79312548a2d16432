"""How numbers, ranks and plain values read on a board, in every form of it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Final

from harness.board.model import Cell, Column, Row
from harness.spec import Better, Json

__all__ = [
    "ARROW",
    "UNMEASURED",
    "clean",
    "counted",
    "interval",
    "number",
    "plain",
    "rank",
    "reason",
    "with_unit",
]

ARROW: Final[Mapping[Better, str]] = {"higher": "↑", "lower": "↓", "none": ""}

UNMEASURED: Final = "not measured"

# Not allowed in XML, dropped or harmful in HTML: control characters, lone surrogates,
# non-characters, and the marks that make a name read in another order than it is written.
_UNFIT: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff"
    "\u202a-\u202e\u2066-\u2069\u2028\u2029]",
)
_SUPERSCRIPT: Final = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_GROUP: Final = "\u202f"  # narrow no-break space
# Units in which a value below the shown resolution is as good as zero; elsewhere (seconds,
# bytes) it is a small quantity, written with its power of ten.
_RELATIVE: Final = frozenset({"%", "dB", "points"})


def clean(text: str) -> str:
    """Replace characters that no form of a board can carry by U+FFFD."""
    return _UNFIT.sub("\ufffd", text)


def number(value: float, digits: int = 3, unit: str = "") -> str:
    """Write a value with ``digits`` decimals; ``""`` for NaN, ``"∞"`` for an infinite one.

    Decimals are fixed so that a column aligns. A value that would round to zero is written
    as a power of ten, unless its unit is a relative one (``%``, ``dB``).

    Example:
        >>> number(-3.14159, 2), number(0.00012, 3, "s"), number(float("inf"))
        ('−3.14', '1.2×10⁻⁴', '∞')
    """
    if math.isnan(value):
        return ""
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    size = abs(value)
    if size >= 1e12 or (0 < size < 0.5 * 10.0**-digits and unit not in _RELATIVE):
        mantissa, exponent = f"{value:.1e}".split("e")
        power = str(int(exponent)).translate(_SUPERSCRIPT)
        return f"{mantissa}×10{power}".replace("-", "−")
    text = f"{value:.{digits}f}"
    if size >= 1e4:
        text = f"{value:,.{digits}f}".replace(",", _GROUP)
    if text[0] == "-":
        return "−" + text[1:] if text.strip("-0.") else text[1:]
    return text


def with_unit(value: float, column: Column) -> str:
    """Write a value with its unit: ``"37.12 dB"``."""
    text = number(value, column.digits, column.unit)
    return f"{text}\u00a0{column.unit}" if column.unit and text else text


def interval(low: float, high: float, digits: int = 3, unit: str = "") -> str:
    """Write both ends of an interval, ``"36.81, 37.43"``; ``""`` where an end is missing.

    The ends rather than a half-width: bootstrap intervals are not symmetric, and two rows
    are compared by their ends.
    """
    if math.isnan(low) or math.isnan(high):
        return ""
    return f"{number(low, digits, unit)}, {number(high, digits, unit)}"


def counted(cell: Cell) -> str:
    """Write what a number stands on: ``"24"`` items, ``"24 items × 3 seeds"``, ``"3 seeds"``."""
    if cell.seeds < 2:
        return str(cell.n)
    return f"{cell.n} items × {cell.seeds} seeds" if cell.n > 1 else f"{cell.seeds} seeds"


def rank(row: Row) -> str:
    """Write the places a row can hold: ``"2"``, ``"1–3"`` for a tie group, ``""`` unranked."""
    if row.rank is None:
        return ""
    first, last = row.rank
    return str(first) if first == last else f"{first}–{last}"


def reason(cell: Cell | None) -> str:
    """Say why there is no value."""
    if cell is None:
        return UNMEASURED
    return cell.note or "no value, and no reason was recorded"


def plain(value: Json) -> str:
    """Write any plain value on one line."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        if math.isnan(value):
            return "not a number"
        return number(value) if math.isinf(value) else f"{value:.6g}"
    if isinstance(value, str | int):
        return str(value) or "none"
    if isinstance(value, Mapping | Sequence) and not value:
        return "none"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={plain(item)}" for key, item in value.items())
    if isinstance(value, Sequence):
        return ", ".join(plain(item) for item in value)
    return str(value)
