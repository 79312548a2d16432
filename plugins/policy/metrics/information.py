"""What a method was told: the three tiers of information, counted while it learned."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["demonstrations_seen", "expert_queries", "sees_context", "simulator_steps"]

Count = Callable[[Mapping[str, Any]], float]


def expert_queries() -> Count:
    """Count the actions that were asked of the expert."""
    return lambda information: float(information["expert_queries"])


def simulator_steps() -> Count:
    """Count the steps that were taken in the environment."""
    return lambda information: float(information["simulator_steps"])


def demonstrations_seen() -> Count:
    """Count the demonstrated episodes that were given."""
    return lambda information: float(information["demonstrations"])


def sees_context() -> Count:
    """Return 1 where the policy sees the context, else 0."""
    return lambda information: float(information["privileged"])
