"""The package installed as anybody would, beside a harness that never heard of it."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).resolve().parents[2]
CORE = ROOT / "harness"
NAMES = """
    import json, sys
    from harness.registry import KINDS, Registry
    registry = Registry.load()
    own = [k for k in KINDS for n in registry.all(k) if registry.owner(k, n).name == "ordering"]
    names = [n for k in KINDS for n in registry.all(k) if registry.owner(k, n).name == "ordering"]
    plugin = next(p for p in registry.plugins if p.name == "ordering")
    print(json.dumps({
        "names": names, "kinds": sorted(set(own)), "conflicts": len(registry.conflicts),
        "plugin": [plugin.distribution, plugin.version, plugin.reason, plugin.heavy]}))
"""
BACKWARDS = """
from harness import Model, hookimpl

class Backwards:
    def order(self, graph, seed):
        return range(len(graph.ops) - 1, -1, -1)

class Shuffled:
    def order(self, graph, seed):
        import random
        from harness_ordering.schedulers import RandomOrder
        return RandomOrder().order(graph, random.randrange(10**6))

@hookimpl
def harness_models():
    return [Model(name=n.lower(), family="ordering", factory=f"wrong:{n}")
            for n in ("Backwards", "Shuffled")]
"""
SUITE = """
name: wrong
tasks: [ordering/order]
datasets: [{name: drawn_graphs, params: {count: 2}}]
models: [backwards, greedy-order]
metrics: [peak_ratio]
"""


@pytest.fixture(scope="session")
def site(example, tmp_path_factory) -> Path:
    """Install the package into a folder of its own: no network, nothing of the user touched."""
    pytest.importorskip("setuptools", reason="nothing here builds packages: it was NOT installed")
    folder = tmp_path_factory.mktemp("installed")
    left = shutil.ignore_patterns("__pycache__", "build", "*.egg-info")
    shutil.copytree(example, folder / "source", ignore=left)  # builds leave files behind
    site = folder / "site"
    words = "-m pip install --quiet --no-deps --no-build-isolation --no-index --target"
    done = subprocess.run(
        [sys.executable, *words.split(), site, folder / "source"],
        env=os.environ | {"PIP_DISABLE_PIP_VERSION_CHECK": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return site


@pytest.fixture
def call(site, tmp_path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs Python in an empty folder, with the package installed."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("HARNESS_")}
    env = kept | {
        "PYTHONPATH": os.pathsep.join([str(site), str(ROOT)]),
        "HARNESS_CACHE": str(tmp_path / "cache"),
        "COLUMNS": "120",
    }

    def run(*words: str, code: str = "from harness.cli import main; main()"):
        return subprocess.run(
            [sys.executable, "-c", code, *words],
            cwd=tmp_path,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.mark.slow
def test_it_brings_everything_a_family_needs(call):
    import textwrap

    told = json.loads(call(code=textwrap.dedent(NAMES)).stdout)
    assert told["plugin"] == ["harness-ordering", "1.0.0", "", []]  # nothing heavy, no fault
    assert told["conflicts"] == 0
    assert told["kinds"] == ["datasets", "derived", "families", "metrics", "models", "suites"]
    assert len(told["names"]) == 1 + 6 + 3 + 4 + 1 + 2
    # what is special to the package, in any file of the core and of the plugins beside it
    special = {n for n in told["names"] if n not in {"ordering", "optimal"}} | {"harness_ordering"}
    for path in sorted([*CORE.rglob("*"), *(ROOT / "plugins").rglob("*")]):
        if path.is_file() and "__pycache__" not in path.parts:
            text = path.read_bytes().decode(errors="replace")
            assert not [n for n in special if n in text], path
    for path in sorted(CORE.rglob("*.py")):  # words that are English too: as names alone
        said = {n.value for n in ast.walk(ast.parse(path.read_text())) if type(n) is ast.Constant}
        assert said.isdisjoint({"ordering", "optimal"}), path


@pytest.mark.slow
def test_its_suite_runs_to_a_board(call, tmp_path):
    done = call("run", "ordering")
    assert done.returncode == 0, done.stdout + done.stderr
    results = tmp_path / "results" / "ordering"
    nodes = pd.read_parquet(results / "nodes.parquet")
    assert set(nodes.outcome) == {"ok", "skipped"}
    skipped = nodes[nodes.outcome == "skipped"]
    assert set(skipped.entry) == {"exact-order"}
    assert set(skipped.item) == {"googlenet"}
    assert skipped.reason.str.contains("more than 2000 states: no proof").all()

    scores = pd.read_parquet(results / "scores.parquet")
    assert (scores.groupby(["entry", "item", "dataset", "metric"]).seed.nunique() == 3).all()
    at = ["dataset", "item"]
    ratios = scores[scores.metric == "peak_ratio"].pivot_table("value", at, "entry")
    assert ratios.shape == (14 + 9, 7)
    exact = ratios["exact-order"].dropna()
    assert len(exact) == 14 + 9 - 1
    assert (exact == 1).all()  # the least there is, on every graph that it solves
    assert (ratios.min(axis=1) >= 1).all()
    assert (ratios["beam-order+wide"] <= ratios["depth-first"]).all()
    assert (ratios["beam-order+wide"] <= ratios["greedy-order"]).all()
    assert (ratios["beam-order+wide"] <= ratios["program-order"]).all()
    training = ratios.loc["torchvision_training"]
    assert (training["greedy-order"] <= training["random-order"]).all()
    assert (training["greedy-order"] <= training["program-order"]).all()

    board = pd.read_parquet(results / "board.parquet")
    whole = board[(board.dataset == "torchvision_training") & board.point.isna()]
    mean = whole[whole.metric == "peak_ratio"].set_index("entry").value
    in_order = [
        "exact-order", "beam-order+wide", "beam-order", "greedy-order", "random-order",
        "depth-first", "program-order",
    ]  # fmt: skip
    assert list(mean.sort_values().index) == in_order
    assert mean["program-order"] == pytest.approx(1.5002, abs=1e-4)  # of nine fixed graphs
    saved = whole[whole.metric == "peak_saved"].set_index("entry").value
    assert saved["greedy-order"] == pytest.approx(
        100 * (1 - mean["greedy-order"] / 1.5002), abs=0.01
    )
    documented(board)
    # a gradient of ResNet-18 waits for the end of the program, or for nothing
    mib = scores[(scores.metric == "peak_mib") & (scores.dataset == "torchvision_training")]
    resnet = mib[mib.item == "resnet18"].groupby("entry").value.mean()
    assert resnet["program-order"] == pytest.approx(61.71, abs=0.01)
    assert resnet["exact-order"] == pytest.approx(30.28, abs=0.01)

    page = (results / "board.html").read_text()
    for title in (
        "Graphs within a factor of the best",
        "Peak and time to order",
        "Memory while a graph runs",
    ):
        assert page.count(title) >= 2  # once for each dataset
    assert "Not drawn:" not in page


def documented(board: pd.DataFrame) -> None:
    """Compare the table at the end of docs/family.md with a board, number by number."""
    text = (ROOT / "docs" / "family.md").read_text().partition("## What came out")[2]
    rows = [re.split(r" *\| *", line)[1:-1] for line in text.splitlines() if line[:3] == "| `"]
    assert len(rows) == 7
    whole = board[board.point.isna()].set_index(["dataset", "entry", "metric"]).value
    for row in rows:
        entry = row[0].strip("`")
        for mode, cells in (("training", row[1:4]), ("inference", row[4:7])):
            for metric, cell in zip(("peak_ratio", "peak_saved", "optimal"), cells, strict=True):
                number, _, _ = cell.replace("−", "-").partition(" ")
                value = whole.get((f"torchvision_{mode}", entry, metric), float("nan"))
                if number:
                    digits = len(number.partition(".")[2])
                    assert f"{value:.{digits}f}" == number, (entry, mode, metric)
                else:
                    assert pd.isna(value), (entry, mode, metric)


@pytest.mark.slow
def test_a_model_is_checked_and_a_wrong_one_is_found(call, tmp_path):
    (tmp_path / "wrong.py").write_text(BACKWARDS)
    (tmp_path / "wrong.yaml").write_text(SUITE)
    done = call("check", "greedy-order", "exact-order")
    assert done.returncode == 0, done.stdout + done.stderr
    done = call("check", "shuffled", "--plugin", "wrong.py", "--json")
    assert done.returncode == 3
    marks = {c["check"]: c["mark"] for c in json.loads(done.stdout)}
    assert marks == {"order": "ok", "order_again": "ok", "order_repeatable": "no"}
    done = call("run", "wrong.yaml", "--plugin", "wrong.py")
    assert done.returncode == 3, done.stdout + done.stderr
    nodes = pd.read_parquet(tmp_path / "results" / "wrong" / "nodes.parquet")
    ends = nodes[nodes.step == "order"].groupby("entry").outcome.agg(set)
    assert ends.to_dict() == {"backwards": {"invalid"}, "greedy-order": {"ok"}}
    bad = nodes[nodes.outcome == "invalid"]
    assert bad.reason.str.contains("whose output it reads").all()
