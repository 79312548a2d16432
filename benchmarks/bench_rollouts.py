"""Steps per second of ``harness run`` on two cores against one plain loop over gymnasium.

Both play the same episodes of LunarLander-v3 with the heuristic that ships with gymnasium: the
loop calls it state by state, the harness in its form for a batch of states, which gives the same
actions; that both collect the same returns, to the last bit, is checked. The loop is timed
without start and imports. The harness is timed as a user sees it, from the start of the program
to its end: two workers that start and import, demonstrations, the score of each episode, tables
and the board. This is amortised over EPISODES episodes; the share of it is printed.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

EPISODES = 8000
BLOCK = 100
BAR = 1.6
REPEATS = 1

_LOOP = """
import json, time
import gymnasium
from gymnasium.envs.box2d.lunar_lander import heuristic
env = gymnasium.make("LunarLander-v3")
returns, steps = [], 0
start = time.perf_counter()
for seed in range({episodes}):
    state, _ = env.reset(seed=seed)
    total, over = 0.0, False
    while not over:
        state, reward, terminated, truncated, _ = env.step(heuristic(env, state))
        total, steps, over = total + float(reward), steps + 1, terminated or truncated
    returns.append(total)
print(json.dumps([steps, time.perf_counter() - start, returns]))
"""
_PLUGIN = """
from harness import Metric, Model, hookimpl


@hookimpl
def harness_models():
    return [Model(name="bench-heuristic", family="policy", factory="bench_player:Heuristic")]


@hookimpl
def harness_metrics():
    return [
        Metric(
            name="bench_return", factory="bench_player:gained", inputs=("trajectories",),
            signature="bench_return|v1", better="higher", per="element",
        )
    ]


def gained():
    return lambda t: [sum(r[:n]) for r, n in zip(t["rewards"].tolist(), t["lengths"].tolist())]


class Heuristic:
    def fit(self, demonstrations, environment, seed, budget):
        return b""

    def load(self, checkpoint):
        pass

    def reset(self, batch, rng):
        from harness_plugins.policy.environments.lunarlander import heuristic

        self.act = heuristic
"""


def plain_loop() -> tuple[int, float, list[float]]:
    """Return steps, seconds and the return of each episode of the plain loop."""
    code = _LOOP.format(episodes=EPISODES)
    done = subprocess.run(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    steps, seconds, returns = json.loads(done.stdout)
    return steps, seconds, returns


def through_harness(folder: Path, episodes: int) -> tuple[float, list[float]]:
    """Return seconds and the return of each episode of ``harness run``, into a new store."""
    from harness.store.tables import read_table

    folder.mkdir()
    (folder / "bench_player.py").write_text(_PLUGIN)
    params = {
        "id": "LunarLander-v3",
        "expert": "heuristic",
        "episodes": episodes,
        "block": BLOCK,
        "demonstrations": 1,
        "heldout": 1,
    }
    suite = {
        "name": "rollouts",
        "plugins": ["bench_player.py"],
        "tasks": ["policy/imitation"],
        "datasets": [{"name": "gymnasium", "params": params}],
        "models": ["bench-heuristic"],
        "metrics": ["bench_return"],
        "seeds": [0],
    }
    (folder / "suite.yaml").write_text(json.dumps(suite))
    command = "from harness.cli import main; main()"
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", command, "run", "suite.yaml", "--jobs", "2"],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        check=True,
    )
    seconds = time.perf_counter() - start
    rows = read_table(folder / "results" / "rollouts" / "scores.parquet")[0]
    rows = [r for r in rows if r["metric"] == "bench_return"]
    return seconds, [r["value"] for r in sorted(rows, key=lambda r: r["item"])]


def main() -> int:
    """Measure, one after the other and again; return 1 if the bar does not hold."""
    ratios, shares = [], []
    with tempfile.TemporaryDirectory() as name:
        for repeat in range(REPEATS):
            steps, alone, expected = plain_loop()
            both, found = through_harness(Path(name) / f"many{repeat}", EPISODES)
            few, _ = through_harness(Path(name) / f"few{repeat}", 2)
            assert found == expected, "the harness played other episodes than the loop"
            ratios.append(alone / both)
            shares.append(few / both)
            print(
                f"  {EPISODES:,} episodes, {steps:,} steps: "
                f"loop {steps / alone:,.0f} steps/s in {alone:.1f} s, "
                f"harness {steps / both:,.0f} steps/s in {both:.1f} s: {ratios[-1]:.2f} times; "
                f"a run of 2 episodes takes {few:.1f} s",
                flush=True,
            )
    ratio, share = statistics.median(ratios), statistics.median(shares)
    holds = ratio >= BAR
    print(
        f"harness run on 2 workers against one plain loop: {ratio:.2f} times its steps/s, "
        f"median of {REPEATS} (bar {BAR}) {'ok' if holds else 'TOO SLOW'}; "
        f"{share:.0%} of it was start, demonstrations, scores and board"
    )
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
