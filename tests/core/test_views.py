"""What is seen of a plan and of a run: plain lines, JSON, and the live table of a terminal."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys

import pytest

from harness.cli.progress import duration

FAULTY = [
    "zip",
    {"name": "faulty", "params": {"fault": "raise"}},
    {"name": "zip", "label": "gone", "params": {"fault": "build"}},
]


@pytest.fixture
def suite(suite_of):
    return suite_of(models=FAULTY)


def test_plain_lines_tell_each_problem_once_and_the_end(command, suite):
    said = command("run", suite, "--jobs", 2)
    assert said.returncode == 3
    lines = said.stdout.splitlines()
    assert lines[0] == "toy: 144 nodes, 0 reused, 2 at once"
    problems = [line.split() for line in lines if line.lstrip().startswith("error")]
    assert sorted(p[1] for p in problems) == ["faulty(fault=raise)", "gone"]
    assert "ValueError: this text is too hard (toy.py:" in said.stdout
    assert "RuntimeError: no such network (toy.py:" in said.stdout
    (end,) = [line for line in lines if line.startswith("144 nodes: ")]
    assert re.match(r"144 nodes: 80 ok, 48 skipped, 16 error; \d+ reused; \d+ s", end)
    for name in ("board", "scores", "nodes", "environments"):
        assert re.search(rf"^ *{name}  results/toy/{name}\.", said.stdout, re.MULTILINE)
    assert "\x1b" not in said.stdout


def test_a_terminal_sees_a_live_table_and_the_same_end(suite, tmp_path):
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", "from harness.cli import main; main()", "run", suite],
        cwd=tmp_path,
        stdout=theirs,
        stderr=subprocess.PIPE,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    )
    os.close(theirs)
    said = b""
    try:
        while data := os.read(ours, 1 << 16):
            said += data
    except OSError:  # how a terminal says that nobody writes any more
        pass
    os.close(ours)
    _, err = process.communicate(timeout=60)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", said.decode())
    assert process.returncode == 3, err
    assert err == b""
    assert "faulty(fault=raise) · pack: ValueError: this text is too hard" in text
    assert "all" in text
    assert "80 ok, 48 skipped, 16 error" in text


def test_a_plan_writes_nothing_and_says_what_is_missing(command, suite_of, tmp_path):
    suite = suite_of("all.yaml", models=["zip", "lossy"])
    said = command("plan", suite)
    assert said.returncode == 0, said.stderr
    assert list((tmp_path / "cwd").iterdir()) == []
    assert "96 nodes: 0 done, 96 to run" in said.stdout
    assert "no estimate: these steps never ran here" in said.stdout
    command("run", suite_of())
    half = json.loads(command("plan", suite, "--json").stdout)
    assert (half["nodes"], half["rows"]["zip"]) == (96, {"done": 24, "missing": 24})
    assert half["rows"]["lossy"] == {"missing": 48}
    assert half["without_estimate"] == 24  # the stages of a model that never ran
    assert half["seconds"] > 0


def test_a_plan_tells_what_cannot_run(command, suite_of, toy, tmp_path):
    (tmp_path / "needy.py").write_text(
        "from harness import Model, hookimpl\n"
        "@hookimpl\ndef harness_models():\n"
        "    return [Model(name='needy', family='toy', factory='needy:N',\n"
        "                  requires=('nowhere',))]\n"
    )
    said = command("plan", suite_of(plugins=[str(toy), "needy.py"], models=["needy"]))
    assert "needy  12 unavailable  (nowhere is not installed; pip install" in said.stdout
    assert "12 nodes: 0 done, 0 to run" in said.stdout


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (89.4, "89 s"), (90, "2 min"), (3_600, "60 min"), (7_800, "2 h 10 min")],
)
def test_durations_read_as_people_say_them(seconds, text):
    assert duration(seconds) == text
