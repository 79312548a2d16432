"""Metrics of sets of images: pure functions over features and images.

Features are (n, d) arrays, one row for each image; the first argument is what was generated, the
second the reference.
"""

from __future__ import annotations

__all__: list[str] = []
