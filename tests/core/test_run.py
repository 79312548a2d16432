from __future__ import annotations

import json
import math
import os
import time
from pathlib import Path

import pytest

import harness
from harness.api import open_suite, run_opened

# Models of the toy family that tell what they see, and misbehave on request.
PROBE = """\
import json
import os
import subprocess
import sys
import time

from harness import Metric, Model, Unavailable, hookimpl, note


def model(name, **more):
    return Model(name=name, family="toy", factory="probe:Probe",
                 params={"log": "", "act": "", "where": "pack"}, **more)


@hookimpl
def harness_models():
    return [
        model("probe"),
        model("needy", requires=("no-such-distribution>=3",), extra="more"),
        model("picky", check="probe:pick"),
        model("odd", check="probe:trip"),
        Model(name="lost", family="toy", factory="no_such_module:Model"),
        Model(name="slow-build", family="toy", factory="probe:SlowBuild"),
        Model(name="no-build", family="toy", factory="probe:NoBuild", params={"log": ""}),
        Model(name="hang-build", family="toy", factory="probe:HangBuild"),
    ]


@hookimpl
def harness_metrics():
    def metric(name, low, high, value):
        return Metric(name=name, factory="probe:Says", inputs=("packed",), signature=name,
                      better="none", range=(low, high), params={"value": value})

    inf = float("inf")
    return [
        metric("says-nan", 0, inf, "nan"),
        metric("says-inf", 0, 9, "inf"),
        metric("says-allowed-inf", 0, inf, "inf"),
        metric("says-minus", 0, 9, "-0.5"),
        metric("says-edge", 0, 9, "9.0000001"),
        metric("says-word", 0, 9, "many"),
        metric("says-nothing", 0, 9, ""),
    ]


class Says:
    def __init__(self, value):
        self.value = value

    def __call__(self, packed):
        if not self.value:
            return None
        return self.value if self.value == "many" else float(self.value)


def pick(**params):
    raise Unavailable("the moon is not out", "wait for the night")


def trip(**params):
    raise KeyError("a slip")


class SlowBuild:
    def __init__(self):
        time.sleep(1.5)

    def pack(self, text, point):
        time.sleep(1.5)
        return text

    def unpack(self, data):
        return data


class NoBuild:
    def __init__(self, log):
        with open(log, "a") as file:
            file.write("built\\n")
        raise RuntimeError("the checkpoint is torn")


class HangBuild:
    def __init__(self):
        time.sleep(600)


class Named(Exception):
    def __init__(self, outcome, message=""):
        super().__init__(message)
        self.outcome = outcome


class Mute(Exception):
    def __str__(self):
        raise ValueError("no words")


class Probe:
    def __init__(self, log, act, where):
        self.log, self.act, self.where = log, act, where

    def pack(self, text, point):
        return self.step("pack", text)

    def unpack(self, data):
        return self.step("unpack", data)

    def step(self, step, data):
        if self.log:
            self.tell(step, data)
        if self.act and step == self.where:
            ACTS[self.act](self)
        return data

    def tell(self, step, data):
        seen = {
            "step": step,
            "pid": os.getpid(),
            "group": os.getpgid(0),
            "session": os.getsid(0),
            "env": dict(os.environ),
            "cwd": os.getcwd(),
            "files": os.listdir(),
            "stdin": sys.stdin.read(),
            "text": data.decode()[:20],
        }
        with open(self.log, "a") as file:
            file.write(json.dumps(seen) + "\\n")


def throw(error):
    raise error


def flood(model):
    print("loud " * 1_000_000)
    os.write(1, b"\\xff\\xfe raw \\x00 bytes")
    os.write(2, b'{"outcome": "error"}\\n')
    subprocess.run(["echo", "from a child"], check=True)


def grumble(model):
    print("first words")
    os.write(1, b"\\xff\\xfe")
    flood(model)
    print("last words", flush=True)
    raise ValueError("no good")


def spawn(model):
    child = subprocess.Popen(["sleep", "300"])
    with open(model.log, "a") as file:
        file.write(json.dumps({"child": child.pid}) + "\\n")
    time.sleep(300)


def fork(model):
    code = "x = bytearray(200_000_000); x[:] = b'x' * len(x); import time; time.sleep(60)"
    for child in [subprocess.Popen([sys.executable, "-c", code]) for _ in range(2)]:
        child.wait()


ACTS = {
    "flood": flood,
    "grumble": grumble,
    "spawn": spawn,
    "fork": fork,
    "unavailable": lambda m: throw(Unavailable("the licence is not signed", "sign it")),
    "nonfinite": lambda m: throw(Named("nonfinite", "the loss is NaN")),
    "invalid": lambda m: throw(Named("invalid", "not my colour space")),
    "banana": lambda m: throw(Named("banana", "an odd outcome")),
    "list": lambda m: throw(Named(["ok"], "an odd outcome")),
    "ok": lambda m: throw(Named("ok", "all is well")),
    "mute": lambda m: throw(Mute()),
    "surrogate": lambda m: throw(ValueError("file \\udcff\\n<b>")),
    "interrupt": lambda m: throw(KeyboardInterrupt()),
    "memory": lambda m: throw(MemoryError()),
    "notes": lambda m: (note("a", m), note("b", {("t",): 1}), note("c", float("nan"))),
    "loop": lambda m: note("self", LOOP),
    "closes": lambda m: os.closerange(3, 100),
    "chdir": lambda m: (os.mkdir("x"), os.chdir("x"), open("dirt", "w").close()),
    "environ": lambda m: os.environ.clear(),
}
LOOP = []
LOOP.append(LOOP)
"""


@pytest.fixture
def log(tmp_path):
    return tmp_path / "log"


@pytest.fixture
def probe(tmp_path, toy, suite_of, log):
    """Return a function that writes a suite on a probe, of three items and one point."""

    def write(act: str = "", *, name: str = "probe", where: str = "pack", **changes) -> Path:
        (tmp_path / "probe.py").write_text(PROBE)
        params = {"log": str(log), "act": act, "where": where} if name == "probe" else {}
        return suite_of(
            **{
                "plugins": [str(toy), "probe.py"],
                "models": [{"name": name, "params": params, "points": {}, "label": "it"}],
                "metrics": ["size"],
            }
            | changes
        )

    return write


@pytest.fixture
def seen(log):
    """Return a function that gives what the probe told so far."""
    return lambda: [json.loads(line) for line in log.read_text().splitlines()]


def outcomes(done, step: str) -> list[str]:
    return [e["outcome"] for e in done.ended if e["step"] == step]


def reasons(done) -> set[str]:
    return {e["reason"] for e in done.ended if e["reason"]}


# --- what is run, and what is not ------------------------------------------------------


def test_events_tell_the_plan_first_and_every_node_once(suite_of, run):
    done = run(suite_of())
    assert done.events[0] == {
        "event": "plan",
        "suite": "toy",
        "nodes": 24,
        "ended": 0,
        "reused": 0,
    }
    where = [(e["step"], e["item"], json.dumps(e["point"])) for e in done.ended]
    assert len(where) == len(set(where)) == 24
    assert done.done.outcomes == {"ok": 24}
    assert done.done.exit_code == 0
    again = run(suite_of())
    assert (again.events[0]["ended"], again.events[0]["reused"]) == (24, 24)
    assert all(e["cached"] for e in again.ended)


def test_json_lines(suite_of, command):
    said = command("run", suite_of(), "--json", "--results", "r")
    assert said.returncode == 0, said.stderr
    first, *nodes, last = [json.loads(line) for line in said.stdout.splitlines()]
    assert (first["event"], first["nodes"]) == ("plan", 24)
    assert {n["event"] for n in nodes} == {"node"}
    assert len(nodes) == 24
    assert (last["event"], last["outcomes"], last["exit_code"]) == ("end", {"ok": 24}, 0)


def test_results_lie_beside_the_command_by_default(suite_of, command, tmp_path):
    said = command("run", suite_of())
    assert said.returncode == 0, said.stdout
    assert (tmp_path / "cwd" / "results" / "toy" / "scores.parquet").is_file()


def test_a_second_run_does_nothing_twice(probe, run, seen):
    run(probe())
    assert len(seen()) == 6
    assert len(run(probe()).ended) == 9
    assert len(seen()) == 6
    run(probe(datasets=[{"name": "words", "params": {"count": 4}}]))
    assert len(seen()) == 8
    run(probe(), fresh=True)
    assert len(seen()) == 14


def test_a_failure_is_tried_again_and_what_went_well_is_not(probe, run, seen, tmp_path):
    first = run(probe("unavailable", where="unpack"))
    assert outcomes(first, "pack") == ["ok"] * 3
    second = run(probe("unavailable", where="unpack"))
    steps = [s["step"] for s in seen()]
    assert steps.count("pack") == 3
    assert steps.count("unpack") == 6
    assert second.done.outcomes == {"ok": 6, "unavailable": 3}


def test_a_new_metric_runs_no_stage_again(probe, run, seen):
    run(probe())
    again = run(probe(metrics=["size", "likeness"]))
    assert {e["step"] for e in again.ran} == {"likeness"}
    assert len(seen()) == 6


def test_a_lost_artifact_is_made_again(suite_of, run, tmp_path):
    run(suite_of())
    for artifact in (tmp_path / "results" / "store" / "artifacts").rglob("*"):
        if artifact.is_file():
            artifact.unlink()
    again = run(suite_of())
    assert again.done.outcomes == {"ok": 24}
    assert {e["step"] for e in again.ran} == {"pack", "unpack"}


def test_only_runs_the_rows_it_names(suite_of, run):
    suite = suite_of(models=["zip", "lossy"])
    done = run(suite, only=["z*"])
    assert {e["entry"] for e in done.ran} == {"zip"}
    assert done.done.exit_code == 0


def test_limit_takes_the_first_items(suite_of, run):
    assert {e["item"] for e in run(suite_of(), limit=2).ran} == {"text00000", "text00001"}


def test_fail_fast_cancels_the_rest(probe, run):
    done = run(
        probe("invalid", datasets=[{"name": "words", "params": {"count": 40}}]),
        fail_fast=True,
        jobs=1,
    )
    counts = done.done.outcomes
    assert counts["invalid"] == 1
    assert counts["cancelled"] > 100
    assert done.done.exit_code in {3, 5}
    again = run(probe("", datasets=[{"name": "words", "params": {"count": 40}}]))
    assert again.done.outcomes == {"ok": 120 - 0}


def test_the_api_runs_a_suite_by_its_file(suite_of, tmp_path):
    for _ in range(2):  # the function, also once the package of its name is imported
        done = harness.run(suite_of(), results=tmp_path / "r", jobs=2)
        assert done.complete
        assert done.files["scores"].is_file()


def test_listeners_are_told_and_may_fail(suite_of, run, tmp_path):
    for name in ("ear", "deaf"):
        body = "1 / 0" if name == "deaf" else "seen.append(event['event'])"
        (tmp_path / f"{name}.py").write_text(
            "from harness import hookimpl\nseen = []\n"
            f"@hookimpl\ndef harness_event(event):\n    {body}\n"
        )
    done = run(suite_of(), plugins=(tmp_path / "ear.py", tmp_path / "deaf.py"))
    import sys

    assert sys.modules["ear"].seen.count("node") == 24
    assert sys.modules["ear"].seen[0] == "plan"
    warnings = [e["text"] for e in done.events if e["event"] == "warning"]
    assert warnings == ["plugin deaf: division by zero"]


def test_an_unknown_executor_is_a_usage_error(suite_of, tmp_path):
    opened, registry = open_suite(str(suite_of()), ())
    with pytest.raises(harness.UsageError, match=r"unknown executor 'proces' \(did you mean"):
        run_opened(opened, registry, results=tmp_path / "r", executor="proces")
    assert not (tmp_path / "r").exists()


def test_an_executor_that_cannot_be_had_is_a_usage_error(suite_of, tmp_path):
    (tmp_path / "far.py").write_text(
        "from harness import Executor, hookimpl\n"
        "@hookimpl\ndef harness_executors():\n"
        "    return [Executor(name='far', factory='no_such_cluster:Cluster')]\n"
    )
    opened, registry = open_suite(str(suite_of()), (tmp_path / "far.py",))
    with pytest.raises(harness.UsageError, match="executor 'far': no_such_cluster cannot be imp"):
        run_opened(opened, registry, results=tmp_path / "r", executor="far")


# --- the worker's surroundings ---------------------------------------------------------


def test_a_worker_sees_little_and_stands_alone(probe, run, seen, monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "s3cret")
    monkeypatch.setenv("OMP_NUM_THREADS", "13")
    run(probe())
    for one in seen():
        assert "SECRET_TOKEN" not in one["env"]
        assert one["env"]["OMP_NUM_THREADS"] == "1"
        assert one["env"]["HF_HUB_OFFLINE"] == "1"
        assert "HARNESS_REPLY_FD" not in one["env"]
        assert one["files"] == []
        assert one["cwd"] not in {os.getcwd(), str(Path.home())}
        assert one["stdin"] == ""
        assert one["group"] == one["session"] == one["pid"] != os.getpid()


def test_stages_never_share_a_process_and_workers_are_kept(probe, run, seen):
    run(probe(datasets=[{"name": "words", "params": {"count": 8}}]), jobs=2)
    pids = {step: {s["pid"] for s in seen() if s["step"] == step} for step in ("pack", "unpack")}
    assert not pids["pack"] & pids["unpack"]
    assert len(pids["pack"]) <= 2
    assert len(pids["unpack"]) <= 2


def test_one_job_uses_one_worker_per_stage(probe, run, seen):
    run(probe(datasets=[{"name": "words", "params": {"count": 8}}]), jobs=1)
    assert len({s["pid"] for s in seen()}) == 2


def test_a_worker_does_not_import_what_lies_beside_the_command(suite_of, tmp_path):
    import subprocess
    import sys

    trap = tmp_path / "trap"
    trap.mkdir()
    for name in ("json", "harness", "toy", "zlib", "numpy"):
        (trap / f"{name}.py").write_text("raise SystemExit('a trap')")
    said = subprocess.run(
        [sys.executable, "-P", "-c", "from harness.cli import main; main()", "run", suite_of()],
        cwd=trap,
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stdout + said.stderr


def test_the_working_folder_is_swept(probe, run, tmp_path):
    done = run(probe("chdir"))
    assert outcomes(done, "pack")[0] == "ok"
    assert not (tmp_path / "results" / "store" / "tmp").exists()


# --- what models do --------------------------------------------------------------------


@pytest.mark.parametrize("act", ["flood", "environ", "notes"])
def test_noise_disturbs_nothing(probe, run, act):
    done = run(probe(act))
    assert done.done.outcomes == {"ok": 9}


def test_the_end_of_what_was_said_is_kept_with_a_failure(probe, run):
    rows = [r for r in run(probe("grumble")).table("nodes") if r["step"] == "pack"]
    assert {r["outcome"] for r in rows} == {"error"}
    for row in rows:
        assert "last words" in row["log"]
        assert "ValueError: no good" in row["log"]
        assert len(row["log"]) <= 8000
        assert row["reason"].startswith("ValueError: no good (probe.py:")


@pytest.mark.parametrize(
    ("act", "outcome", "reason"),
    [
        ("unavailable", "unavailable", "the licence is not signed; sign it"),
        ("nonfinite", "nonfinite", "the loss is NaN"),
        ("invalid", "invalid", "not my colour space"),
        ("banana", "error", "Named: an odd outcome (probe.py:"),
        ("list", "error", "Named: an odd outcome (probe.py:"),
        ("ok", "error", "Named: all is well (probe.py:"),
        ("mute", "error", "Mute: its message cannot be read: ValueError (probe.py:"),
        ("surrogate", "error", "ValueError: file ? <b> (probe.py:"),
        ("interrupt", "crashed", ""),
        ("memory", "oom", "out of memory"),
        ("loop", "invalid", "its notes are not plain data: Circular reference detected"),
        ("closes", "crashed", ""),
    ],
)
def test_how_a_stage_ends_badly(probe, run, act, outcome, reason):
    done = run(probe(act))
    assert outcomes(done, "pack") == [outcome] * 3
    assert all(e["reason"].startswith(reason) for e in done.ended if e["step"] == "pack")
    left = "unavailable" if outcome == "unavailable" else "skipped"
    assert outcomes(done, "unpack") == outcomes(done, "size") == [left] * 3
    assert done.done.exit_code == (5 if outcome == "unavailable" else 3)
    assert {r["outcome"] for r in done.table("nodes")} == {outcome, left}


@pytest.mark.parametrize(
    ("name", "outcome", "reason"),
    [
        (
            "needy",
            "unavailable",
            'no-such-distribution is not installed; pip install "harness[more]"',
        ),
        ("picky", "unavailable", "the moon is not out; wait for the night"),
        ("odd", "error", "check: KeyError: 'a slip'"),
        ("lost", "error", "ModuleNotFoundError: No module named 'no_such_module'"),
    ],
)
def test_what_cannot_run_is_a_row_with_its_reason(probe, run, name, outcome, reason):
    done = run(probe(name=name))
    assert set(outcomes(done, "pack")) == {outcome}
    assert {e["reason"] for e in done.ended if e["step"] == "pack"} == {reason}


def test_what_cannot_be_built_is_built_once(probe, run, log):
    params = {"log": str(log)}
    done = run(probe(models=[{"name": "no-build", "params": params, "points": {}}]), jobs=1)
    assert outcomes(done, "pack") == ["error"] * 3
    assert log.read_text() == "built\n"
    assert any("the checkpoint is torn" in r for r in reasons(done))


@pytest.mark.slow
def test_the_time_limit_starts_again_when_the_model_is_built(probe, run):
    done = run(probe(name="slow-build", limits={"seconds": 2.5, "memory": "1 GB"}), limit=1)
    assert done.done.outcomes == {"ok": 3}


def test_building_has_its_limit_too(probe, run):
    start = time.monotonic()
    done = run(probe(name="hang-build", limits={"seconds": 0.7}), jobs=1)
    assert outcomes(done, "pack") == ["timeout"] * 3
    assert reasons(done) >= {"took longer than 0.7 s"}
    assert time.monotonic() - start < 5


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_a_time_limit_ends_the_children_too(probe, run, seen):
    done = run(probe("spawn", limits={"seconds": 1, "memory": "1 GB"}), limit=1)
    assert outcomes(done, "pack") == ["timeout"]
    (child,) = [s["child"] for s in seen() if "child" in s]
    deadline = time.monotonic() + 2
    while alive(child) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not alive(child)


@pytest.mark.slow
def test_the_memory_of_children_counts(probe, run):
    done = run(probe("fork", limits={"seconds": 30, "memory": "450 MB"}), limit=1)
    assert outcomes(done, "pack") == ["oom"]
    assert "took more than 0.45 GB of memory" in reasons(done)


def test_an_output_over_its_limit_is_invalid(probe, run):
    done = run(probe(limits={"output": 100}), limit=1)
    assert outcomes(done, "pack") == ["invalid"]
    assert any("the limit is 100" in r for r in reasons(done))


# --- scores ----------------------------------------------------------------------------


def test_scores_are_held_against_their_range(probe, run):
    done = run(probe(metrics=["size", "says-*"]), limit=1)
    found = {e["step"]: (e["outcome"], e["reason"]) for e in done.ended}
    assert found["says-nan"] == ("nonfinite", "the score is nan")
    assert found["says-inf"] == ("nonfinite", "the score is inf")
    assert found["says-allowed-inf"] == ("ok", "")
    assert found["says-minus"] == ("invalid", "the score -0.5 lies outside 0.0…9.0")
    assert found["says-edge"] == ("ok", "")  # rounding is no fault
    assert found["says-word"] == ("invalid", "expected a number, got 'many'")
    assert found["says-nothing"] == ("invalid", "expected a number, got None")
    assert done.done.exit_code == 3
    values = {r["metric"]: r["value"] for r in done.table("scores")}
    assert values["says-allowed-inf"] == math.inf


ARRAYS = """\
import hashlib
import numpy as np

from harness import Artifact, Dataset, Family, Item, Metric, Model, Stage, Task, hookimpl


@hookimpl
def harness_families():
    stage = Stage(name="infer", run="arrays:infer", inputs=("x",),
                  outputs=(Artifact("y", "array"), Artifact("facts", "json")),
                  per=("point", "item"))
    task = Task(name="double", item="x", accepts="x", stages=(stage,))
    return [Family(name="arrays", summary="", interface="arrays:M", tasks=(task,))]


@hookimpl
def harness_models():
    return [Model(name="rude", family="arrays", factory="arrays:M", points={"p": (1, 2)})]


@hookimpl
def harness_datasets():
    return [Dataset(name="xs", provides="x", index="arrays:index", load="arrays:load")]


@hookimpl
def harness_metrics():
    return [Metric(name=n, factory="arrays:Rude", inputs=("x", "y", "facts"), signature=n,
                   better="none") for n in ("first", "second")]


def index():
    return [Item("one", hashlib.sha256(b"one").hexdigest())]


def load(item, data):
    return np.arange(6.0).reshape(2, 3)


class M:
    pass


def infer(model, inputs, point, seed):
    x = inputs["x"]
    x += 1
    return {"y": x * point["p"], "facts": {"sums": [float(x.sum())]}}


class Rude:
    def __call__(self, x, y, facts):
        total = float(x.sum() + 100 * y.sum() + 10_000 * sum(facts["sums"]))
        x[:] = 0
        y[:] = -1
        facts["sums"].append(99)
        return total
"""


def test_writing_into_an_input_changes_no_other_result(tmp_path, suite_of, run):
    (tmp_path / "arrays.py").write_text(ARRAYS)
    suite = suite_of(
        plugins=["arrays.py"],
        tasks=["double"],
        datasets=["xs"],
        models=["rude"],
        metrics=["first", "second"],
        limits=None,
    )
    done = run(suite, jobs=1)
    assert done.done.outcomes == {"ok": 6}
    rows = [r for r in done.table("scores") if r["metric"] in {"first", "second"}]
    values = {(r["metric"], r["point"]["p"]): r["value"] for r in rows}
    for metric in ("first", "second"):
        for p in (1, 2):
            assert values[metric, p] == 15 + 100 * 21 * p + 10_000 * 21


# --- tables ----------------------------------------------------------------------------


def test_every_node_is_a_row_and_every_score_has_its_provenance(suite_of, run):
    done = run(suite_of())
    nodes, scores = done.table("nodes"), done.table("scores")
    assert len(nodes) == 24
    assert len(scores) == 24  # two metrics, and the seconds of two stages
    environments = {r["environment"] for r in done.table("environments")}
    for row in scores:
        assert row["environment"] in environments
        assert len(row["key"]) == 64
        assert row["signature"]
    by_key = {r["key"]: r for r in nodes}
    assert all(by_key[r["key"]]["step"] in {r["metric"], r["metric"][:-8]} for r in scores)
    (environment,) = done.table("environments")
    assert environment["description"]["packages"]["numpy"]
    assert f'"{os.uname().nodename}"' not in json.dumps(environment)
