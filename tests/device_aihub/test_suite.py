"""Suites that name AI Hub, through ``harness run``."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.api import open_suite
from harness.errors import UsageError
from harness.store.tables import read_table

PLUGIN = Path(__file__).with_name("edge.py")
S24 = "Samsung Galaxy S24 (Family)"


@pytest.fixture
def suite(tmp_path):
    """Return a function that writes a suite with these devices."""

    def write(*devices):
        path = tmp_path / "suite.yaml"
        suite = {
            "name": "edge",
            "plugins": [str(PLUGIN)],
            "tasks": ["edge/filter"],
            "datasets": ["signals"],
            "models": ["plain"],
            "metrics": ["latency_ms", "device_sqnr"],
            "devices": list(devices),
        }
        path.write_text(json.dumps(suite))
        return path

    return write


@pytest.fixture
def harness(hub, tmp_path):
    """Return a function that starts ``harness run`` in a process of its own."""
    hub.usual = ()  # done when it is first looked at: the pace is the real one, 10 s
    started = []

    def start(path):
        code = "from harness.cli import main; main()"
        command = [sys.executable, "-c", code, "run", str(path), "--results", "results"]
        # pytest shows what it prints where a test fails
        started.append(subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.STDOUT))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def _code(process):
    return process.wait(timeout=120)


def _rows(tmp_path, name="scores"):
    return read_table(tmp_path / "results" / "edge" / f"{name}.parquet")[0]


@pytest.mark.slow
def test_a_suite_gets_latency_and_quality_of_one_job_on_one_row(suite, harness, hub, tmp_path):
    assert _code(harness(suite({"aihub": S24}))) == 0
    label = f"aihub:{S24}"
    found = {row["metric"]: row for row in _rows(tmp_path) if row["item"] is None}
    [timed] = hub.submitted("inference")
    detail = hub.jobs[timed].result.inference_job_result.detail
    latency = found[f"latency_ms@{label}"]
    assert latency["value"] == 2 * min(detail.all_execution_times) / 1e3
    assert latency["signature"].startswith("latency|sum over components of calls x statistic")
    assert f"measured-device|{label}" in latency["signature"]
    assert "min of 100" in latency["signature"]
    assert "QAIRT:2.51.0.260101" in latency["signature"]
    # the stand-in runs float32 by torch on the same machine, so nothing differs but rounding
    assert found[f"device_sqnr@{label}"]["value"] > 100
    kept = (tmp_path / "results" / "store" / "devices" / "aihub" / "journal.jsonl").read_text()
    assert timed in kept


@pytest.mark.slow
def test_the_same_command_and_another_suite_submit_nothing(suite, harness, hub, tmp_path):
    path = suite({"aihub": S24})
    assert _code(harness(path)) == 0
    more = path.read_text().replace('"device_sqnr"', '"device_sqnr", "device_memory_mb"')
    path.write_text(more)
    assert _code(harness(path)) == 0
    assert _code(harness(suite({"aihub": {"device": S24, "budget": 90}}))) == 0
    assert len(hub.submitted("compile")) == len(hub.submitted("inference")) == 1


@pytest.mark.slow
@pytest.mark.faults
def test_killed_while_waiting_the_same_command_goes_on(suite, harness, hub, standin, tmp_path):
    waiting = [standin.pb.JOB_STATE_PROVISIONING_DEVICE]
    hub.fates["inference"] = [standin.Fate(waiting * 10**4)]
    path = suite({"aihub": S24})
    process = harness(path)
    end = time.monotonic() + 120
    while not (hub.submitted("inference") and hub.polls(hub.submitted("inference")[0])):
        assert time.monotonic() < end
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    [id_] = hub.submitted("inference")
    hub.jobs[id_].states.clear()
    assert _code(harness(path)) == 0
    assert len(hub.submitted("compile")) == len(hub.submitted("inference")) == 1
    assert len(_rows(tmp_path)) >= 2


@pytest.mark.slow
def test_failures_and_unknown_devices_are_rows_and_the_others_go_on(
    suite, harness, hub, standin, tmp_path
):
    failure = standin.pb.JobFailureType.Value("JOB_FAILURE_TYPE_RUNTIME_TIMEOUT")
    hub.fates["inference"] = [standin.Fate(failure=failure, reason="took too long")]
    tflite = {"aihub": {"device": S24, "runtime": "tflite"}}
    path = suite({"aihub": "Samsung Galaxy S25"}, tflite)
    assert _code(harness(path)) == 3
    ends = {row["step"]: row for row in _rows(tmp_path, "nodes")}
    unknown = ends["device@aihub:Samsung Galaxy S25"]
    assert unknown["outcome"] == "invalid"
    assert f"did you mean '{S24}'?" in unknown["reason"]
    failed = ends[f"device@aihub:{S24},runtime=tflite"]
    assert failed["outcome"] == "timeout"
    assert "filter: inference job failed: RUNTIME_TIMEOUT: took too long" in failed["reason"]


def test_without_a_token_the_suite_stands_and_its_rows_are_unavailable(
    suite, tmp_path, monkeypatch
):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("QAIHUB_CLIENT_INI", raising=False)
    opened, _ = open_suite(str(suite({"aihub": S24})), ())
    assert [use.label for use in opened.devices] == [f"aihub:{S24}"]


def test_a_wrong_parameter_is_refused_with_its_place(suite):
    with pytest.raises(UsageError) as caught:
        open_suite(str(suite({"aihub": {"device": S24, "runtime": "qnn_dcl"}})), ())
    [line] = caught.value.lines
    assert "suite.yaml:" in line
    assert "did you mean 'qnn_dlc'?" in line
