"""The generative family: images, edited video, novel views and shapes."""

from __future__ import annotations

__all__: list[str] = []
