"""A Hexagon NPU that is not here: what its compiler says, and what its emulator computes."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.cost import Component, NotMeasuredError, Run, digest
from harness_plugins.device_host.export import ExportError, as_tensors
from harness_plugins.device_htp.conversion import INT8, Recipe, float_model, quantized_model
from harness_plugins.device_htp.socs import SOCS

__all__ = ["Htp", "decibels"]

_COMPILER = "harness_plugins.device_htp.compiler"
# What QNN says of a failure, of all that it logs as errors on good and bad days alike.
_TELLING = re.compile(r"<E> (.*(?:doesn't support|could not create op|not supported|exceed).*)")


class Htp:
    """Compiles every module for one chip; on request, runs it on the emulator.

    Nothing is timed: the emulator's speed has nothing to do with the chip's.

    Args:
        folder: keeps exported models.
        soc: a name of :data:`~harness_plugins.device_htp.socs.SOCS`.
        precision: ``"float"`` (float32 in the file, 16-bit floats on the NPU), or ``"int8"``
            (QDQ, calibrated on the component's own inputs).
        numerics: whether to run what compiled on the emulator, against float32 on this machine.
        seconds: the most that compiling and emulating one component may take.
        recipe: quantises in another way; ``precision`` is then what it is called.
    """

    def __init__(
        self,
        folder: Path,
        soc: str,
        precision: str,
        numerics: bool,
        seconds: float,
        recipe: Recipe | None = None,
    ) -> None:
        self._folder = folder
        self._soc = soc
        self._precision = precision
        self._numerics = numerics
        self._seconds = seconds
        self._recipe = INT8 if precision == "int8" else recipe

    def measure(self, components: Sequence[Component]) -> Run:
        """Compile the modules among the components, each in a process of its own.

        A component's record holds, besides name, step, calls and sha256: ``compiles``;
        ``failure`` (one line, why not); ``placement`` ``{"NPU": operators, "CPU": operators}``
        and ``fallback`` ``{operator: times}`` of those on the CPU; ``compiled_for``, the chip as
        it stands in the binary; ``context_bytes``; ``compile_seconds`` on this machine;
        ``sqnr_db`` and ``psnr_db`` of the emulator's numbers against float32, or ``numerics``,
        why there are none.

        Outputs of a component are those of the emulator: one array, or all of them flattened and
        joined.

        Raises:
            NotMeasuredError: no component is a module.
        """
        import torch

        modules = [c for c in components if isinstance(c.module, torch.nn.Module)]
        if not modules:
            raise NotMeasuredError("none of the model's components is a torch module")
        outputs: dict[str, NDArray[np.float32]] = {}
        parts = []
        for component in modules:
            found, arrays = self._component(component)
            parts.append(found)
            outputs.update(arrays)
        soc = SOCS[self._soc]
        record = {
            "kind": "simulated",
            "statistic": None,
            "device": {
                "asked": self._soc,
                "resolved": f"{self._soc}, Hexagon v{soc.architecture}",
                "soc": soc.product,
                "versions": _versions(),
            },
            "runtime": "onnxruntime-qnn",
            "precision": self._precision,
            "components": parts,
        }
        return Run(record=record, outputs=outputs)

    def _component(
        self, component: Component
    ) -> tuple[dict[str, Any], dict[str, NDArray[np.float32]]]:
        module: Any = component.module
        found: dict[str, Any] = {
            "name": component.name,
            "step": component.step,
            "calls": component.calls,
            "sha256": digest(module),
        }
        tensors = as_tensors(component.inputs)
        named = _named(tensors)
        kept = self._folder / "onnx"
        try:
            model = float_model(kept, module, tensors, component.name)
        except ExportError as error:
            return {**found, "compiles": False, "failure": str(error)}, {}
        if self._recipe is not None:
            try:
                model = quantized_model(kept, model, named, self._recipe)
            except Exception as error:  # noqa: BLE001 - of one component, the row goes on
                failure = f"cannot be quantised: {' '.join(str(error).split())[:300]}"
                return {**found, "compiles": False, "failure": failure}, {}
        answer, emulated = self._compile(model, named)
        found.update(answer)
        if not found["compiles"]:
            found.setdefault("placement", {"NPU": 0, "CPU": _operators(model)})
        if not emulated:
            return found, {}
        here = _joined([np.asarray(value) for value in _host(module, tensors)])
        there = _joined(emulated).reshape(here.shape)
        found.update(decibels(here, there))
        return found, {component.name: there, f"{component.name}|host": here}

    def _compile(
        self, model: bytes, inputs: Mapping[str, NDArray[Any]]
    ) -> tuple[dict[str, Any], list[NDArray[Any]]]:
        """Return what became of ``model`` in a process of its own, and its outputs, if any."""
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            (folder / "model.onnx").write_bytes(model)
            request = {"soc": SOCS[self._soc].number, "numerics": self._numerics}
            (folder / "request.json").write_text(json.dumps(request))
            np.savez(folder / "inputs.npz", **inputs)
            ended = _run(folder, self._seconds)
            answer = folder / "compiled.json"
            if not answer.is_file():
                return {"compiles": False, "failure": f"the compiler {ended}"}, []
            found = json.loads(answer.read_text())
            if not found["compiles"]:
                found["failure"] = _with_log(found["failure"], folder / "log")
            if not (self._numerics and found["compiles"]):
                return found, []
            if not (folder / "outputs.npz").is_file():
                return {**found, "numerics": f"the emulator {ended}"}, []
            with np.load(folder / "outputs.npz") as arrays:
                found["emulator_seconds"] = float(arrays["emulator_seconds"])
                count = len(arrays.files) - 1
                return found, [arrays[f"output_{place}"] for place in range(count)]


def decibels(
    reference: NDArray[np.float32], found: NDArray[np.float32]
) -> dict[str, float | str | None]:
    """Return ``sqnr_db`` and ``psnr_db`` of ``found``, to float64 precision.

    The ratio of the reference's power, or of its squared range (maximum less minimum), to the
    mean squared difference. None, with the reason as ``numerics``, where there is no ratio.
    """
    x, y = reference.astype(np.float64), found.astype(np.float64)
    if not np.isfinite(y).all():
        return {"sqnr_db": None, "psnr_db": None, "numerics": "the NPU's numbers are not finite"}
    error = float(np.mean((x - y) ** 2)) if x.size else 0.0
    power, span = float(np.mean(x**2)) if x.size else 0.0, float(np.ptp(x)) if x.size else 0.0
    if error == 0.0 or power == 0.0 or span == 0.0:
        why = "equal to float32" if error == 0.0 else "the reference is constant"
        return {"sqnr_db": None, "psnr_db": None, "numerics": why}
    return {
        "sqnr_db": 10.0 * float(np.log10(power / error)),
        "psnr_db": 10.0 * float(np.log10(span**2 / error)),
    }


def _run(folder: Path, seconds: float) -> str:
    """Run the compiler on ``folder``; how it ended, as a verb."""
    command = [sys.executable, "-P", "-m", _COMPILER, str(folder)]
    with (folder / "log").open("wb") as log:
        try:
            done = subprocess.run(
                command, stdout=log, stderr=log, timeout=seconds, check=False, cwd=folder
            )
        except subprocess.TimeoutExpired:
            return f"was stopped after {seconds:g} s"
    if done.returncode < 0:
        return f"crashed ({signal.Signals(-done.returncode).name})"
    return f"ended with code {done.returncode}" if done.returncode else "left no answer"


def _with_log(reason: str, log: Path) -> str:
    """Return ``reason`` with the first thing that QNN's log says about it."""
    reason = reason.partition(" This means the graph")[0][:300]
    found = _TELLING.search(log.read_text(errors="replace"))
    return f"{found[1].strip()}: {reason}" if found else reason


def _named(tensors: Sequence[Any]) -> dict[str, NDArray[Any]]:
    """Return the tensors among the inputs by the names they have in the exported model."""
    import torch

    leaves = torch.utils._pytree.tree_leaves(list(tensors))  # noqa: SLF001
    arrays = [value.numpy() for value in leaves if isinstance(value, torch.Tensor)]
    return {f"input_{place}": value for place, value in enumerate(arrays)}


def _host(module: Any, tensors: Sequence[Any]) -> list[Any]:
    """Return what torch makes of the inputs, in eval mode; the module stays as it was."""
    import torch

    modes = [(part, part.training) for part in module.modules()]
    try:
        with torch.no_grad():
            outputs = module.eval()(*tensors)
    finally:
        for part, mode in modes:
            part.training = mode
    leaves = torch.utils._pytree.tree_leaves(outputs)  # noqa: SLF001
    return [value.detach().numpy() for value in leaves if isinstance(value, torch.Tensor)]


def _joined(arrays: Sequence[NDArray[Any]]) -> NDArray[np.float32]:
    if len(arrays) == 1:
        return arrays[0].astype(np.float32)
    return np.concatenate([value.astype(np.float32).ravel() for value in arrays])


def _operators(model: bytes) -> int:
    import onnx

    return len(onnx.load_from_string(model).graph.node)


def _versions() -> dict[str, str]:
    from onnxruntime_qnn import build_and_package_info as built

    names = ("onnxruntime-qnn", "onnxruntime", "torch")
    return {**{name: metadata.version(name) for name in names}, "QNN": built.qnn_version}
