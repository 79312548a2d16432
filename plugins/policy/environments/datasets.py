"""How each environment becomes items; called when a plan is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.spec import Item
from harness_plugins.policy.environments.items import blocks

__all__ = ["any_gymnasium", "bandit", "lunarlander", "mdp", "pendulum"]


def bandit(
    *, arms: int, steps: int, likely: float, hit: float, miss: float, **common: Any
) -> list[Item]:
    """Return blocks of the confounded bandit."""
    from harness_plugins.policy.environments.bandit import tables

    params = {"arms": arms, "steps": steps, "likely": likely, "hit": hit, "miss": miss}
    tables(**params)  # what it cannot be is told before anything runs
    return blocks("confounded_bandit", params, **common)


def mdp(*, places: int, steps: int, works: float, blunders: float, **common: Any) -> list[Item]:
    """Return blocks of the confounded ring."""
    from harness_plugins.policy.environments.mdp import tables

    params = {"places": places, "steps": steps, "works": works, "blunders": blunders}
    tables(**params)
    return blocks("confounded_mdp", params, **common)


def lunarlander(*, bindings: Sequence[Sequence[int]], noise: float, **common: Any) -> list[Item]:
    """Return blocks of the confounded Lunar Lander."""
    from harness_plugins.policy.environments.lunarlander import check

    check(bindings, noise)
    params = {"bindings": [list(binding) for binding in bindings], "noise": noise}
    return blocks("confounded_lunarlander", params, ("gymnasium", "box2d"), **common)


def pendulum(
    *,
    masses: Sequence[float],
    frictions: Sequence[float],
    slope: float,
    gusts: float,
    steps: int,
    **common: Any,
) -> list[Item]:
    """Return blocks of the confounded pendulum."""
    from harness_plugins.policy.environments.pendulum import check

    check(masses, frictions, slope, gusts, steps)
    params = {
        "masses": [float(mass) for mass in masses],
        "frictions": [float(friction) for friction in frictions],
        "slope": float(slope),
        "gusts": float(gusts),
        "steps": steps,
    }
    return blocks("confounded_pendulum", params, ("gymnasium", "mujoco", "scipy"), **common)


def any_gymnasium(
    *,
    id: str,  # noqa: A002 - the field's own name
    options: Mapping[str, Any],
    horizon: int,
    expert: str,
    minari: str,
    **common: Any,
) -> list[Item]:
    """Return blocks of an environment that gymnasium knows.

    Raises:
        Unavailable: the Minari dataset is not on this machine.
        ValueError: what is missing, in one line.
    """
    from harness_plugins.policy import minari as recorded
    from harness_plugins.policy.environments.any_gymnasium import check, simulators

    check(id, expert, minari)
    params = {"id": id, "options": dict(options), "horizon": horizon, "expert": expert}
    content = ""
    if minari:
        folder = recorded.find(minari)
        params["minari"], content = str(folder), recorded.digest(folder)
    return blocks("gymnasium", params, simulators(id), content=content, **common)
