"""CPU time of MS-SSIM against pytorch-msssim's, both on one thread.

    python benchmarks/bench_ms_ssim.py

Prints the median over pairs of images of the ratio of CPU seconds, and the largest difference of
the values; exits with 1 where the ratio is above 0.35 or the difference above 2e-5. The pairs are
Kodak with the reconstructions in ``HARNESS_DATA``, or noise of 768 x 512 where that is not set.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytorch_msssim
import torch

from harness_plugins.codec.metrics.pair import Image
from harness_plugins.codec.metrics.structural import ms_ssim

BAR_RATIO, BAR_DIFFERENCE = 0.35, 2e-5
REPEATS = 3


def pairs() -> Iterator[tuple[Image, Image]]:
    root = os.environ.get("HARNESS_DATA", "")
    if root:
        from PIL import Image as Pillow

        for path in sorted((Path(root) / "kodak").glob("kodim*.png")):
            other = Path(root) / "swint_charm_kodak" / path.name
            yield np.array(Pillow.open(path)), np.array(Pillow.open(other))
        return
    import cv2

    for seed in range(12):
        rng = np.random.default_rng(seed)
        rough = rng.uniform(-300, 555, (512, 768, 3))
        clean = cv2.GaussianBlur(rough, (0, 0), 2)
        noisy = clean + rng.normal(0, 1 + seed, clean.shape)
        yield tuple(np.clip(np.rint(i), 0, 255).astype(np.uint8) for i in (clean, noisy))


def cpu_seconds(call: Callable[[], float]) -> tuple[float, float]:
    start = time.process_time()
    value = call()
    return time.process_time() - start, value


def main() -> int:
    torch.set_num_threads(1)
    ours = ms_ssim()
    ratios: list[float] = []
    seconds: tuple[list[float], list[float]] = ([], [])
    difference = 0.0
    for x, y in pairs():
        # Both start from uint8 arrays; making tensors of them is not counted.
        tensors = [
            torch.from_numpy(np.ascontiguousarray(i.transpose(2, 0, 1)[None])).float()
            for i in (x, y)
        ]
        for repeat in range(REPEATS + 1):
            mine, value = cpu_seconds(lambda x=x, y=y: ours(x, y))
            theirs, expected = cpu_seconds(
                lambda t=tensors: pytorch_msssim.ms_ssim(*t, data_range=255).item()
            )
            if repeat:  # the first is the warm-up
                ratios.append(mine / theirs)
                seconds[0].append(mine)
                seconds[1].append(theirs)
        difference = max(difference, abs(value - expected))
    ratio = statistics.median(ratios)
    mine, theirs = (1e3 * statistics.median(s) for s in seconds)
    print(
        f"ms_ssim: {ratio:.3f} x pytorch-msssim's CPU time ({mine:.1f} ms against {theirs:.1f} ms,"
        f" {len(ratios) // REPEATS} pairs; bar {BAR_RATIO}), largest difference {difference:.1e}"
        f" (bar {BAR_DIFFERENCE:.0e})"
    )
    return int(ratio > BAR_RATIO or difference > BAR_DIFFERENCE)


if __name__ == "__main__":
    sys.exit(main())
