"""What plugins declare of their metrics' second implementations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.spec.words import Json, Ref

__all__ = ["Crosscheck"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Crosscheck:
    """One number on one fixture, by the code that scores and by another implementation.

    Attributes:
        name: unique; begins with what is checked, ends with the other: ``ssim-skimage``.
        canonical: ``Ref`` to ``canonical(**params) -> float``: the number as metrics have it.
        second: ``Ref`` to ``second(**params) -> float``: the other implementation's.
        by: what both are called, with versions where they say nothing themselves.
        between: how far the two may differ.
        pinned: what ``canonical`` gave when the check was written.
        drift: how far it may lie from that today.
        apart: by how much the second is larger, where it goes by another convention on purpose;
            ``summary`` says which.
        params: keywords of both.
        check: ``Ref`` to a light ``check(**params)`` that raises ``Unavailable``.
    """

    name: str
    canonical: Ref
    second: Ref
    by: tuple[str, str]
    between: float
    pinned: float
    drift: float
    apart: float = 0.0
    params: Mapping[str, Json] = field(default_factory=dict)
    requires: tuple[str, ...] = ()
    extra: str = ""
    check: Ref | None = None
    summary: str = ""
