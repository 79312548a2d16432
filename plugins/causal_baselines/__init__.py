"""Causal models from the papers' equations, baselines and oracles."""

from __future__ import annotations

from collections.abc import Iterable

from harness import spec
from harness.hookspecs import hookimpl

__all__ = ["harness_models"]


@hookimpl
def harness_models() -> Iterable[spec.Model]:
    """Declare the models."""
    return []
