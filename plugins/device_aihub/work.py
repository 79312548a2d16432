"""A component as AI Hub gets it, and what this machine makes of the same inputs."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils import _pytree as pytree

from harness.cost import Component
from harness_plugins.device_aihub.journal import key_of
from harness_plugins.device_host.export import as_tensors, to_onnx, to_pt2

__all__ = ["InputError", "Work", "joined", "on_host", "prepare"]

_EXPORTS = {"pt2": to_pt2, "onnx": to_onnx}
_DTYPES = ("float16", "float32", "bool", "int8", "int16", "int32", "int64", "uint8", "uint16")


class InputError(Exception):
    """A module has an input that AI Hub does not take: one line."""

    outcome = "invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A component, exported.

    Attributes:
        arguments: its positional arguments.
        arrays: the tensors among them, in order; they are called ``input_0`` …
        data: the file that is uploaded; ``suffix`` is its kind.
        sha256: of ``data``.
        inputs_sha256: of the values of ``arrays``.
    """

    component: Component
    arguments: Sequence[Any]
    arrays: tuple[NDArray[Any], ...]
    data: bytes
    suffix: str
    sha256: str
    inputs_sha256: str

    @property
    def specs(self) -> dict[str, tuple[tuple[int, ...], str]]:
        """Names, shapes and types of the inputs."""
        return {
            f"input_{i}": (array.shape, array.dtype.name) for i, array in enumerate(self.arrays)
        }


def prepare(component: Component, export: str) -> Work:
    """Export a component.

    Raises:
        ExportError: it cannot be exported.
        InputError: AI Hub does not take its inputs.
    """
    arguments = as_tensors(component.inputs)
    tensors = [v for v in pytree.tree_leaves(arguments) if isinstance(v, torch.Tensor)]
    if not tensors:
        raise InputError(f"{component.name}: it has no tensor among its inputs")
    for tensor in tensors:
        kind = str(tensor.dtype).removeprefix("torch.")
        if kind not in _DTYPES:
            known = ", ".join(_DTYPES)
            raise InputError(f"{component.name}: an input is {kind}; AI Hub takes {known}")
        if tensor.ndim == 0 or tensor.numel() == 0:
            shape = tuple(tensor.shape)
            raise InputError(
                f"{component.name}: an input has shape {shape}; AI Hub takes none such"
            )
    arrays = tuple(tensor.contiguous().numpy() for tensor in tensors)
    data = _EXPORTS[export](component.module, component.inputs, name=component.name)
    hashes = [[a.shape, a.dtype.name, hashlib.sha256(a.tobytes()).hexdigest()] for a in arrays]
    return Work(
        component=component,
        arguments=arguments,
        arrays=arrays,
        data=data,
        suffix=export,
        sha256=hashlib.sha256(data).hexdigest(),
        inputs_sha256=key_of(*hashes),
    )


def on_host(work: Work) -> NDArray[np.float32]:
    """Return what torch makes of the inputs here, in eval mode, as :func:`joined` puts it."""
    module: Any = work.component.module
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        with torch.no_grad():
            found = module(*work.arguments)
    finally:
        for part, mode in modes:
            part.training = mode
    return joined([v.numpy() for v in pytree.tree_leaves(found) if isinstance(v, torch.Tensor)])


def joined(arrays: Sequence[NDArray[Any]]) -> NDArray[np.float32]:
    """Return one array of float32: the only one, or all values of several, one after the other."""
    if len(arrays) == 1:
        return np.asarray(arrays[0], np.float32)
    return np.concatenate([np.asarray(array, np.float32).ravel() for array in arrays])
