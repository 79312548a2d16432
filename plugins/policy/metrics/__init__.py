"""Metrics of behaviour: of each episode, and of what a method was told."""

from __future__ import annotations

from harness import spec

__all__ = ["METRICS"]

METRICS: tuple[spec.Metric, ...] = ()
