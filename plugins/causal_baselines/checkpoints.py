"""Checkpoints: arrays and JSON in one .npz, no code; equal training gives equal bytes."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["pack", "unpack"]

_CONFIG = "config"


def pack(config: Mapping[str, Any], arrays: Mapping[str, Any]) -> bytes:
    """Return the bytes of plain JSON data and of named arrays (or CPU tensors)."""
    text = json.dumps(config, sort_keys=True).encode()
    named = {name: np.asarray(arrays[name]) for name in sorted(arrays)}
    buffer = io.BytesIO()
    np.savez(buffer, **{_CONFIG: np.frombuffer(text, np.uint8)}, **named)
    return buffer.getvalue()


def unpack(checkpoint: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return what ``pack`` was given."""
    with np.load(io.BytesIO(checkpoint), allow_pickle=False) as found:
        arrays = dict(found)
    config: dict[str, Any] = json.loads(arrays.pop(_CONFIG).tobytes())
    return config, arrays
