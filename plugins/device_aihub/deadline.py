"""How long to wait, and what happens when the time is up."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

__all__ = ["Deadline", "Pace", "TimeUpError"]

T = TypeVar("T")


class TimeUpError(Exception):
    """The time that a measurement may take is over: the node ends ``timeout``."""

    outcome = "timeout"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Seconds between questions.

    Attributes:
        poll: between two looks at a job.
        again: before a request that was turned away for haste, or got no answer, is repeated.
        settle: after which a submission whose answer was lost, and of which AI Hub still knows
            nothing, was never accepted. Longer than a request can be under way (31 s).
        patience: for how long AI Hub may give no answer at all before it counts as out of reach.
    """

    poll: float = 10.0
    again: float = 20.0
    settle: float = 60.0
    patience: float = 300.0


class Deadline:
    """A moment on the clock.

    Args:
        seconds: from now.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds until the moment, negative when it is past."""
        return self._end - time.monotonic()

    def pause(self, seconds: float, why: str) -> None:
        """Sleep.

        Raises:
            TimeUpError: ``why``, when the moment comes first.
        """
        if self.left <= 0:
            raise TimeUpError(self._told(why))
        time.sleep(min(seconds, max(self.left, 0)))

    def within(self, call: Callable[..., T], *args: Any, why: str) -> T:
        """Return ``call(*args)``, or leave it behind when the moment comes first.

        The client tries a request for up to six minutes and has no time limit of its own.

        Raises:
            TimeUpError: ``why``.
        """
        done: list[T] = []
        failed: list[BaseException] = []

        def run() -> None:
            try:
                done.append(call(*args))
            except BaseException as error:  # noqa: BLE001 - raised again by the caller
                failed.append(error)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        thread.join(max(self.left, 0))
        if failed:
            raise failed[0]
        if not done:
            raise TimeUpError(self._told(why))
        return done[0]

    def _told(self, why: str) -> str:
        return f"{why} after {self.seconds:g} s; the same command goes on from there"
