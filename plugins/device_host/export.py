"""Export of modules to ONNX and ``torch.export``, for every device that takes a file.

The bytes depend on the module and the shapes of its inputs alone: what the exporters write about
the machine (paths of source files, stack traces) is left out, so equal modules give equal files.
"""

from __future__ import annotations

import contextlib
import io
import logging
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch

__all__ = ["OPSET", "ExportError", "as_tensors", "evaluating", "to_onnx", "to_pt2"]

OPSET = 20
_LOGGERS = ("torch.onnx", "torch.export", "torch._dynamo", "onnxscript", "onnx_ir")
_LIMIT = 2**31 - 1  # a protobuf message
_WHOLE = 300


class ExportError(Exception):
    """A module cannot be exported: one line with component, operator (if one) and reason."""

    outcome = "invalid"


def as_tensors(inputs: Sequence[Any], seed: int = 0) -> list[Any]:
    """Return inputs as a module is called with them: each shape becomes a tensor.

    Args:
        inputs: tensors (as they are, on the CPU), shapes (tuples of ints), nested lists and
            mappings of these; anything else is passed as it is.
        seed: of the standard normal float32 values that shapes are filled with.
    """
    generator = torch.Generator().manual_seed(seed)
    return [_as_tensor(value, generator) for value in inputs]


def _as_tensor(value: Any, generator: torch.Generator | None) -> Any:
    if isinstance(value, torch.Tensor):
        if generator is None:  # a file keeps what it was traced with: nobody's business
            return torch.zeros(value.shape, dtype=value.dtype)
        return value.detach().cpu()
    if isinstance(value, tuple) and value and all(type(n) is int for n in value):
        if min(value) < 1:
            raise ValueError(f"input shape {value}: every size must be at least 1")
        if generator is None:
            return torch.zeros(value)
        return torch.randn(value, generator=generator)
    if isinstance(value, Mapping):
        return {key: _as_tensor(one, generator) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_as_tensor(one, generator) for one in value)
    return value


def to_onnx(module: torch.nn.Module, inputs: Sequence[Any], *, name: str = "") -> bytes:
    """Export ``module(*inputs)`` in eval mode to ONNX, opset 20, with shapes fixed.

    Tensors among the inputs become ``input_0`` … in order, outputs ``output_0`` …; weights are
    inside. The module itself stays as it was.

    Args:
        module: with weights, on the CPU.
        inputs: as for :func:`as_tensors`; their values neither matter nor get into the file.
        name: the component's, for messages.

    Raises:
        ExportError: in one line, where the exporter fails or ``onnx.checker`` finds a fault.
    """
    import onnx

    name = name or type(module).__name__
    _check(module, name)
    with _quiet(), _failing(name, "ONNX"), evaluating(module), torch.no_grad():
        args = tuple(_as_tensor(value, None) for value in inputs)
        # A mapping at the end would be read as keywords, so another one follows it.
        last = ({},) if args and isinstance(args[-1], dict) else ()
        program: Any = torch.onnx.export(
            module, (*args, *last), dynamo=True, opset_version=OPSET, verbose=False, optimize=True
        )
        model = program.model
        _name_ends(model)
        _forget_origin(model)
        proto = program.model_proto
        if proto.ByteSize() > _LIMIT:
            raise RuntimeError("its weights are more than 2 GiB, the most one ONNX file holds")
        found: bytes = proto.SerializeToString(deterministic=True)
        onnx.checker.check_model(found, full_check=True)
    return found


def to_pt2(module: torch.nn.Module, inputs: Sequence[Any], *, name: str = "") -> bytes:
    """Export ``module(*inputs)`` in eval mode by ``torch.export``, with shapes fixed.

    Args:
        module, inputs, name: as for :func:`to_onnx`.

    Raises:
        ExportError: in one line, where the exporter fails.
    """
    name = name or type(module).__name__
    _check(module, name)
    with _quiet(), _failing(name, "torch.export"), evaluating(module), torch.no_grad():
        args = tuple(_as_tensor(value, None) for value in inputs)
        program = torch.export.export(module, args)
        for node in program.graph.nodes:
            node.meta.pop("stack_trace", None)
        file = io.BytesIO()
        torch.export.save(program, file)
    return file.getvalue()


def _check(module: torch.nn.Module, name: str) -> None:
    if not isinstance(module, torch.nn.Module):
        raise ExportError(f"{name}: no torch module, nothing to export")
    if any(t.device.type == "meta" for t in [*module.parameters(), *module.buffers()]):
        raise ExportError(f"{name}: its weights are on the meta device: it has none")


def _name_ends(model: Any) -> None:
    """Name inputs and outputs by their place."""
    for place, value in enumerate(model.graph.inputs):
        value.name = f"input_{place}"
    for place, value in enumerate(model.graph.outputs):
        value.name = f"output_{place}"


def _forget_origin(model: Any) -> None:
    """Drop what the exporter wrote about files and lines."""
    model.metadata_props.clear()
    model.graph.metadata_props.clear()
    for node in model.graph.all_nodes():
        node.metadata_props.clear()
        for value in node.outputs:
            value.metadata_props.clear()
    for value in [*model.graph.inputs, *model.graph.initializers.values()]:
        value.metadata_props.clear()
    for function in model.functions.values():
        function.metadata_props.clear()
        for node in function.all_nodes():
            node.metadata_props.clear()


@contextlib.contextmanager
def evaluating(module: torch.nn.Module) -> Iterator[None]:
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, mode in modes:
            part.training = mode


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporters' progress, warnings and log lines to ourselves."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@contextlib.contextmanager
def _failing(name: str, form: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        raise ExportError(f"{name}: cannot be exported to {form}: {_reason(error)}") from error


def _reason(error: BaseException) -> str:
    """Return the innermost cause in one line, behind the operator it is about."""
    chain = [error]
    while chain[-1].__cause__ is not None:
        chain.append(chain[-1].__cause__)
    words = next((t for e in reversed(chain) if (t := _line(e))), type(error).__name__)
    operator = next((f for e in chain if (f := _operator(str(e)))), "")
    return f"{operator}: {words}" if operator and operator not in words else words


def _line(error: BaseException) -> str:
    """Return what an error says before it explains how to debug it."""
    lines = [" ".join(line.split()) for line in str(error).split("\n")]
    return next((line for line in lines if line), "")[:_WHOLE]


def _operator(text: str) -> str:
    found = re.search(r"(?:target=torch\.ops\.|OpOverload\(op='|aten::)([\w.]+)", text)
    return found[1] if found else ""
