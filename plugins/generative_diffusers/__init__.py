"""Diffusion models by diffusers: their architectures, accelerations and what both cost."""

from __future__ import annotations

__all__: list[str] = []
