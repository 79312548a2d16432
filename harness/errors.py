"""What a user did that cannot be done, in one clear line each."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["UsageError", "nearest", "plain"]


class UsageError(Exception):
    """Bad input: the program prints the lines and exits with code 2, having written nothing.

    Args:
        lines: one line for each fault: what, where, what was expected, the nearest valid name.
    """

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


def nearest(name: str, names: Iterable[str]) -> str:
    """Return ``" (did you mean 'x'?)"`` for the valid name closest to ``name``, or ``""``."""
    found = difflib.get_close_matches(name, list(names), n=1, cutoff=0.6)
    return f" (did you mean {found[0]!r}?)" if found else ""


def plain(text: object) -> str:
    """Return the text on one line, with whatever could steer a terminal made visible."""
    line = " ".join(str(text).split())
    return line if line.isprintable() else "".join(c if c.isprintable() else "�" for c in line)
