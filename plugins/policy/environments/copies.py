"""B copies of a gymnasium environment, stepped one after the other in one process.

Sharding seeds over processes is the executor's business; what gymnasium's vector environments
add (pipes, autoreset, a shared random state) is not wanted here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from harness_plugins.policy.environments.protocol import Array, Bools, Step

if TYPE_CHECKING:
    import gymnasium

__all__ = ["Copies", "action_of", "observation_of"]


class Copies:
    """As many copies as there are episodes, each made anew for its episode.

    Args:
        make: makes the copy of an episode, by its place in the batch.
        observation: ``dtype`` of what is shown.
        first: what the numbers of a discrete observation begin with; shown they begin with 0.
    """

    def __init__(
        self,
        make: Callable[[int], gymnasium.Env[Any, Any]],
        observation: Mapping[str, Any],
        first: int = 0,
    ) -> None:
        self._make, self._first = make, first
        self._dtype = np.dtype(observation["dtype"])
        self._copies: list[gymnasium.Env[Any, Any]] = []

    def reset(self, seeds: Sequence[int]) -> Array:
        """Begin one episode for each seed; return the first observations (B, ...)."""
        for copy in self._copies:
            copy.close()
        self._copies = [self._make(place) for place in range(len(seeds))]
        first = [copy.reset(seed=s)[0] for copy, s in zip(self._copies, seeds, strict=True)]
        self._observations = self._kept(np.stack(first))
        return self._observations.copy()

    def step(self, actions: Sequence[Any], live: Bools) -> Step:
        """Act in the live episodes; the others keep their last observation."""
        rewards = np.zeros(len(live))
        terminated, truncated = np.zeros(len(live), bool), np.zeros(len(live), bool)
        for place in np.flatnonzero(live).tolist():
            found = self._copies[place].step(actions[place])
            self._observations[place] = self._kept(found[0])
            rewards[place], terminated[place], truncated[place] = found[1:4]
        return Step(self._observations.copy(), rewards, terminated, truncated)

    def _kept(self, observation: Any) -> Array:
        shown = np.asarray(observation)
        return (shown - self._first if self._first else shown).astype(self._dtype)


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
