"""Is the timing of calls to be trusted: what it adds to a call, and a model against itself.

    python benchmarks/bench_latency.py [trials]

First the cost of the timing loop beside a bare loop over the same call, in processor time; bar:
1 µs a call. Then A/A comparisons, each repeated (3 trials): a model with itself, by interleaved
pairs (``harness.cost.time_pairs``, at least 200 pairs and 8 s), by two sessions on end
(``time_calls``), and by ``torch.utils.benchmark.Timer.blocked_autorange`` twice. Shown is the
ratio that is furthest from 1. Bar: 0.5 % for the pairs. Where threads waited for a core for more
than 2 % of the time, the clock on the wall shows the neighbours as well; then the bar is asked of
the pairs' processor times, and the line says so. Exits with 1 where a bar is missed.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

import numpy as np
import torch
import torchvision
from torch.utils.benchmark import Timer

from harness.cost import time_calls, time_pairs
from harness.stats import paired_ratio
from harness_plugins.codec_transform.networks import Decoder, conv_hyperprior

BAR_OVERHEAD_US, BAR_RATIO, FLAGGED = 1.0, 0.005, 0.02


def overhead() -> float:
    """Return µs of processor time that a call costs more in the timing loop than in a bare one."""

    def call() -> None:
        pass

    bare, timed = [], []
    for _ in range(7):
        begun = time.thread_time_ns()
        for _ in range(100_000):
            call()
        bare.append((time.thread_time_ns() - begun) / 1e5)
        found = time_calls(call, calls=100_000, seconds=0)
        timed.append(found.cpu_us.sum() / len(found.cpu_us) * 1e3)
    return (statistics.median(timed) - statistics.median(bare)) / 1e3


def models() -> dict[str, tuple[torch.nn.Module, tuple[int, ...] | list[tuple[int, ...]]]]:
    """Return modules of very different durations."""
    decoder = Decoder(conv_hyperprior())
    return {
        "linear 256 → 256": (torch.nn.Linear(256, 256), [(1, 256)]),
        "MobileNetV3-small, 64 × 64": (
            torchvision.models.mobilenet_v3_small(),
            [(1, 3, 64, 64)],
        ),
        "ResNet-18, 128 × 128": (torchvision.models.resnet18(), [(1, 3, 128, 128)]),
        "transform coding decoder, 128 × 128": (decoder, [(1, 320, 8, 8), (1, 192, 2, 2)]),
    }


def blocked(call: Callable[[], object]) -> float:
    """Return the ratio of two medians as torch's own timer gives them."""
    timer = Timer("call()", globals={"call": call})
    first = timer.blocked_autorange(min_run_time=1.5).median
    return timer.blocked_autorange(min_run_time=1.5).median / first


def worst(ratios: list[float]) -> float:
    return max(ratios, key=lambda r: abs(np.log(r)))


def compare(name: str, call: Callable[[], object], trials: int) -> bool:
    wall, cpu, ends, peer, waited, sizes = [], [], [], [], [], []
    for trial in range(trials):
        pairs = time_pairs(call, call, calls=200, seconds=8.0, seed=trial)
        wall.append(paired_ratio(pairs.first_us, pairs.second_us).ratio)
        cpu.append(paired_ratio(pairs.first_cpu_us, pairs.second_cpu_us).ratio)
        waited.append(pairs.waited or 0.0)
        sizes.append(len(pairs.first_us))
        medians = [np.median(time_calls(call, seconds=1.5).samples_us) for _ in range(2)]
        ends.append(float(medians[1] / medians[0]))
        peer.append(blocked(call))
    busy = max(waited) > FLAGGED
    asked = worst(cpu if busy else wall)
    good = abs(asked - 1) <= BAR_RATIO
    print(
        f"{name:38}{np.median(pairs.first_us) / 1e3:9.3f} ms{min(sizes):8}{max(waited):8.1%}"
        f"{worst(wall):9.4f}{worst(cpu):9.4f}{worst(ends):9.4f}{worst(peer):9.4f}"
        f"   {'ok' if good else 'MISSED'}{' (by processor time)' if busy else ''}"
    )
    return good


def main() -> int:
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    torch.set_num_threads(1)
    extra = overhead()
    good = extra <= BAR_OVERHEAD_US
    print(f"timing loop beside a bare call: {extra:.2f} µs a call (bar {BAR_OVERHEAD_US} µs)\n")
    print(
        f"furthest of {trials} ratios of a model with itself (bar {BAR_RATIO:.1%} for the pairs)"
    )
    print(
        f"{'model':38}{'median':>12}{'pairs':>8}{'waited':>8}"
        f"{'paired':>9}{'cpu':>9}{'on end':>9}{'Timer':>9}"
    )
    with torch.inference_mode():
        for name, (module, shapes) in models().items():
            inputs = [torch.randn(shape) for shape in shapes]
            module.eval()
            good &= compare(name, lambda m=module, i=inputs: m(*i), trials)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
