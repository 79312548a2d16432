"""torch in eager mode on the first GPU of this machine."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch.utils._pytree import tree_map_only

from harness.cost import Component, Run
from harness.spec import Unavailable
from harness.trace import add_seconds
from harness_plugins.device_host import hardware
from harness_plugins.device_host.bench import (
    Started,
    float_dtypes,
    host_record,
    measure_each,
    only_modules,
    reference,
    torch_output,
)

__all__ = ["TorchCuda"]

_DEVICE = "cuda"
_EVENTS = "CUDA events"


class TorchCuda:
    """The device ``cuda``: modules, in float32 without TF32, one call at a time.

    Each call begins on an idle GPU and is waited for. A sample is the time between two CUDA
    events around the call, so it holds the gaps in which the GPU waits for the next kernel to be
    launched; ``wall_us`` is what the host's clock showed, with the waiting at the end. What is
    no module is left out and named in the record's ``left_out``.

    Args:
        _folder: the device's own, unused.
    """

    def __init__(self, _folder: Path) -> None:
        if not torch.cuda.is_available():
            raise Unavailable(
                f"torch {torch.__version__} finds no CUDA GPU",
                "install a torch built for CUDA, and a driver that it takes",
            )

    def measure(self, components: Sequence[Component]) -> Run:
        """Run every module.

        Raises:
            NotMeasuredError: there is none.
            RunError: in one line, where one does not run.
        """
        modules, left_out = only_modules(components, "cuda")
        versions = {
            "torch": torch.__version__,
            "cuda": str(torch.version.cuda),
            "cudnn": str(torch.backends.cudnn.version()),
        }
        record = host_record("cuda", hardware.cuda(), versions)
        with _without_tf32(), torch.inference_mode():
            records, outputs = measure_each(modules, _start, _GpuMemory())
        for part in records:
            part["wall_us"] = part["samples_us"]
            part["samples_us"] = part["parts"].pop(_EVENTS)
        for component in modules:
            expected = reference(component)
            if expected is not None and component.name in outputs:
                outputs[f"{component.name}|host"] = expected
        record |= {
            "runtime": "torch",
            "precision": float_dtypes(modules),
            "left_out": left_out,
            "components": records,
        }
        return Run(record=record, outputs=outputs)


def _start(component: Component, inputs: list[Any]) -> Started:
    module: Any = copy.deepcopy(component.module).to(_DEVICE).eval()
    there = tree_map_only(torch.Tensor, lambda tensor: tensor.to(_DEVICE), inputs)
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))

    def call() -> Any:
        begin.record()
        result = module(*there)
        end.record()
        return result

    def sync() -> None:
        end.synchronize()
        add_seconds(_EVENTS, begin.elapsed_time(end) / 1e3)

    return Started(call, torch_output, sync)


class _GpuMemory:
    """Memory of torch's allocator: weights, inputs, results and scratch space.

    ``cuda_peak_allocated`` is the most that tensors held at once, ``cuda_peak_reserved`` the most
    that torch kept from the driver for them, ``tensors_before`` what they held before.
    """

    def begin(self) -> None:
        torch.cuda.synchronize()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        self._before = torch.cuda.memory_allocated()

    def peak(self) -> dict[str, int]:
        return {
            "cuda_peak_allocated": torch.cuda.max_memory_allocated(),
            "cuda_peak_reserved": torch.cuda.max_memory_reserved(),
            "tensors_before": self._before,
        }


@contextmanager
def _without_tf32() -> Iterator[None]:
    """Let convolutions and products keep all bits of float32, as they do on the host."""
    before = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = before
