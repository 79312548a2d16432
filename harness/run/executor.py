"""What the scheduler asks of a way of running nodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from harness.run.node import Group
from harness.suite import Limits

__all__ = ["Call", "Done", "NodeExecutor"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One node, ready to run.

    Attributes:
        token: comes back with the result.
        request: what the worker is sent.
    """

    token: int
    group: Group
    request: Mapping[str, Any]
    limits: Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """How a call ended.

    Attributes:
        reply: ``outcome`` and, where there are, ``reason``, ``log``, ``wall``, ``cpu``, ``rss``,
            ``spans``, ``notes``, ``artifacts``, ``value``.
    """

    token: int
    reply: Mapping[str, Any]


class NodeExecutor(Protocol):
    """Runs calls, each in a process that may run others of its group and no others."""

    def free(self) -> int:
        """Return how many more calls may be submitted now."""

    def waiting(self, group: Group) -> bool:
        """Return whether a worker of the group stands ready."""

    def submit(self, call: Call) -> None:
        """Start a call; only while ``free()``."""

    def poll(self, timeout: float) -> list[Done]:
        """Return the calls that ended, waiting at most ``timeout`` seconds for the first."""

    def retire(self, group: Group) -> None:
        """Learn that no further call of the group will come."""

    def close(self) -> None:
        """End everything at once."""
