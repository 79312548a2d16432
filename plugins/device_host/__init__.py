"""Devices of the machine itself: torch on the CPU and on a GPU, onnxruntime on the CPU."""

from __future__ import annotations

__all__: list[str] = []
