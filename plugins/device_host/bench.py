"""What the three devices have in common: one component after the other, timed and recorded."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils._pytree import tree_leaves

from harness.cost import (
    Component,
    NotMeasuredError,
    Timing,
    digest,
    process_peak_resident_bytes,
    time_calls,
    time_pairs,
)
from harness.cost.execution import shapes_of
from harness_plugins.device_host import hardware
from harness_plugins.device_host.export import as_tensors, evaluating

__all__ = [
    "Array",
    "OutOfMemoryError",
    "ResidentMemory",
    "RunError",
    "Started",
    "float_dtypes",
    "host_record",
    "measure_each",
    "measure_pairs",
    "on_threads",
    "only_modules",
    "reference",
    "torch_output",
]

Array = NDArray[np.float32]


class RunError(Exception):
    """A component does not run: one line with its name, the shapes and the reason."""

    outcome = "invalid"


class OutOfMemoryError(RunError):
    """A component needs more memory than the device has."""

    outcome = "oom"


class Memory(Protocol):
    """Measures memory while one component is prepared and runs."""

    def begin(self) -> None:
        """Start anew."""

    def peak(self) -> dict[str, int]:
        """Return bytes by what they are, since ``begin``."""


@dataclass(frozen=True, slots=True)
class Started:
    """A component on its device, ready to be called.

    Attributes:
        call: one run; without arguments.
        output: makes an array of what ``call`` returns, None where nothing in it is float.
        sync: waits for what ``call`` began.
    """

    call: Callable[[], Any]
    output: Callable[[Any], Array | None]
    sync: Callable[[], Any] | None = None


def measure_each(
    components: Sequence[Component],
    start: Callable[[Component, list[Any]], Started],
    memory: Memory,
) -> tuple[list[dict[str, Any]], dict[str, Array]]:
    """Time components one after the other.

    Args:
        components: what to run.
        start: brings a component and its inputs (of ``as_tensors``) to the device.
        memory: of the device.

    Returns:
        Records as ``device_run`` holds them, and outputs by component.

    Raises:
        RunError: in one line, where a component does not run.
    """
    records: list[dict[str, Any]] = []
    outputs: dict[str, Array] = {}
    for component in components:
        with _naming(component):
            record, output = _measure(component, start, memory)
        records.append(record)
        if output is not None:
            outputs[component.name] = output
    return records, outputs


def measure_pairs(
    first: Sequence[Component],
    second: Sequence[Component],
    start: Callable[[Component, list[Any]], Started],
) -> dict[str, Any]:
    """Time the modules of two models alternately: one evaluation of the item each, pair by pair.

    Args:
        first, second: the anchor's components, and the model's; at least one module of each.
        start: brings a component and its inputs (of ``as_tensors``) to the device.

    Returns:
        What ``device_pairs`` holds besides the device.

    Raises:
        RunError: in one line, where a component does not run.
    """
    pairs = time_pairs(_evaluation(first, start), _evaluation(second, start))
    return {
        "first_us": _rounded(pairs.first_us),
        "second_us": _rounded(pairs.second_us),
        "waited": pairs.waited,
    }


def _evaluation(
    components: Sequence[Component], start: Callable[[Component, list[Any]], Started]
) -> Callable[[], None]:
    """Return a call of all components in turn, each as often as one item takes."""
    parts: list[tuple[Started, int]] = []
    for component in components:
        with _naming(component):
            started = start(component, as_tensors(component.inputs))
            started.call()  # what cannot run says so before anything is timed
        parts.append((started, component.calls))

    def call() -> None:
        for started, count in parts:
            for _ in range(count):
                started.call()
            if started.sync is not None:
                started.sync()

    return call


def _measure(
    component: Component, start: Callable[[Component, list[Any]], Started], memory: Memory
) -> tuple[dict[str, Any], Array | None]:
    inputs = as_tensors(component.inputs)
    memory.begin()
    started = start(component, inputs)
    result = started.call()
    if started.sync is not None:
        started.sync()
    output = started.output(result)
    del result
    timing = time_calls(started.call, sync=started.sync)
    return _record(component, inputs, timing, memory.peak()), output


def _record(
    component: Component, inputs: list[Any], timing: Timing, memory: dict[str, int]
) -> dict[str, Any]:
    module = component.module
    return {
        "name": component.name,
        "step": component.step,
        "calls": component.calls,
        "sha256": digest(module) if isinstance(module, torch.nn.Module) else None,
        "inputs": {name: list(shape) for name, shape in shapes_of(inputs, {}).items()},
        "samples_us": _rounded(timing.samples_us),
        "warm_up": timing.warm_up,
        "settled": timing.settled,
        "cpu_us": _rounded(timing.cpu_us),
        "waited": timing.waited,
        "parts": {name: _rounded(times) for name, times in timing.parts.items()},
        "memory_bytes": memory,
    }


def _rounded(times: NDArray[np.float64]) -> list[float]:
    """Return µs to the ns, which is what the clocks show."""
    return [round(value, 3) for value in times.tolist()]


def only_modules(
    components: Sequence[Component], device: str
) -> tuple[list[Component], list[str]]:
    """Part components that are torch modules from the names of those that are not.

    Raises:
        NotMeasuredError: none of them is one.
    """
    modules = [c for c in components if isinstance(c.module, torch.nn.Module)]
    if not modules:
        raise NotMeasuredError(f"none of the model's components is a torch module for {device}")
    return modules, [c.name for c in components if not isinstance(c.module, torch.nn.Module)]


def torch_output(result: Any) -> Array | None:
    """Return the first floating tensor of a result as float32 on the host."""
    for leaf in tree_leaves(result):
        if isinstance(leaf, torch.Tensor) and leaf.is_floating_point():
            return np.array(leaf.detach().float().cpu().numpy())
    return None


def reference(component: Component) -> Array | None:
    """Return what torch in float32 on this machine's processor makes of the inputs."""
    module: Any = component.module
    with torch.inference_mode(), evaluating(module):
        return torch_output(module(*as_tensors(component.inputs)))


def float_dtypes(components: Sequence[Component]) -> str:
    """Return the floating dtypes of the modules' weights, e.g. ``"float32"``."""
    found = {
        str(tensor.dtype).removeprefix("torch.")
        for c in components
        if isinstance(c.module, torch.nn.Module)
        for tensor in [*c.module.parameters(), *c.module.buffers()]
        if tensor.is_floating_point()
    }
    return "+".join(sorted(found)) or "float32"


def host_record(
    asked: str, resolved: str, versions: dict[str, str], **more: Any
) -> dict[str, Any]:
    """Return the part of ``device_run`` that describes the device and the machine's state."""
    device = {
        "asked": asked,
        "resolved": resolved,
        "os": hardware.system(),
        "versions": {"python": platform.python_version(), **versions},
    }
    return {
        "kind": "measured-host",
        "statistic": "median",
        "device": device | more,
        "load": hardware.load(),
    }


class ResidentMemory:
    """Physical memory of this process, as the kernel counts it.

    ``process_peak_resident`` is everything held at once, interpreter and libraries included;
    ``process_resident_before`` is what was held before the component was prepared. Where the
    kernel cannot reset its mark, the peak is that since the process began, and is called
    ``process_peak_resident_since_start``.
    """

    def begin(self) -> None:
        try:
            Path("/proc/self/clear_refs").write_text("5")
            self._before = process_peak_resident_bytes()
        except OSError:
            self._before = 0

    def peak(self) -> dict[str, int]:
        peak = process_peak_resident_bytes()
        if not self._before:
            return {"process_peak_resident_since_start": peak}
        return {"process_peak_resident": peak, "process_resident_before": self._before}


@contextmanager
def on_threads(threads: int) -> Iterator[None]:
    """Let torch use so many threads within operators."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _naming(component: Component) -> Iterator[None]:
    """Put the component's name and shapes before what goes wrong in it."""
    try:
        yield
    except Exception as error:
        if hasattr(error, "outcome"):
            raise
        shapes = (getattr(value, "shape", value) for value in component.inputs)
        known = ["x".join(map(str, shape)) for shape in shapes if isinstance(shape, tuple)]
        at = ", ".join(known) or "no tensors"
        text = " ".join(str(error).split())[:240] or type(error).__name__
        full = isinstance(error, torch.OutOfMemoryError | MemoryError)
        kind = OutOfMemoryError if full else RunError
        raise kind(f"component {component.name} does not run with inputs {at}: {text}") from error
