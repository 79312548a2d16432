"""Problems with known truth: generated, and as their authors publish them."""

from __future__ import annotations

from harness import spec

__all__ = ["DATASETS"]

DATASETS: tuple[spec.Dataset, ...] = ()
