"""From the name of an environment and its parameters to the environment itself."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from harness_plugins.policy.environments.protocol import Environment, Knowledge

__all__ = ["describe", "knowledge", "make"]

_MODULES = {
    "confounded_bandit": "bandit",
    "confounded_mdp": "mdp",
    "confounded_lunarlander": "lunarlander",
    "confounded_pendulum": "pendulum",
    "gymnasium": "any_gymnasium",
}


def make(environment: str, params: Mapping[str, Any]) -> Environment:
    """Make an environment.

    Args:
        environment: its name, which is that of its dataset.
        params: its own, as the items of the dataset hold them.

    Raises:
        ValueError: it is not known, or the parameters are none of it.
    """
    made: Environment = _module(environment).make(**params)
    return made


def knowledge(environment: Mapping[str, Any]) -> Knowledge:
    """Return what experts and reference policies may know of an environment.

    Args:
        environment: as ``Policy.fit`` is given it.
    """
    known: Knowledge = _module(environment["id"]).knowledge(**environment["params"])
    return known


def describe(environment: str, params: Mapping[str, Any], made: Environment) -> dict[str, Any]:
    """Return what a policy is told of its environment, as plain JSON.

    Where recorded demonstrations lie is left out: it is not part of what is evaluated.
    """
    params = {name: value for name, value in params.items() if name != "minari"}
    return {
        "id": environment,
        "params": params,
        "observation": dict(made.observation),
        "action": dict(made.action),
        "horizon": made.horizon,
    }


def _module(environment: str) -> Any:
    if environment not in _MODULES:
        raise ValueError(f"no environment is called {environment!r}")
    return import_module(f"{__package__}.{_MODULES[environment]}")
