"""torch in eager mode on the processor of this machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import torch

from harness.cost import Component, Run
from harness_plugins.device_host import hardware
from harness_plugins.device_host.bench import (
    ResidentMemory,
    Started,
    float_dtypes,
    host_record,
    measure_each,
    measure_pairs,
    on_threads,
    only_modules,
    torch_output,
)
from harness_plugins.device_host.export import evaluating

__all__ = ["TorchCpu"]


class TorchCpu:
    """The device ``host``: modules, and whatever else a model does.

    It is what other devices are compared with, so its own outputs stand under the components'
    names and under no ``NAME|host``.

    Args:
        _folder: the device's own, unused.
        threads: within an operator of torch.
    """

    def __init__(self, _folder: Path, threads: int = 1) -> None:
        self.threads = threads

    def measure(self, components: Sequence[Component]) -> Run:
        """Run every component, those that are no modules too.

        Raises:
            RunError: in one line, where a component does not run.
        """
        with self._ready(components):
            record = self._record(components)
            records, outputs = measure_each(components, _start, ResidentMemory())
        return Run(record=record | {"components": records}, outputs=outputs)

    def compare(self, first: Sequence[Component], second: Sequence[Component]) -> dict[str, Any]:
        """Time the modules of two models alternately.

        Raises:
            NotMeasuredError: one of them has none.
            RunError: in one line, where one does not run.
        """
        both = [only_modules(components, "host")[0] for components in (first, second)]
        with self._ready([*both[0], *both[1]]):
            return self._record(both[1]) | measure_pairs(*both, _start)

    @contextmanager
    def _ready(self, components: Sequence[Component]) -> Iterator[None]:
        with ExitStack() as stack:
            for component in components:
                if isinstance(component.module, torch.nn.Module):
                    stack.enter_context(evaluating(component.module))
            stack.enter_context(on_threads(self.threads))
            stack.enter_context(torch.inference_mode())
            yield

    def _record(self, components: Sequence[Component]) -> dict[str, Any]:
        record = host_record(
            "host",
            hardware.processor(),
            {"torch": torch.__version__},
            instructions=torch.backends.cpu.get_cpu_capability(),
        )
        return record | {
            "runtime": "torch",
            "precision": float_dtypes(components),
            "threads": self.threads,
        }


def _start(component: Component, inputs: list[Any]) -> Started:
    module = component.module
    is_module = isinstance(module, torch.nn.Module)
    return Started(lambda: module(*inputs), torch_output if is_module else lambda _: None)
