"""From a module to the ONNX file that is compiled, in float32 or INT8, made once per folder."""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["INT8", "Recipe", "float_model", "quantize_int8", "quantized_model"]

# Of this the NPU takes weights as UINT8 only; signed ones would send the operator to the CPU.
_UNSIGNED = frozenset({"LayerNormalization"})
_EXPORTERS = ("torch", "onnx", "onnxscript", "onnxruntime")


@dataclass(frozen=True, slots=True)
class Recipe:
    """A way of quantising an ONNX file.

    Attributes:
        name: tells it from every other, with its settings and versions.
        quantize: from the file in float32, and arrays by the names of its inputs, to QDQ form.
    """

    name: str
    quantize: Callable[[bytes, Mapping[str, NDArray[Any]]], bytes]


def float_model(folder: Path, module: Any, inputs: Sequence[Any], name: str) -> bytes:
    """Return the ONNX of a module, from ``folder`` where it is there already.

    A file is known by the traced graph, the weights and the exporter's versions: tracing takes a
    tenth of the time of an export.

    Raises:
        harness_plugins.device_host.export.ExportError: it cannot be exported.
    """
    from harness_plugins.device_host.export import to_onnx

    return _kept(folder, _trace(module, inputs), lambda: to_onnx(module, inputs, name=name))


def quantized_model(
    folder: Path, model: bytes, inputs: Mapping[str, NDArray[Any]], recipe: Recipe
) -> bytes:
    """Return ``model`` in QDQ form, calibrated on ``inputs`` alone.

    Args:
        folder: where results are kept.
        model: ONNX in float32.
        inputs: arrays by the names of the model's inputs.
        recipe: how.
    """
    key = hashlib.sha256(f"{recipe.name} {_versions()}".encode() + model)
    for name in sorted(inputs):
        key.update(f"{name}{inputs[name].dtype}{inputs[name].shape}".encode())
        key.update(np.ascontiguousarray(inputs[name]).tobytes())
    return _kept(folder, key.hexdigest(), lambda: recipe.quantize(model, inputs))


def _trace(module: Any, inputs: Sequence[Any]) -> str | None:
    """Return a digest of what ``module`` does, or None where it cannot be traced."""
    import torch

    from harness.cost import digest
    from harness_plugins.device_host.export import OPSET, as_tensors

    arguments = as_tensors(inputs)
    key = hashlib.sha256(f"{OPSET} {_versions()} {digest(module)}".encode())
    modes = [(part, part.training) for part in module.modules()]
    try:
        program = torch.export.export(module.eval(), tuple(arguments))
    except Exception:  # noqa: BLE001 - the export itself says why
        return None
    finally:
        for part, mode in modes:
            part.training = mode
    key.update(str(program.graph).encode())
    for value in torch.utils._pytree.tree_leaves(arguments):  # noqa: SLF001
        if isinstance(value, torch.Tensor):
            key.update(f"{value.dtype}{tuple(value.shape)}".encode())
    for value in program.constants.values():
        if isinstance(value, torch.Tensor):
            key.update(value.detach().cpu().contiguous().numpy().tobytes())
    return key.hexdigest()


def _versions() -> str:
    return " ".join(f"{name} {metadata.version(name)}" for name in _EXPORTERS)


def _kept(folder: Path, key: str | None, make: Callable[[], bytes]) -> bytes:
    """Return the file of ``key``; made, and put in place as a whole, where it is missing."""
    if key is None:
        return make()
    path = folder / f"{key}.onnx"
    if path.is_file():
        return path.read_bytes()
    data = make()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, suffix=".part", delete=False) as file:
        file.write(data)
    os.replace(file.name, path)
    return data


def quantize_int8(model: bytes, inputs: Mapping[str, NDArray[Any]]) -> bytes:
    """Return ``model`` in QDQ form as onnxruntime makes it for QNN.

    Weights in INT8, symmetric and per output channel (those of normalisation in UINT8);
    activations in UINT8 over the range (minimum to maximum) they have on ``inputs``.
    """
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize
    from onnxruntime.quantization.execution_providers.qnn import get_qnn_qdq_config
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Once(CalibrationDataReader):
        def __init__(self) -> None:
            self._left = [dict(inputs)]

        def get_next(self) -> Any:
            return self._left.pop() if self._left else None

    logger = logging.getLogger()
    level = logger.level
    logger.setLevel(logging.ERROR)  # it advises the pre-processing that was just done
    try:
        with tempfile.TemporaryDirectory() as scratch:
            source, ready, made = (Path(scratch, n) for n in ("float", "ready", "int8"))
            source.write_bytes(model)
            quant_pre_process(source, ready, skip_symbolic_shape=True)
            graph = onnx.load(ready).graph
            unsigned = {
                node.input[1]: [{"quant_type": QuantType.QUInt8, "symmetric": False}]
                for node in graph.node
                if node.op_type in _UNSIGNED
            }
            config = get_qnn_qdq_config(
                ready,
                Once(),
                init_overrides=unsigned,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                per_channel=True,
            )
            quantize(ready, made, config)
            return made.read_bytes()
    finally:
        logger.setLevel(level)


INT8 = Recipe("int8", quantize_int8)
