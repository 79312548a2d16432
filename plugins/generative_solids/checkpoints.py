"""Checkpoints as .npz: plain data and the arrays of modules; equal weights are equal bytes."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

__all__ = ["pack", "unpack"]


def pack(about: Mapping[str, Any], *modules: nn.Module) -> bytes:
    """Return plain JSON data and the state of modules as the bytes of a file."""
    arrays = {"about": np.frombuffer(json.dumps(about, sort_keys=True).encode(), np.uint8)}
    for number, module in enumerate(modules):
        for name, value in module.state_dict().items():
            arrays[f"{number}.{name}"] = value.numpy()
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **dict(sorted(arrays.items())))
    return buffer.getvalue()


def unpack(checkpoint: bytes) -> tuple[dict[str, Any], list[dict[str, Tensor]]]:
    """Return what :func:`pack` wrote: the plain data, and a state for each module."""
    states: dict[int, dict[str, Tensor]] = {}
    with np.load(io.BytesIO(checkpoint), allow_pickle=False) as found:
        about: dict[str, Any] = json.loads(found["about"].tobytes())
        for name in found.files:
            number, _, rest = name.partition(".")
            if rest:
                states.setdefault(int(number), {})[rest] = torch.from_numpy(found[name])
    return about, [states[number] for number in sorted(states)]
