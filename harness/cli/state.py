"""Whether what a plugin declared can be had here, as the command line tells it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from harness.registry import Registry, check_available, resolve
from harness.spec import Unavailable

__all__ = ["State", "broken_lines", "mark_of", "state"]


@dataclass(frozen=True, slots=True)
class State:
    """Whether something can be had here.

    Attributes:
        ok: it can.
        reason: why not.
        remedy: what to do about it; may be empty.
        broken: it is not missing but faulty: its check failed, or a file is damaged.
        open: a suite has to give it a parameter first, e.g. a directory.
    """

    ok: bool
    reason: str = ""
    remedy: str = ""
    broken: bool = False
    open: bool = False

    @property
    def available(self) -> bool | None:
        """Whether it is available here; None where that depends on what a suite says."""
        return None if self.open else self.ok

    @property
    def mark(self) -> str:
        """The word of the mark that stands for it."""
        return mark_of(self.available)

    @property
    def why(self) -> str:
        """Reason and remedy in one line."""
        return f"{self.reason}; {self.remedy}" if self.remedy else self.reason


def mark_of(available: bool | None) -> str:
    """Return the word of the mark for an availability."""
    return {True: "ok", False: "no", None: "none"}[available]


def state(kind: str, declared: Any) -> State:
    """Check a declaration of a kind with its default parameters; kinds without needs are ok."""
    try:
        if kind in ("models", "metrics", "datasets", "devices", "variants", "crosschecks"):
            check_available(declared, declared.params)
        if kind == "datasets":
            resolve(declared.index)(**declared.params)
    except Unavailable as error:
        if error.remedy == f"harness weights pull {declared.name}":
            return State(False, "its weights are not here", error.remedy)  # files: show, weights
        return State(False, error.reason.removeprefix(f"{declared.name}: "), error.remedy)
    except Exception as error:  # noqa: BLE001 - a plugin's check may raise anything
        what = str(error).strip().partition("\n")[0] or "no message"
        if kind == "datasets" and isinstance(error, ValueError) and _is_open(declared):
            return State(False, what, open=True)
        known = isinstance(error, ValueError | OSError)
        return State(False, what if known else f"{type(error).__name__}: {what}", broken=True)
    return State(True)


def _is_open(dataset: Any) -> bool:
    """Whether a dataset has a parameter that a suite must fill in, e.g. a directory."""
    return any(value is None or value == "" for value in dataset.params.values())


def broken_lines(registry: Registry) -> list[str]:
    """Return a line for each plugin that could not be loaded and each name claimed twice."""
    lines = [f"plugin {p.name}: {p.reason}" for p in registry.plugins if not p.ok]
    for (kind, name), claims in sorted(registry.conflicts.items()):
        lines.append(f"{kind}: {name!r} is claimed by {' and '.join(claims)}")
    return lines
