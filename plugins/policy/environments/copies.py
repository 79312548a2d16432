"""B copies of a gymnasium environment, stepped one after the other in one process.

Sharding seeds over processes is the executor's business; what gymnasium's vector environments
add (pipes, autoreset, a shared random state) is not wanted here.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from harness_plugins.policy.environments.protocol import Array, Bools, Step

if TYPE_CHECKING:
    import gymnasium

__all__ = ["Copies", "action_of", "bare", "observation_of"]


class Copies:
    """As many copies as there are episodes, each made anew for its episode.

    Args:
        make: makes the copy of an episode, by its place in the batch; without a time limit.
        observation: ``dtype`` of what is shown.
        horizon: the time limit.
        first: what the numbers of a discrete observation begin with; shown they begin with 0.
    """

    def __init__(
        self,
        make: Callable[[int], gymnasium.Env[Any, Any]],
        observation: Mapping[str, Any],
        horizon: int,
        first: int = 0,
    ) -> None:
        self._make, self._horizon, self._first = make, horizon, first
        self._dtype = np.dtype(observation["dtype"])
        self._copies: list[gymnasium.Env[Any, Any]] = []
        self._steps: list[Callable[..., Any]] = []

    def reset(self, seeds: Sequence[int]) -> Array:
        """Begin one episode for each seed; return the first observations (B, ...)."""
        self._steps = []  # one of MuJoCo holds 6 MB: not twice as many at once
        while self._copies:
            self._copies.pop().close()
        self._copies = [self._make(place) for place in range(len(seeds))]
        self._steps = [made.step for made in self._copies]
        self._time = 0
        first = [made.reset(seed=s)[0] for made, s in zip(self._copies, seeds, strict=True)]
        self._observations = (np.stack(first) - self._first).astype(self._dtype)
        return self._observations.copy()

    def step(self, actions: Sequence[Any], live: Bools) -> Step:
        """Act in the live episodes; the others keep their last observation."""
        places = np.flatnonzero(live).tolist()
        found = [self._steps[place](actions[place]) for place in places]
        seen, earned, done, cut, _ = zip(*found, strict=True)
        self._time += 1
        rewards = np.zeros(len(live))
        terminated, truncated = np.zeros(len(live), bool), np.zeros(len(live), bool)
        self._observations[places] = np.array(seen) - self._first if self._first else seen
        rewards[places], terminated[places] = earned, done
        truncated[places] = True if self._time >= self._horizon else cut
        return Step(self._observations.copy(), rewards, terminated, truncated)


def bare(id: str, **options: Any) -> gymnasium.Env[Any, Any]:  # noqa: A002 - gymnasium's name
    """Make an environment without what gymnasium wraps around it to check its user.

    The time limit goes too, for :class:`Copies` keeps it: what remains is the environment and
    what it is registered with.
    """
    import gymnasium

    spec = copy.deepcopy(gymnasium.spec(id))
    spec.order_enforce, spec.max_episode_steps = False, None
    return gymnasium.make(spec, disable_env_checker=True, **options)


def observation_of(space: gymnasium.Space[Any]) -> dict[str, Any]:
    """Describe a space of observations: ``shape``, ``dtype``, and ``n`` where it is discrete.

    Boxes of bytes stay uint8, all other boxes become float32.

    Raises:
        ValueError: it is neither a box nor discrete.
    """
    from gymnasium.spaces import Box, Discrete

    if isinstance(space, Discrete):
        return {"shape": [], "dtype": "int64", "n": int(space.n)}
    if isinstance(space, Box):
        dtype = "uint8" if space.dtype == np.uint8 else "float32"
        return {"shape": list(space.shape), "dtype": dtype}
    raise ValueError(f"observations of {space} are neither a Box nor Discrete")


def action_of(space: gymnasium.Space[Any]) -> dict[str, Any]:
    """Describe a space of actions: ``n``, or ``shape``, ``low``, ``high``.

    Raises:
        ValueError: it is neither discrete nor a box of one axis with bounds.
    """
    from gymnasium.spaces import Box, Discrete

    if isinstance(space, Discrete):
        return {"n": int(space.n)}
    if isinstance(space, Box) and len(space.shape) == 1 and space.is_bounded():
        low, high = space.low.astype(float).tolist(), space.high.astype(float).tolist()
        return {"shape": list(space.shape), "low": low, "high": high}
    raise ValueError(f"actions of {space} are neither Discrete nor a bounded Box of one axis")
