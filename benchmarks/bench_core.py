"""The core's own cost: starting, listing, planning, running a node, resuming.

Each measurement prints one line with its bar. CPU seconds are user and system time of the
command and of every process it started; the best of a few repeats, since other work on the
machine only ever adds.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

TOY = Path(__file__).resolve().parents[1] / "tests" / "toy" / "toy.py"
NODES = 10_000
PLUGINS = 200

_PLAN = """
import time
from pathlib import Path
from harness.api import open_suite
from harness.run.plan import make_plan
suite, registry = open_suite({suite!r}, ())
start = time.process_time()
plan = make_plan(suite, registry)
print(len(plan.nodes), time.process_time() - start)
"""
_NODES = """
from pathlib import Path
from harness.api import open_suite
from harness.run import run_suite
suite, registry = open_suite({suite!r}, ())
done = run_suite(suite, registry, Path({results!r}), jobs=2)
print(len(done.plan.nodes), done.outcomes)
"""
_PLUGIN = """
from harness import Model, hookimpl

@hookimpl
def harness_models():
    return [Model(name=f"model-{number}-{{n}}", family="toy", factory="x:y") for n in range(5)]
"""


def measure(*command: str, **env: str) -> tuple[float, float, str]:
    """Run a command; return its CPU seconds with all its processes, wall seconds and output."""
    start = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, **env}
    )
    assert process.stdout is not None
    said = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - start
    if process.returncode:
        raise SystemExit(f"{' '.join(command)[:200]} ended with {process.returncode}\n{said}")
    return usage.ru_utime + usage.ru_stime, wall, said


def harness(*args: str) -> tuple[str, ...]:
    """Return the command line of the program under this interpreter."""
    return (sys.executable, "-c", "from harness.cli import main; main()", *args)


def toy_suite(folder: Path) -> str:
    """Write a suite of ``NODES`` nodes: one model, one point, two stages, two metrics."""
    suite = {
        "name": "ten-thousand",
        "plugins": [str(TOY)],
        "tasks": ["toy/squeeze"],
        "datasets": [{"name": "words", "params": {"count": NODES // 4}}],
        "models": [{"name": "zip", "points": {"level": [6]}}],
        "metrics": ["size", "likeness"],
    }
    path = folder / "suite.yaml"
    path.write_text(json.dumps(suite))
    return str(path)


def many_plugins(folder: Path) -> str:
    """Write ``PLUGINS`` installed distributions of five models each; return their folder."""
    for number in range(PLUGINS):
        info = folder / f"bench_plugin_{number}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: bench-plugin-{number}\nVersion: 1.0\n"
        )
        (info / "entry_points.txt").write_text(f"[harness]\nb{number} = bench_plugin_{number}\n")
        (folder / f"bench_plugin_{number}.py").write_text(_PLUGIN.format(number=number))
    return str(folder)


def best(repeats: int, once: Callable[[], float]) -> float:
    """Return the least of a few measurements."""
    return min(once() for _ in range(repeats))


def report(name: str, value: float, bar: float, unit: str) -> bool:
    """Print one line; return whether the bar holds."""
    holds = value <= bar
    print(f"{name}: {value:.3f} {unit} (bar {bar:g}) {'ok' if holds else 'TOO SLOW'}", flush=True)
    return holds


def bench_help() -> bool:
    """CPU of ``harness --help``."""
    seconds = best(5, lambda: measure(*harness("--help"))[0])
    return report("harness --help", seconds, 0.1, "s CPU")


def bench_list(folder: Path) -> bool:
    """CPU of ``harness list models`` with many plugins installed."""
    path = many_plugins(folder / "plugins")

    def once() -> float:
        cpu, _, said = measure(*harness("list", "models"), PYTHONPATH=path)
        assert said.count("model-") >= 5 * PLUGINS, said[:500]
        return cpu

    return report(f"harness list models, {PLUGINS} plugins", best(5, once), 0.25, "s CPU")


def bench_plan(suite: str) -> bool:
    """CPU of making a plan, the suite being read already."""

    def once() -> float:
        nodes, seconds = measure(sys.executable, "-c", _PLAN.format(suite=suite))[2].split()
        assert int(nodes) == NODES
        return float(seconds)

    return report(f"plan of {NODES:,} nodes", best(3, once), 0.5, "s CPU")


def bench_nodes(suite: str, results: Path) -> bool:
    """CPU of everything, start and tables included, divided by the nodes."""
    code = _NODES.format(suite=suite, results=str(results))
    cpu, wall, said = measure(sys.executable, "-c", code)
    assert f"{NODES} {{'ok': {NODES}}}" in said, said
    print(f"  {NODES:,} nodes on 2 workers took {wall:.1f} s of wall time")
    return report("overhead of a node, isolated and journaled", cpu / NODES * 1e3, 1, "ms CPU")


def bench_resume(suite: str, results: Path) -> bool:
    """CPU of ``harness run`` where everything is done, start included."""
    command = harness("run", suite, "--results", str(results))
    measure(*command)  # the first one builds the board

    def once() -> float:
        cpu, wall, said = measure(*command)
        assert f"{NODES:,} reused" in said, said
        walls.append(wall)
        return cpu

    walls: list[float] = []
    seconds = best(3, once)
    print(f"  resuming took {min(walls):.2f} s of wall time")
    return report(f"resume of {NODES:,} finished nodes", seconds, 1, "s CPU")


def main() -> int:
    """Measure everything; return how many bars do not hold."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        suite = toy_suite(folder)
        held = [
            bench_help(),
            bench_list(folder),
            bench_plan(suite),
            bench_nodes(suite, folder / "results"),
            bench_resume(suite, folder / "results"),
        ]
    return held.count(False)


if __name__ == "__main__":
    sys.exit(main())
