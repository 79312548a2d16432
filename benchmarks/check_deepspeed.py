"""The convention ``deepspeed-0.5.10`` beside the profiler itself, on transform-coding decoders.

    pip download deepspeed==0.5.10 --no-deps --no-binary :all: --no-build-isolation
    tar xzf deepspeed-0.5.10.tar.gz
    python benchmarks/check_deepspeed.py \
        deepspeed-0.5.10/deepspeed/profiling/flops_profiler/profiler.py

Runs each decoder on the CPU at 768x512 (about 100 GMAC) under that file, which needs nothing else
of DeepSpeed, and compares to the integer. Each in a process of its own, since today's torch keeps
some of the functions that the profiler replaced. Exits with 1 where one differs.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from typing import Any

import torch

from harness.cost import count
from harness_plugins.codec_transform import networks

NAMES = ("conv_hyperprior", "conv_charm", "swint_hyperprior", "swint_charm")
DECODED = [(1, 320, 32, 48), (1, 192, 8, 12)]


def profiler(path: str) -> Any:
    """Return the file as a module; its formula for GELU learns the keyword that came later."""
    spec = importlib.util.spec_from_file_location("profiler", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module._gelu_flops_compute = lambda x, **_: (x.numel(), 0)  # noqa: SLF001
    return module


def compare(path: str, name: str) -> int:
    """Print what both bill for one decoder; return 1 where it differs."""
    decoder = networks.Decoder(getattr(networks, name)()).eval()
    ours = count(decoder, DECODED, convention="deepspeed-0.5.10").macs
    tool = profiler(path).FlopsProfiler(decoder)
    tool.start_profile()
    with torch.no_grad():
        decoder(*(torch.zeros(shape) for shape in DECODED))
    theirs = tool.get_total_macs()
    print(f"{name}: DeepSpeed {theirs:,}, convention {ours:,}")
    return int(theirs != ours)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        sys.exit(compare(*sys.argv[1:]))
    ends = [subprocess.run([sys.executable, *sys.argv, name], check=False) for name in NAMES]
    sys.exit(max(end.returncode for end in ends))
