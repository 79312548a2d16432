"""A run that is killed loses nothing that it finished, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import time
from pathlib import Path

import pytest

from harness.store import read_journal
from harness.store.tables import read_table

# what differs between two runs of the same nodes: how long they took, when, and how many beside
MEASURED = {"wall", "cpu", "peak_rss", "finished", "spans"}


def tables(folder: Path) -> dict[str, list[dict]]:
    found = {}
    for name in ("nodes", "scores", "environments"):
        rows, _ = read_table(folder / "results" / "plates" / f"{name}.parquet")
        kept = [
            {
                k: None if k == "value" and row["metric"].endswith("_seconds") else v
                for k, v in row.items()
                if k not in MEASURED
            }
            for row in rows
        ]
        found[name] = kept
    return found


def big_suite(suite_of, **changes) -> Path:
    """Return a suite of 200 nodes of which a few fail."""
    params = [
        {"pause": 0.004},
        {"pause": 0.004, "fault": "raise"},
        {"pause": 0.004, "fault": "nan"},
    ]
    return suite_of(
        datasets=[{"name": "plates", "params": {"count": 25}}],
        models=[{"name": "copier", "label": f"m{i}", "params": p} for i, p in enumerate(params)]
        + [{"name": "copier", "label": "m3", "params": {"pause": 0.005}}],
        **changes,
    )


@pytest.mark.slow
def test_killed_twenty_times_the_tables_are_those_of_an_undisturbed_run(
    program, suite_of, tmp_path, no_orphans
):
    suite = big_suite(suite_of)
    calm = type(program)(tmp_path / "calm")
    assert calm("run", suite, "--jobs", 2).returncode == 3
    rng = random.Random(20261120)
    told: set[str] = set()
    kills = 0
    while kills < 20:
        process = program.start("run", suite, "--json", "--jobs", 2)
        wanted = rng.choice([0, 1, 3, 6, 12, 20])
        fresh = 0
        while fresh < wanted and (line := process.stdout.readline()):
            event = json.loads(line)
            if event["event"] == "node" and not event["cached"]:
                fresh += 1
                told |= {event["key"]} if event["outcome"] == "ok" else set()
        time.sleep(rng.random() * (0.6 if wanted == 0 else 0.05))
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            kills += 1
        process.communicate()
        no_orphans(process.pid)
    journal = program.folder / "results" / "store" / "journal.jsonl"
    damage: list[str] = []
    kept = {r["key"] for r in read_journal(journal, damage) if r.get("outcome") == "ok"}
    assert damage == []
    assert told <= kept
    assert program("run", suite, "--jobs", 2).returncode == 3
    assert kills == 20
    assert tables(program.folder) == tables(calm.folder)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("fault", ["", "hang"])
def test_an_interrupt_ends_the_run_within_two_seconds(
    program, suite_of, no_orphans, number, fault
):
    params = {"fault": fault, "pause": 0.02}
    suite = suite_of(
        models=[{"name": "copier", "params": params}],
        datasets=[{"name": "plates", "params": {"count": 200}}],
    )
    process = program.start("run", suite, "--jobs", 2)
    journal = program.folder / "results" / "store" / "journal.jsonl"
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and not (
        journal.exists() and journal.stat().st_size > 20_000
    ):
        time.sleep(0.02)
    start = time.monotonic()
    process.send_signal(number)
    out, err = process.communicate(timeout=10)
    assert time.monotonic() - start < 2
    assert process.returncode == 130
    assert "run the same command again to go on" in out
    assert err == ""
    no_orphans(process.pid)
    assert not (program.folder / "results" / "plates").exists()
    assert not (program.folder / "results" / "store" / "tmp").exists()


@pytest.mark.parametrize("wait", [0.1, 0.2, 0.4])
def test_an_interrupt_at_any_moment_of_the_start(program, suite_of, no_orphans, wait):
    suite = suite_of(models=[{"name": "copier", "params": {"pause": 5}}])
    process = program.start("run", suite)
    time.sleep(wait)
    process.send_signal(signal.SIGINT)
    start = time.monotonic()
    out, err = process.communicate(timeout=10)
    assert time.monotonic() - start < 2
    assert process.returncode in {130, -signal.SIGINT}  # the latter before the program began
    if process.returncode == 130:
        assert "run the same command again to go on" in out + err
        assert "Traceback" not in err
    no_orphans(process.pid)


def test_two_interrupts_end_it_at_once(program, suite_of, no_orphans):
    suite = suite_of(models=[{"name": "copier", "params": {"pause": 5}}])
    process = program.start("run", suite)
    assert process.stdout.readline()
    time.sleep(0.3)
    start = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=10)
    assert time.monotonic() - start < 2
    assert process.returncode == 130
    no_orphans(process.pid)


def test_the_reader_of_a_pipe_may_leave(program, suite_of, no_orphans):
    suite = suite_of(datasets=[{"name": "plates", "params": {"count": 60}}])
    process = program.start("run", suite, "--json")
    assert process.stdout.readline()
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    process.wait(timeout=30)
    assert err == ""
    no_orphans(process.pid)
    assert program("run", suite).returncode == 0


def test_a_killed_run_leaves_its_tables_whole_or_not_at_all(program, suite_of):
    suite = suite_of()
    assert program("run", suite).returncode == 0
    before = tables(program.folder)
    for wait in (0.0, 0.05, 0.1, 0.2):
        process = program.start("run", suite, "--fresh")
        time.sleep(0.3 + wait)
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        tables(program.folder)  # each file can be read
    assert program("run", suite).returncode == 0
    assert tables(program.folder) == before
