"""A component as AI Hub gets it: a file, and the values of its inputs."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import torch
from numpy.typing import NDArray
from torch.utils import _pytree as pytree

from harness.cost import Component
from harness_plugins.device_aihub.journal import key_of
from harness_plugins.device_host.export import as_tensors, to_onnx, to_pt2

__all__ = ["InputError", "Work", "prepare"]

_EXPORTS = {"pt2": to_pt2, "onnx": to_onnx}
_DTYPES = ("float16", "float32", "bool", "int8", "int16", "int32", "int64", "uint8", "uint16")


class InputError(Exception):
    """A module has an input that AI Hub does not take: one line."""

    outcome = "invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A component, exported.

    Attributes:
        arrays: the tensors among them, in order; they are called ``input_0`` …
        data: the file that is uploaded; ``suffix`` is its kind.
        sha256: of ``data``.
        inputs_sha256: of the values of ``arrays``.
    """

    component: Component
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
    leaves = pytree.tree_leaves(as_tensors(component.inputs))
    tensors = [value for value in leaves if isinstance(value, torch.Tensor)]
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
        arrays=arrays,
        data=data,
        suffix=export,
        sha256=hashlib.sha256(data).hexdigest(),
        inputs_sha256=key_of(*hashes),
    )
