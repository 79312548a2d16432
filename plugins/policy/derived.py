"""Scores of behaviour that need several rows or several metrics."""

from __future__ import annotations

from harness import spec

__all__ = ["DERIVED"]

DERIVED: tuple[spec.Derived, ...] = ()
