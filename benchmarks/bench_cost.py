"""Cost of counting the models of torchvision: CPU time, memory, and agreement with what it prints.

    python benchmarks/bench_cost.py

Builds each classification, segmentation and video model of torchvision without weights, counts
its MACs at the shape that its weights name, and compares them with their ``_ops`` (GMAC). Bars:
40 s of CPU for all, 1 GB at the most, imports included; a ratio within 1 % of 1, or within the
rounding of the published number. Exits with 1 where one is missed.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torchvision.models import get_model_builder, get_model_weights, list_models

from harness.cost import count, process_peak_resident_bytes, without_weights

BAR_CPU, BAR_BYTES = 40.0, 1e9
# Detectors choose boxes by their values, which meta tensors lack. Optical flow publishes figures
# of another resolution than its weights' own. The quantised models are the float ones over again.
LEFT_OUT = ("detection", "optical_flow", "quantization")
FRAMES = 16


class Case(NamedTuple):
    """One set of published figures; ``ops`` in GMAC, rounded to three digits by torchvision."""

    name: str
    shape: tuple[int, ...]
    options: dict[str, Any]
    ops: float
    parameters: int


def cases() -> Iterator[Case]:
    """Yield every model and shape once."""
    seen = set()
    for name in list_models():
        if any(part in get_model_builder(name).__module__ for part in LEFT_OUT):
            continue
        for weights in get_model_weights(name):
            transforms = weights.transforms()
            size = getattr(transforms, "crop_size", None) or [
                *transforms.resize_size,
                *transforms.resize_size,
            ]
            size = tuple(size) * 2 if len(size) == 1 else tuple(size)
            module = get_model_builder(name).__module__
            frames = (FRAMES,) if ".video" in module else ()
            options: dict[str, Any] = {"weights": None}
            if ".segmentation" in module:
                options["weights_backbone"] = None
                if "lraspp" not in name:
                    options["aux_loss"] = True  # as in the published weights
            if name in {"googlenet", "inception_v3"}:
                options |= {"init_weights": False}
            shape = (1, 3, *frames, *size[-2:])
            if (name, shape) not in seen:
                seen.add((name, shape))
                meta = weights.meta
                yield Case(name, shape, options, meta["_ops"], meta["num_params"])


def build(case: Case) -> torch.nn.Module:
    """Return the model without weights."""
    with without_weights():
        return get_model_builder(case.name)(**case.options)


def agrees(gmac: float, published: float) -> bool:
    """Tell whether it is within 1 %, or rounds to the published three digits."""
    return abs(gmac / published - 1) <= 0.01 or abs(gmac - published) <= 0.0005


def main() -> int:
    """Count, print and judge."""
    start, wrong, models = time.process_time(), 0, set()
    worst = 0.0
    total = 0
    for case in cases():
        cost = count(build(case), [case.shape])
        gmac = cost.macs / 1e9
        ratio = gmac / case.ops
        worst = max(worst, abs(ratio - 1))
        models.add(case.name)
        total += 1
        if not agrees(gmac, case.ops) or cost.without_formula:
            wrong += 1
            print(f"{case.name} {case.shape}: {gmac:.3f} GMAC, published {case.ops}")
            print(f"    without formula: {cost.without_formula}")
        elif abs(ratio - 1) > 0.01:
            print(f"{case.name}: {ratio:.4f}, which is the rounding of {case.ops}")
    cpu, peak = time.process_time() - start, process_peak_resident_bytes()
    print(
        f"cost: {len(models)} models, {total} shapes, {total - wrong} agree, worst {worst:.4f}; "
        f"{cpu:.1f} s of CPU (bar {BAR_CPU:.0f}), peak {peak / 1e6:.0f} MB (bar 1000)"
    )
    return int(wrong > 0 or cpu > BAR_CPU or peak > BAR_BYTES)


if __name__ == "__main__":
    sys.exit(main())
