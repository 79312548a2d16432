"""Marks a model's code may leave about its own work: spans of time and notes.

Outside a worker they cost nothing and go nowhere, so a plugin can use them freely.

Example:
    >>> from harness import note, span
    >>> with span("decode"):
    ...     pass
    >>> note("encoder", "x265 4.1")
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["add_seconds", "note", "reset", "span", "taken"]

_spans: dict[str, float] = {}
_notes: dict[str, Any] = {}


@contextmanager
def span(name: str) -> Iterator[None]:
    """Add the wall time of the block to the span ``name`` of the running stage.

    A stage named ``decode`` is reported by its span ``decode`` where the model marks one, and
    by the wall time of the whole call where it does not.
    """
    start = time.perf_counter()
    try:
        yield
    finally:
        add_seconds(name, time.perf_counter() - start)


def add_seconds(name: str, seconds: float) -> None:
    """Add ``seconds`` measured elsewhere (another process, a device) to the span ``name``."""
    _spans[name] = _spans.get(name, 0.0) + seconds


def note(name: str, value: Any) -> None:
    """Record how the result is made, e.g. the exact command; ``value`` is plain JSON."""
    _notes[name] = value


def reset() -> None:
    """Forget all marks; the worker calls it before each stage."""
    _spans.clear()
    _notes.clear()


def taken() -> tuple[dict[str, float], dict[str, Any]]:
    """Return copies of the spans (seconds) and notes since the last ``reset``."""
    return dict(_spans), dict(_notes)
