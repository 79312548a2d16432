"""Metrics of identifiability, each with how it is computed in its signature."""

from __future__ import annotations

from harness import spec

__all__ = ["METRICS"]

METRICS: tuple[spec.Metric, ...] = ()
