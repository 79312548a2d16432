"""How each environment becomes items; called when a plan is made."""

from __future__ import annotations

from typing import Any

from harness.spec import Item
from harness_plugins.policy.environments.items import blocks

__all__ = ["bandit"]


def bandit(
    *, arms: int, steps: int, likely: float, hit: float, miss: float, **common: Any
) -> list[Item]:
    """Return blocks of the confounded bandit."""
    from harness_plugins.policy.environments.bandit import tables

    params = {"arms": arms, "steps": steps, "likely": likely, "hit": hit, "miss": miss}
    tables(**params)  # what it cannot be is told before anything runs
    return blocks("confounded_bandit", params, **common)
