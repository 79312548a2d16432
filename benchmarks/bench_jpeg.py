"""JPEG at 8 qualities with PSNR and MS-SSIM against CompressAI's own bench tool, on two cores.

    python benchmarks/bench_jpeg.py

Both tools encode, decode and score the same images with two processes; the runs alternate, and
the medians count. The harness begins with an empty results folder and writes its tables and its
board. CompressAI's tool leaves torch two threads in each of its two processes, which on two
cores costs it more than half of its speed; the bar is held against the tool with one thread
(``OMP_NUM_THREADS=1``), and the tool as it is runs once beside it.

Prints the times, their ratio, and the largest differences of the numbers; exits with 1 where the
ratio is above 0.6 or the numbers differ. The images are Kodak in ``HARNESS_DATA``, or, where
that is not set, generated ones of 768 x 512.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

BAR = 0.6
PAIRS = 3
QUALITIES = (5, 10, 20, 35, 50, 70, 85, 95)
# ours, theirs, and how far they may lie apart: the rate is of the same bytes
NUMBERS = (
    ("bpp", "bpp", 1e-12),
    ("psnr_rgb", "psnr-rgb", 1e-4),
    ("ms_ssim", "ms-ssim-rgb", 2e-5),
)


class Cost(NamedTuple):
    """Seconds of a command with all the processes it started."""

    wall: float
    cpu: float


def measure(command: Sequence[str], **env: str) -> tuple[Cost, str]:
    """Run a command; return what it cost and what it printed."""
    start = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={**os.environ, **env}
    )
    assert process.stdout is not None
    said = process.stdout.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}\n{said[-2000:]}")
    return Cost(wall, usage.ru_utime + usage.ru_stime), said


def harness(suite: Path, results: Path, **env: str) -> Cost:
    """Run a suite with two jobs into an empty folder."""
    program = [sys.executable, "-c", "from harness.cli import main; main()"]
    return measure([*program, "run", str(suite), "--jobs", "2", "--results", str(results)], **env)[
        0
    ]


def our_numbers(results: Path, suite: str, metrics: Sequence[str]) -> dict[str, list[float]]:
    """Return the mean over items of each metric, in the order of the operating points."""
    import pandas as pd

    scores = pd.read_parquet(results / suite / "scores.parquet")
    quality = scores["point"].map(
        lambda p: (json.loads(p) if isinstance(p, str) else p)["quality"]
    )
    means = scores.assign(quality=quality).groupby(["metric", "quality"])["value"].mean()
    return {name: means[name].sort_index().tolist() for name in metrics}


def agree(ours: Mapping[str, Any], theirs: Mapping[str, Any], numbers: Sequence[Any]) -> bool:
    """Print the largest difference of each number; return whether all are within their bar."""
    good = True
    for mine, their, bar in numbers:
        pairs = list(zip(ours[mine], theirs[their], strict=True))
        difference = max(abs(a - b) for a, b in pairs)
        good &= difference <= bar
        print(
            f"  {mine}: {len(pairs)} points, {pairs[0][0]:.5f} to {pairs[-1][0]:.5f}, largest "
            f"difference {difference:.1e} (bar {bar:.0e})"
        )
    return good


def compare(ours: Sequence[Cost], theirs: Sequence[Cost], name: str) -> float:
    """Print the medians of both tools; return the ratio of their wall times."""
    walls, cpus = (
        [statistics.median(c[k] for c in costs) for costs in (ours, theirs)] for k in (0, 1)
    )
    print(
        f"  harness {walls[0]:.1f} s wall, {cpus[0]:.1f} s CPU; {name} {walls[1]:.1f} s wall, "
        f"{cpus[1]:.1f} s CPU: {walls[0] / walls[1]:.2f} x wall, {cpus[0] / cpus[1]:.2f} x CPU"
    )
    return walls[0] / walls[1]


def two_cores() -> None:
    """Keep this process and all it starts on two cores."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])


def images(folder: Path, count: int) -> tuple[Path, dict[str, Any], str]:
    """Return a folder of images, how a suite calls it, and what they are."""
    root = os.environ.get("HARNESS_DATA", "")
    if root:
        return Path(root) / "kodak", {"name": "kodak"}, f"{count} photographs of Kodak"
    import cv2
    import numpy as np

    made = folder / "images"
    made.mkdir()
    for seed in range(count):
        rng = np.random.default_rng(seed)
        smooth = cv2.GaussianBlur(rng.uniform(-300, 555, (512, 768, 3)), (0, 0), 2 + seed / 8)
        image = np.clip(np.rint(smooth + rng.normal(0, 3, smooth.shape)), 0, 255)
        cv2.imwrite(str(made / f"{seed:02}.png"), image.astype(np.uint8))
    return (
        made,
        {"name": "folder", "params": {"path": str(made)}},
        (f"HARNESS_DATA is not set: {count} generated images of 768 x 512, no photographs"),
    )


def main() -> int:
    """Run both tools in turn and print how they compare."""
    two_cores()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        where, dataset, what = images(folder, 24)
        print(f"JPEG, {len(QUALITIES)} qualities, {what}; 2 cores", flush=True)
        suite = folder / "suite.yaml"
        suite.write_text(
            json.dumps(
                {
                    "name": "bench-jpeg",
                    "tasks": ["codec/image"],
                    "datasets": [dataset],
                    "models": [{"name": "jpeg", "points": {"quality": QUALITIES}}],
                    "metrics": [mine for mine, _, _ in NUMBERS],
                }
            )
        )
        qualities = ",".join(map(str, QUALITIES))
        peer = [sys.executable, "-W", "ignore", "-m", "compressai.utils.bench", "jpeg"]
        peer += [str(where), "-q", qualities, "-j", "2"]
        ours, theirs, said = [], [], ""
        for turn in range(PAIRS):
            ours.append(harness(suite, folder / f"results-{turn}"))
            cost, said = measure(peer, OMP_NUM_THREADS="1")
            theirs.append(cost)
        as_it_is, _ = measure(peer)
        ratio = compare(ours, theirs, "compressai.utils.bench, one thread each")
        compare(ours, [as_it_is], "compressai.utils.bench as it is")
        numbers = our_numbers(folder / "results-0", "bench-jpeg", [n for n, _, _ in NUMBERS])
        same = agree(numbers, json.loads(said)["results"], NUMBERS)
    print(f"  ratio {ratio:.2f} (bar {BAR}) {'ok' if ratio <= BAR else 'TOO SLOW'}")
    return int(ratio > BAR or not same)


if __name__ == "__main__":
    sys.exit(main())
