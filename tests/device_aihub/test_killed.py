"""The program is killed while a job is under way: the next one finds the job again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("measure.py")
ENOUGH = 120.0


@pytest.fixture
def start(hub, tmp_path):
    """Return a function that starts a measurement in a process of its own."""
    started = []

    def begin():
        arguments = [sys.executable, str(SCRIPT), str(tmp_path / "device")]
        env = {**os.environ, "OMP_NUM_THREADS": "1"}
        started.append(subprocess.Popen(arguments, env=env, stdout=subprocess.PIPE, text=True))
        return started[-1]

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def _until(condition):
    end = time.monotonic() + ENOUGH
    while not condition():
        assert time.monotonic() < end, "it never came to be"
        time.sleep(0.02)


def _kill(process):
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


@pytest.mark.faults
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["compile", "inference"])
def test_killed_while_waiting_its_job_is_found_again(
    hub, start, standin, script, tmp_path, journal, kind
):
    hub.fates[kind] = [standin.Fate([standin.pb.JOB_STATE_PROVISIONING_DEVICE] * 10**5)]
    process = start()
    _until(lambda: hub.submitted(kind) and hub.polls(hub.submitted(kind)[0]) > 1)
    _kill(process)
    [id_] = hub.submitted(kind)
    hub.jobs[id_].states.clear()
    [part] = script.bench(tmp_path / "device").measure([script.component()]).record["components"]
    assert len(hub.submitted("compile")) == len(hub.submitted("inference")) == 1
    assert part["runs"][0]["job"] == hub.submitted("inference")[0]
    names = [line["name"] for line in journal() if line["event"] == "intent"]
    assert len(names) == len(set(names)) == 2


@pytest.mark.faults
@pytest.mark.slow
def test_killed_between_the_submission_and_its_answer(hub, start, standin, script, tmp_path):
    held = threading.Event()
    hub.faults = [standin.Fault("POST /api/v1/jobs/", after=True, hold=held)]
    process = start()
    _until(lambda: hub.submitted("compile"))
    _kill(process)
    held.set()
    script.bench(tmp_path / "device").measure([script.component()])
    assert len(hub.submitted("compile")) == len(hub.submitted("inference")) == 1


@pytest.mark.slow
def test_workers_that_measure_the_same_submit_it_once(hub, start):
    told = [process.communicate(timeout=ENOUGH)[0] for process in (start(), start())]
    assert told[0] == told[1] != ""
    assert len(hub.submitted("compile")) == len(hub.submitted("inference")) == 1
