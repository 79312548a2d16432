"""onnxruntime on the processor of this machine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from torch.utils._pytree import tree_leaves

from harness.cost import Component, Run
from harness_plugins.device_host import hardware
from harness_plugins.device_host.bench import (
    Array,
    ResidentMemory,
    Started,
    float_dtypes,
    host_record,
    measure_each,
    measure_pairs,
    on_threads,
    only_modules,
    reference,
)
from harness_plugins.device_host.export import OPSET, to_onnx

__all__ = ["OnnxCpu"]

_PROVIDER = "CPUExecutionProvider"
_ERRORS_ONLY = 3


class OnnxCpu:
    """The device ``onnxruntime``: modules, exported to ONNX, by its own kernels for CPUs.

    What is no module is left out and named in the record's ``left_out``.

    Args:
        _folder: the device's own, unused.
        threads: within an operator.
    """

    def __init__(self, _folder: Path, threads: int = 1) -> None:
        self.threads = threads

    def measure(self, components: Sequence[Component]) -> Run:
        """Run every module.

        Raises:
            NotMeasuredError: there is none.
            ExportError: one cannot be exported, in one line.
            RunError: onnxruntime cannot load or run one, in one line.
        """
        modules, left_out = only_modules(components, "onnxruntime")
        record = self._record(modules)
        with on_threads(self.threads):
            records, outputs = measure_each(modules, self._start, ResidentMemory())
            for component in modules:
                expected = reference(component)
                if expected is not None and component.name in outputs:
                    outputs[f"{component.name}|host"] = expected
        record |= {"left_out": left_out, "components": records}
        return Run(record=record, outputs=outputs)

    def compare(self, first: Sequence[Component], second: Sequence[Component]) -> dict[str, Any]:
        """Time the modules of two models alternately.

        Raises:
            NotMeasuredError: one of them has none.
            ExportError, RunError: as :meth:`measure`.
        """
        both = [only_modules(components, "onnxruntime")[0] for components in (first, second)]
        with on_threads(self.threads):
            return self._record(both[1]) | measure_pairs(*both, self._start)

    def _record(self, modules: Sequence[Component]) -> dict[str, Any]:
        versions = {"onnxruntime": onnxruntime.__version__, "torch": torch.__version__}
        return host_record("onnxruntime", hardware.processor(), versions) | {
            "runtime": f"onnxruntime, opset {OPSET}",
            "precision": float_dtypes(modules),
            "threads": self.threads,
        }

    def _start(self, component: Component, inputs: list[Any]) -> Started:
        module: Any = component.module
        model = to_onnx(module, inputs, name=component.name)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        options.log_severity_level = _ERRORS_ONLY
        session = onnxruntime.InferenceSession(model, options, providers=[_PROVIDER])
        tensors = [leaf for leaf in tree_leaves(inputs) if isinstance(leaf, torch.Tensor)]
        feeds = {f"input_{n}": tensor.contiguous().numpy() for n, tensor in enumerate(tensors)}
        return Started(lambda: session.run(None, feeds), _first_float)


def _first_float(results: Sequence[Any]) -> Array | None:
    for result in results:
        if np.issubdtype(result.dtype, np.floating):
            return np.array(result, np.float32)
    return None
