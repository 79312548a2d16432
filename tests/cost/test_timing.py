from __future__ import annotations

import gc
import hashlib
import os
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

from harness import note, span, trace
from harness.cost import time_calls, time_pairs, timing
from harness.stats import paired_ratio

MS = 1_000_000


class Clock:
    """A clock that moves by what is told, and by 1 ns for each look at it."""

    def __init__(self, monkeypatch):
        self.now = 0
        self.looks = 0
        monkeypatch.setattr(timing, "_wall", self.wall)
        frozen = SimpleNamespace(thread_time_ns=lambda: self.now, process_time_ns=lambda: self.now)
        monkeypatch.setattr(timing, "time", frozen)

    def wall(self):
        self.now += 1
        return self.now

    def takes(self, milliseconds):
        def call():
            self.now += round(milliseconds * MS)

        return call


@pytest.fixture
def clock(monkeypatch):
    return Clock(monkeypatch)


def in_turn(clock, durations):
    """Return a call that takes each of the times, and the last for ever."""
    left = list(durations)

    def call():
        clock.now += round((left.pop(0) if len(left) > 1 else left[0]) * MS)

    return call


def test_quick_calls_last_a_second(clock):
    found = time_calls(clock.takes(2))
    assert len(found.samples_us) == 500
    assert found.samples_us == pytest.approx(2000, abs=0.01)
    assert found.cpu_us == pytest.approx(2000, abs=0.01)


def test_slower_calls_are_fifty(clock):
    assert len(time_calls(clock.takes(200)).samples_us) == 50


def test_very_slow_calls_end_after_a_minute(clock):
    found = time_calls(clock.takes(7000))
    assert len(found.samples_us) == 9  # 63 s: the ninth call ends after the limit
    assert found.warm_up == 2  # one, and one block of one call, after which the 3 s are over
    assert not found.settled


def test_very_quick_calls_end_at_a_hundred_thousand(clock):
    assert len(time_calls(clock.takes(0.001)).samples_us) == 100_000


def test_warm_up_lasts_until_two_blocks_agree(clock):
    # First call apart; blocks of 100 ms: 1 call of 120, 2 of 60, 2 of 51, then 2 of 50 settle.
    found = time_calls(in_turn(clock, [500, 120, 60, 60, 51, 51, 50]))
    assert found.warm_up == 8
    assert found.settled
    assert found.samples_us == pytest.approx(50_000, abs=0.01)


def test_warm_up_gives_up_after_three_seconds(clock):
    ever_slower = [100 * 1.05**n for n in range(80)]
    found = time_calls(in_turn(clock, ever_slower), limit=1)
    assert not found.settled
    total = np.cumsum(ever_slower[1:])
    assert found.warm_up == 1 + np.searchsorted(total, 3000) + 1


def test_waiting_for_work_belongs_to_the_call(clock):
    found = time_calls(clock.takes(1), sync=clock.takes(4))
    assert found.samples_us == pytest.approx(5000, abs=0.01)


def test_spans_become_parts(clock, monkeypatch):
    marked = iter(range(10_000))

    def call():
        clock.now += 10 * MS
        trace.add_seconds("always", 0.004)
        if next(marked) % 2:
            trace.add_seconds("sometimes", 0.001)
            trace.add_seconds("sometimes", 0.001)

    found = time_calls(call)
    assert set(found.parts) == {"always", "sometimes"}
    assert len(found.parts["always"]) == len(found.samples_us)
    assert found.parts["always"] == pytest.approx(4000)
    assert sorted(set(np.round(found.parts["sometimes"]))) == [0, 2000]


def test_marks_of_the_stage_stay(clock):
    trace.reset()
    try:
        trace.add_seconds("load", 3.0)
        note("command", "x")

        def call():
            clock.now += 10 * MS
            with span("inner"):
                note("encoder", "y")

        time_calls(call)
        assert trace.taken() == ({"load": 3.0}, {"command": "x", "encoder": "y"})
    finally:
        trace.reset()


@pytest.mark.parametrize("enabled", [True, False])
def test_no_garbage_is_collected_meanwhile(enabled, clock):
    was = gc.isenabled()
    (gc.enable if enabled else gc.disable)()
    seen = []

    def call():
        clock.now += 100 * MS
        seen.append(gc.isenabled())

    def broken():
        raise OSError("broken")

    try:
        time_calls(call)
        assert set(seen) == {False}
        assert gc.isenabled() is enabled
        with pytest.raises(OSError, match="broken"):
            time_calls(broken)
        assert gc.isenabled() is enabled
    finally:
        (gc.enable if was else gc.disable)()


def accounts(folder, **delays):
    for task, (ran, waited) in delays.items():
        (folder / task).mkdir(exist_ok=True)
        (folder / task / "schedstat").write_text(f"{ran} {waited} 7\n")


def test_waiting_is_the_sum_over_threads(clock, tmp_path, monkeypatch):
    monkeypatch.setattr(timing, "_TASKS", tmp_path)
    accounts(tmp_path, main=(1, 500), old=(1, 40 * MS), ended=(1, 9 * MS))
    count = iter(range(1, 10_000))

    def call():
        clock.now += 100 * MS
        made = next(count)
        late = max(0, made - 3)  # the warm-up is three calls
        accounts(tmp_path, main=(1, 500 + late * 2 * MS), old=(1, 40 * MS), new=(1, late * MS))

    found = time_calls(call)
    assert found.warm_up == 3
    assert found.waited == pytest.approx(0.03, rel=1e-3)


@pytest.mark.parametrize("account", [None, "", "0 0 0", "what"])
def test_no_share_where_the_system_keeps_no_account(account, clock, tmp_path, monkeypatch):
    monkeypatch.setattr(timing, "_TASKS", tmp_path / "task")
    if account is not None:
        (tmp_path / "task" / "1").mkdir(parents=True)
        (tmp_path / "task" / "1" / "schedstat").write_text(account)
    assert time_calls(clock.takes(100)).waited is None


def test_pairs_are_interleaved_in_a_drawn_order(clock):
    def order(seed):
        made = []

        def make(name, milliseconds):
            def call():
                made.append(name)
                clock.now += milliseconds * MS

            return call

        found = time_pairs(make("a", 10), make("b", 20), seed=seed)
        assert len(found.first_us) == len(found.second_us) == 50
        assert found.first_us == pytest.approx(10_000, abs=0.01)
        assert found.second_us == pytest.approx(20_000, abs=0.01)
        assert found.first_cpu_us == pytest.approx(10_000, abs=0.01)
        ratio = paired_ratio(found.first_us, found.second_us)
        assert ratio.ratio == pytest.approx(2, rel=1e-5)
        return made[-100:]

    made = order(0)
    pairs = {tuple(made[n : n + 2]) for n in range(0, 100, 2)}
    assert pairs == {("a", "b"), ("b", "a")}
    assert order(0) == made
    assert order(1) != made


# --- the real clocks -------------------------------------------------------------------


def test_times_of_this_machine():
    found = time_calls(lambda: time.sleep(0.002), calls=5, seconds=0.05)
    assert np.median(found.samples_us) >= 2000
    assert np.median(found.cpu_us) < 1500
    assert found.parts == {}


def test_work_of_other_threads_counts():
    data = bytes(4_000_000)

    def call():
        worker = threading.Thread(target=lambda: hashlib.sha256(data).digest())
        worker.start()
        worker.join()

    begun = time.thread_time_ns()
    for _ in range(5):
        call()
    own = (time.thread_time_ns() - begun) / 5e3
    found = time_calls(call, calls=5, seconds=0)
    begun = time.thread_time_ns()
    hashlib.sha256(data).digest()
    work = (time.thread_time_ns() - begun) / 1e3
    assert own < work / 2 < np.median(found.cpu_us)


@pytest.fixture
def one_core():
    if not timing._TASKS.joinpath(str(os.getpid()), "schedstat").exists():
        pytest.skip("the system does not tell how long threads wait: no schedstat")
    before = os.sched_getaffinity(0)
    core = min(before)
    os.sched_setaffinity(0, {core})
    yield core
    os.sched_setaffinity(0, before)


def test_a_neighbour_on_the_core_is_seen(one_core):
    def work():
        return sum(range(50_000))

    idle = time_calls(lambda: time.sleep(0.005), calls=10, seconds=0.3)
    code = f"import os\nos.sched_setaffinity(0, {{{one_core}}})\nprint(flush=True)\nwhile 1: pass"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as neighbour:
        try:
            neighbour.stdout.readline()
            found = time_calls(work, calls=50, seconds=1)
        finally:
            neighbour.kill()
    # A fair share of the core is half of it, or less where others run as well. 0.25 leaves room
    # for how coarsely turns are dealt out.
    assert found.waited > 0.25
    assert idle.waited < found.waited
    # This work never sleeps: processor time and waiting make up the second that it took. Part of
    # the waiting falls between the calls.
    assert found.cpu_us.sum() / 1e6 == pytest.approx(1 - found.waited, abs=0.05)
