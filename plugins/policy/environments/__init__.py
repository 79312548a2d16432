"""Environments: blocks of episodes with fixed seeds, and the experts that know them."""

from __future__ import annotations

from harness import spec

__all__ = ["DATASETS"]

DATASETS: tuple[spec.Dataset, ...] = ()
