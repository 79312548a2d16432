"""Whatever a model does costs its own row and no other."""

from __future__ import annotations

import json

import pytest

from harness.store.tables import read_table

# fault → (outcome of the stage, outcome of the score, what the reason says)
TABLE = {
    "raise": (
        "error",
        "skipped",
        "ValueError: too hard </script><img src=x onerror=alert(1)> ? (",
    ),
    "exit": ("crashed", "skipped", "exited with code 3 instead of answering"),
    "sysexit": ("error", "skipped", "SystemExit: 0"),
    "segfault": ("crashed", "skipped", "killed by SIGSEGV"),
    "abort": ("crashed", "skipped", "killed by SIGABRT"),
    "hang": ("timeout", "skipped", "took longer than 3 s"),
    "spin": ("timeout", "skipped", "took longer than 3 s"),
    "stop": ("timeout", "skipped", "took longer than 3 s"),
    "eat": ("oom", "skipped", "out of memory"),
    "flood": ("ok", "ok", ""),
    "nan": ("ok", "nonfinite", "the score is nan"),
    "inf": ("ok", "ok", ""),
    "shape": ("invalid", "skipped", "expected (16, 16), got (15, 16)"),
    "type": ("invalid", "skipped", "expected an array, got dict"),
    "none": ("invalid", "skipped", "expected an array, got NoneType"),
    "huge": ("invalid", "skipped", "expected (16, 16), got (16, 6553600)"),
    "past": ("error", "skipped", "IndexError: "),
    "recurse": ("error", "skipped", "RecursionError: "),
}


@pytest.mark.slow
def test_every_fault_costs_one_row_and_no_other(program, suite_of):
    models = [
        {"name": "copier", "label": f"it's {fault}", "params": {"fault": fault}} for fault in TABLE
    ]
    suite = suite_of(
        models=["copier", *models],
        limits={"copy": {"seconds": 3}, "memory": "500 MB", "output": "50 MB"},
    )
    said = program("run", suite, "--jobs", 2, "--json")
    assert said.returncode == 3, said.stderr
    events = [json.loads(line) for line in said.stdout.splitlines()]
    ended = {(e["entry"], e["step"], e["item"]): e for e in events if e["event"] == "node"}
    for fault, (stage, score, reason) in TABLE.items():
        row = f"it's {fault}"
        for item in ("plate0", "plate1", "plate3"):
            assert ended[row, "copy", item]["outcome"] == "ok", fault
            assert ended[row, "gap", item]["outcome"] == "ok", fault
        bad = ended[row, "copy", "plate2"]
        assert (fault, bad["outcome"]) == (fault, stage)
        assert (fault, ended[row, "gap", "plate2"]["outcome"]) == (fault, score)
        told = bad["reason"] or ended[row, "gap", "plate2"]["reason"]
        assert told.startswith(reason), (fault, told)

    scores, _ = read_table(program.folder / "results" / "plates" / "scores.parquet")
    values = [r["value"] for r in scores if r["metric"] == "gap" and r["item"] != "plate2"]
    assert len(values) == 3 * (1 + len(TABLE))
    assert set(values) == {values[0]}
    assert values[0] == pytest.approx(0.5, abs=1e-12)
    nodes, _ = read_table(program.folder / "results" / "plates" / "nodes.parquet")
    assert len(nodes) == 8 * (1 + len(TABLE))


def test_an_output_of_100_mb_is_refused_by_the_limit(program, tmp_path):
    (tmp_path / "big.py").write_text(
        "from harness import Model, hookimpl\n"
        "@hookimpl\ndef harness_models():\n"
        "    return [Model(name='big', family='plates', factory='big:Big')]\n"
        "class Big:\n"
        "    def copy(self, plate):\n"
        "        return bytes(100 * 2**20)\n"
    )
    suite = {
        "name": "big",
        "plugins": [str(__file__).replace("test_rows", "plates"), "big.py"],
        "tasks": ["plates/copy"],
        "datasets": ["plates"],
        "models": ["big", "copier"],
        "metrics": ["gap"],
        "limits": {"output": "50 MB"},
    }
    path = tmp_path / "suite.yaml"
    path.write_text(json.dumps(suite))
    said = program("run", path)
    assert said.returncode == 3
    assert "twin has 104,857,728 bytes; the limit is 50,000,000" in said.stdout
    assert "8 ok" in said.stdout
