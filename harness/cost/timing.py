"""How long calls take on this machine: every call timed, and what disturbed it.

The rule, the same for every device that runs here:

* Warm-up until settled: a first call, then calls in blocks of 0.1 s (at least one call each),
  until the medians of two blocks on end differ by 2 % at most; for 3 s at the longest, after
  which the record says that it had not settled.
* Then at least 50 calls and at least 1 s; 60 s at the longest, which ends with fewer calls where
  one takes more than 1.2 s, and 100,000 calls at the most, which ends sooner where one takes less
  than 10 µs.
* Each call between two readings of a clock, garbage collection off, no sample dropped.

What a clock on the wall shows is not all work. On a shared machine a thread waits for a core,
often in so steady a rhythm that the quartiles of its times lie within a few per cent, around a
median that is wrong by half. So Linux is asked how long the threads waited
(``/proc/self/task/*/schedstat``), and a time comes with that share. Time that a hypervisor takes
from a virtual core is not seen by it.
"""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness import trace

__all__ = ["Pairs", "Timing", "time_calls", "time_pairs"]

Call = Callable[[], Any]
Floats = NDArray[np.float64]

_CALLS, _SECONDS, _LIMIT = 50, 1.0, 60.0
_MOST = 100_000
_BLOCK_SECONDS, _SETTLED, _WARM_UP_LIMIT = 0.1, 0.02, 3.0
_ALONE = 1.02  # processor time of the process over that of the calling thread
_TASKS = Path("/proc/self/task")

_wall = time.perf_counter_ns


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """The calls of one session, in the order they were made.

    Attributes:
        samples_us: (N,) what the clock on the wall showed for each call, in µs.
        cpu_us: (N,) processor time from the end of the call before to the end of each: of the
            calling thread, or of the whole process where other threads worked during warm-up.
        waited: time that the process's threads were ready to run and had no core, as a share of
            the time on the wall from the first call to the last, at most 1. With several threads
            it is the sum over them: what the calls may have lost. None where the system does not
            tell.
        warm_up: number of calls dropped before.
        settled: whether the warm-up ended by the rule, not by its limit.
        parts: (N,) µs for each span that the call marks (:func:`harness.span`), 0 where one
            call did not.
    """

    samples_us: Floats
    cpu_us: Floats
    waited: float | None
    warm_up: int
    settled: bool
    parts: Mapping[str, Floats]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Interleaved calls of two; :func:`harness.stats.paired_ratio` compares them.

    Attributes:
        first_us, second_us: (N,) time of each call in µs, pair by pair.
        first_cpu_us, second_cpu_us: (N,) processor time, as in :class:`Timing`.
        waited: as in :class:`Timing`, over both.
    """

    first_us: Floats
    second_us: Floats
    first_cpu_us: Floats
    second_cpu_us: Floats
    waited: float | None


def time_calls(
    call: Call,
    *,
    sync: Call | None = None,
    calls: int = _CALLS,
    seconds: float = _SECONDS,
    limit: float = _LIMIT,
) -> Timing:
    """Time ``call()`` by the module's rule.

    Args:
        call: without arguments; what it returns is dropped.
        sync: called after ``call`` within its time, to wait for work that it only began.
        calls: at least so many.
        seconds: for at least so long.
        limit: for no longer than this, once a call ends.

    Example:
        >>> timing = time_calls(lambda: sum(range(1000)), seconds=0.01)
        >>> len(timing.samples_us) >= 50
        True
    """
    with _undisturbed():
        trace.reset()
        warm = _warm_up(call, sync)
        traced = bool(trace.taken()[0])
        began, waited = _wall(), _Waiting()
        samples = _Samples(_cpu_clock(warm))
        samples.take(call, sync, calls, seconds, limit, traced=traced)
        share = waited.share(_wall() - began)
    return Timing(
        samples_us=_microseconds(samples.wall),
        cpu_us=_microseconds(samples.cpu),
        waited=share,
        warm_up=warm.calls,
        settled=warm.settled,
        parts=_parts(samples.spans),
    )


def time_pairs(
    first: Call,
    second: Call,
    *,
    sync: Call | None = None,
    calls: int = _CALLS,
    seconds: float = _SECONDS,
    limit: float = _LIMIT,
    seed: int = 0,
) -> Pairs:
    """Time two alternately, so that both meet the same disturbances.

    Each is warmed up; then every pair runs in an order that is drawn anew.

    Args:
        first, second: as ``call`` of :func:`time_calls`.
        sync, seconds, limit: as there, for both together.
        calls: at least so many pairs.
        seed: of the order within pairs.
    """
    both = (first, second)
    with _undisturbed():
        warm = [_warm_up(call, sync) for call in both]
        clock = max((_cpu_clock(one) for one in warm), key=lambda c: c is time.process_time_ns)
        samples = _Samples(clock), _Samples(clock)
        flip = random.Random(seed).getrandbits
        began, waited = _wall(), _Waiting()
        soonest, latest = began + seconds * 1e9, began + limit * 1e9
        for done in range(1, _MOST + 1):
            one = flip(1)
            samples[one].take(both[one], sync, 1, 0, 0, traced=False)
            samples[1 - one].take(both[1 - one], sync, 1, 0, 0, traced=False)
            now = _wall()
            if now >= soonest and (done >= calls or now >= latest):
                break
        share = waited.share(_wall() - began)
    return Pairs(
        first_us=_microseconds(samples[0].wall),
        second_us=_microseconds(samples[1].wall),
        first_cpu_us=_microseconds(samples[0].cpu),
        second_cpu_us=_microseconds(samples[1].cpu),
        waited=share,
    )


class _Samples:
    """What the clocks showed, in ns."""

    def __init__(self, cpu_clock: Callable[[], int]) -> None:
        self.cpu_clock = cpu_clock
        self.wall: list[int] = []
        self.cpu: list[int] = []
        self.spans: list[dict[str, float]] = []

    def take(
        self,
        call: Call,
        sync: Call | None,
        calls: int,
        seconds: float,
        limit: float,
        *,
        traced: bool,
    ) -> None:
        """Add calls until there are enough; local names keep the work between them small."""
        clock, cpu_clock, wall, cpu = _wall, self.cpu_clock, self.wall, self.cpu
        keep, keep_cpu = wall.append, cpu.append
        begun = clock()
        soonest, latest = begun + seconds * 1e9, begun + limit * 1e9
        before = cpu_clock()
        for _ in range(_MOST):
            if traced:
                trace.reset()
            start = clock()
            call()
            if sync is not None:
                sync()
            end = clock()
            now = cpu_clock()
            keep(end - start)
            keep_cpu(now - before)
            before = now
            if traced:
                self.spans.append(trace.taken()[0])
            if end >= soonest and (len(wall) >= calls or end >= latest):
                return


@dataclass(frozen=True, slots=True)
class _WarmUp:
    calls: int
    settled: bool
    thread_ns: int
    process_ns: int


def _warm_up(call: Call, sync: Call | None) -> _WarmUp:
    """Call until settled, by the module's rule."""
    thread, process = time.thread_time_ns(), time.process_time_ns()
    first = _Samples(time.thread_time_ns)
    first.take(call, sync, 1, 0, 0, traced=False)
    begun, count, previous, settled = _wall(), 1, 0.0, False
    while not settled and _wall() - begun < _WARM_UP_LIMIT * 1e9:
        block = _Samples(time.thread_time_ns)
        block.take(call, sync, 1, _BLOCK_SECONDS, _BLOCK_SECONDS, traced=False)
        count += len(block.wall)
        now = median(block.wall)
        settled = abs(now - previous) <= _SETTLED * previous
        previous = now
    return _WarmUp(
        count, settled, time.thread_time_ns() - thread, time.process_time_ns() - process
    )


def _cpu_clock(warm: _WarmUp) -> Callable[[], int]:
    """Choose the cheap clock where the calling thread does all the work."""
    alone = warm.process_ns <= _ALONE * warm.thread_ns
    return time.thread_time_ns if alone else time.process_time_ns


class _Waiting:
    """How long the threads of this process have waited for a core since this was made."""

    def __init__(self) -> None:
        self.before = _delays()

    def share(self, elapsed_ns: int) -> float | None:
        """Return the share of the time since then, None where the system does not tell."""
        after = _delays()
        if not any(ran for ran, _ in after.values()):
            return None
        lost = sum(d - self.before.get(task, (0, 0))[1] for task, (_, d) in after.items())
        return min(1.0, lost / max(1, elapsed_ns))


def _delays() -> dict[str, tuple[int, int]]:
    """Return for each thread how long it ran, and how long it waited for a core, in ns."""
    found = {}
    try:
        for task in _TASKS.iterdir():
            try:
                ran, waited, *_ = (task / "schedstat").read_text().split()
            except FileNotFoundError:  # it ended just now, or the kernel keeps no account
                continue
            found[task.name] = int(ran), int(waited)
    except (OSError, ValueError):
        return {}
    return found


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Hold the garbage collector off, and keep what the stage marked before."""
    spans, notes = trace.taken()
    collecting = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()
        notes |= trace.taken()[1]
        trace.reset()
        for name, seconds in spans.items():
            trace.add_seconds(name, seconds)
        for name, value in notes.items():
            trace.note(name, value)


def _microseconds(nanoseconds: list[int]) -> Floats:
    return np.asarray(nanoseconds, np.float64) / 1e3


def _parts(spans: list[dict[str, float]]) -> dict[str, Floats]:
    names = dict.fromkeys(name for marked in spans for name in marked)
    return {name: np.array([marked.get(name, 0.0) for marked in spans]) * 1e6 for name in names}
