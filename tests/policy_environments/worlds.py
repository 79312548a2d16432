"""What the tests of environments share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

_COMMON = {"episodes", "block", "demonstrations", "heldout", "budget", "seed"}


def defaults(dataset: str, **changes: Any) -> dict[str, Any]:
    """Return the parameters of a dataset, with some changed."""
    from harness_plugins.policy.environments import DATASETS

    return dict(next(d for d in DATASETS if d.name == dataset).params) | changes


def environment_of(dataset: str, **own: Any) -> Any:
    """Make the environment of a dataset with its default parameters."""
    from harness_plugins.policy.environments.registry import make

    params = {k: v for k, v in defaults(dataset).items() if k not in _COMMON} | own
    return make(dataset, params)


class By:
    """A player that follows a function of observations (and of the contexts it is given)."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def act(self, _time: int, observation: Any) -> tuple[Any, None]:
        return self.function(observation), None

    def took(self, actions: Any) -> None:
        pass


def returns(played: Mapping[str, Any]) -> np.ndarray:
    return np.nansum(played["rewards"], axis=1)
