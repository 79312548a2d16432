"""Cost of counting the models of torchvision: CPU time, memory, and agreement with what it prints.

    python benchmarks/bench_cost.py

Builds each classification, segmentation and video model of torchvision without weights, counts
its MACs at the shape that its weights name, and compares them with their ``_ops`` (GMAC). Bars:
40 s of CPU for all, 1 GB at the most, imports included; a ratio within 1 % of 1, or within the
rounding of the published number. Exits with 1 where one is missed.

The same models then go through torch's own FlopCounterMode on meta, and the smaller ones through
fvcore where it is installed (``pip install fvcore``), each in a process of its own. fvcore traces,
which torch 2.14 cannot on meta, so it gets real weights and really runs each model once.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any, NamedTuple

import torch
from torchvision.models import get_model_builder, get_model_weights, list_models

from harness.cost import count, process_peak_resident_bytes, without_weights

BAR_CPU, BAR_BYTES = 40.0, 1e9
# Detectors choose boxes by their values, which meta tensors lack. Optical flow publishes figures
# of another resolution than its weights' own. The quantised models are the float ones over again.
LEFT_OUT = ("detection", "optical_flow", "quantization")
FRAMES = 16
MOST_FOR_FVCORE = 10.0  # GMAC


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
        module = get_model_builder(name).__module__
        if any(part in module for part in LEFT_OUT):
            continue
        for weights in get_model_weights(name):
            side = weights.transforms()
            size = getattr(side, "crop_size", None) or side.resize_size * 2
            size = tuple(size) * 2 if len(size) == 1 else tuple(size)
            options: dict[str, Any] = {"weights": None}
            if ".segmentation" in module:
                options["weights_backbone"] = None
                if "lraspp" not in name:
                    options["aux_loss"] = True  # as in the published weights
            if name in {"googlenet", "inception_v3"}:
                options["init_weights"] = False
            if ".vision_transformer" in module:
                options["image_size"] = size[0]
            shape = (1, 3, *((FRAMES,) if ".video" in module else ()), *size)
            if (name, shape) not in seen:
                seen.add((name, shape))
                yield Case(name, shape, options, weights.meta["_ops"], weights.meta["num_params"])


def build(case: Case) -> torch.nn.Module:
    """Return the model without weights."""
    with without_weights():
        return get_model_builder(case.name)(**case.options)


def agrees(gmac: float, published: float) -> bool:
    """Tell whether it is within 1 %, or rounds to the published three digits."""
    return abs(gmac / published - 1) <= 0.01 or abs(gmac - published) <= 0.0005


def by_harness(case: Case) -> tuple[int, list[str]]:
    """Return MACs, and the operators without a formula."""
    cost = count(build(case), [case.shape])
    return cost.macs, sorted(cost.without_formula)


def by_torch(case: Case) -> tuple[int, list[str]]:
    """Return half of what ``FlopCounterMode`` counts on meta."""
    from torch.utils.flop_counter import FlopCounterMode

    model = build(case).to("meta").eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.empty(case.shape, device="meta"))
    return counter.get_total_flops() // 2, []


def by_fvcore(case: Case) -> tuple[int, list[str]]:
    """Return what fvcore counts in a run on the CPU; its FLOP are MACs."""
    from fvcore.nn import FlopCountAnalysis

    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    model = get_model_builder(case.name)(**case.options).eval()
    with torch.no_grad():
        return int(FlopCountAnalysis(model, torch.zeros(case.shape)).total()), []


TOOLS = {"harness": by_harness, "torch FlopCounterMode": by_torch, "fvcore": by_fvcore}


def measure(tool: str) -> dict[str, Any]:
    """Count all with one tool in this process."""
    start = time.process_time()
    found = []
    for case in cases():
        if tool == "fvcore" and case.ops > MOST_FOR_FVCORE:
            continue
        macs, missing = TOOLS[tool](case)
        found.append([case.name, case.shape, case.ops, macs / 1e9, missing])
    return {
        "cases": found,
        "cpu": time.process_time() - start + IMPORTS,
        "peak": process_peak_resident_bytes(),
    }


def main() -> int:
    """Count with each tool in a process of its own, print and judge."""
    missed = False
    for tool in TOOLS:
        if tool == "fvcore" and find_spec("fvcore") is None:
            print("fvcore: not installed")
            continue
        said = subprocess.run(
            [sys.executable, __file__, tool], stdout=subprocess.PIPE, text=True, check=True
        )
        run = json.loads(said.stdout.splitlines()[-1])
        wrong = [c for c in run["cases"] if c[4] or not agrees(c[3], c[2])]
        for name, shape, ops, gmac, missing in run["cases"]:
            rounding = agrees(gmac, ops) and abs(gmac / ops - 1) > 0.01
            if tool == "harness" and (rounding or [name, shape, ops, gmac, missing] in wrong):
                print(f"  {name} {shape}: {gmac:.4f} GMAC, published {ops} {missing or ''}")
        models = len({c[0] for c in run["cases"]})
        print(
            f"{tool}: {models} models, {len(run['cases'])} shapes, "
            f"{len(run['cases']) - len(wrong)} agree; {run['cpu']:.1f} s of CPU, "
            f"peak {run['peak'] / 1e6:.0f} MB"
        )
        if tool == "harness":
            missed = bool(wrong) or run["cpu"] > BAR_CPU or run["peak"] > BAR_BYTES
        elif wrong:
            print("  off:", ", ".join(f"{c[0]} {c[3] / c[2]:.3f}" for c in wrong))
    print(f"bars of harness: {BAR_CPU:.0f} s, 1000 MB, all agree: {'missed' if missed else 'met'}")
    return int(missed)


IMPORTS = time.process_time()  # what torch and torchvision took

if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(measure(sys.argv[1])))
    else:
        sys.exit(main())
