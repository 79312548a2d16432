"""The words that all declarations share: references, outcomes, what cannot be had."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Literal

__all__ = ["Axis", "Better", "Json", "Outcome", "Ref", "Unavailable"]

Ref = str
Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]
Better = Literal["higher", "lower", "none"]
Axis = Literal["point", "item", "seed"]


class Outcome(StrEnum):
    """How a node ended. Every planned node ends with exactly one."""

    ok = "ok"
    error = "error"
    timeout = "timeout"
    crashed = "crashed"
    oom = "oom"
    unavailable = "unavailable"
    skipped = "skipped"
    nonfinite = "nonfinite"
    invalid = "invalid"
    cancelled = "cancelled"


class Unavailable(Exception):  # noqa: N818 - an outcome, not a mistake
    """Raise it where something cannot be had here.

    Args:
        reason: what is missing, in one clause.
        remedy: what the user does to get it, e.g. a command; may be empty.
    """

    def __init__(self, reason: str, remedy: str = "") -> None:
        super().__init__(f"{reason}; {remedy}" if remedy else reason)
        self.reason = reason
        self.remedy = remedy
