"""What a method may use while it learns besides demonstrations, and the count of each use."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from harness_plugins.policy.environments.protocol import Array, Environment
from harness_plugins.policy.environments.seeds import episode_seeds
from harness_plugins.policy.interface import Lacking
from harness_plugins.policy.rollout import Asked, as_actions

__all__ = ["CountedExpert", "CountedSimulator", "Watched"]


class Watched(Mapping[str, Array]):
    """Demonstrations that know whether they were looked at."""

    def __init__(self, demonstrations: Mapping[str, Array]) -> None:
        self._arrays = demonstrations
        self._read = False

    @property
    def episodes(self) -> int:
        """How many a method used: all, or none if it never looked at one."""
        return len(self._arrays["lengths"]) if self._read else 0

    def __getitem__(self, name: str) -> Array:
        self._read = True
        return self._arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)


class CountedSimulator:
    """The environment without rewards and contexts; see ``interface.Simulator``.

    An episode that has ended shows its last observation and takes no more steps, which then do
    not count. ``steps`` is how many were taken, over all episodes.

    Args:
        make: makes a fresh environment.
    """

    def __init__(self, make: Callable[[], Environment]) -> None:
        self._make = make
        self._environment: Environment | None = None
        self.steps = 0
        self._live = np.zeros(0, bool)
        self._present: Array = np.zeros(0)
        self._expert: Asked | None = None
        self._time = 0

    def reset(self, batch: int, seed: int) -> Array:
        """Begin ``batch`` episodes, with seeds that no evaluation and no demonstration has."""
        if self._environment is None:
            self._environment = self._make()
        seeds = episode_seeds("simulator", int(seed), int(batch))
        self._present = self._environment.reset(seeds)
        self._expert = Asked(self._environment, seeds) if self._environment.expert else None
        self._live = np.ones(batch, bool)
        self._time = 0
        return self._present.copy()

    def step(self, actions: Array) -> tuple[Array, NDArray[np.bool_]]:
        """Act once in every episode that goes on.

        Raises:
            InvalidActionError: the actions are none of this environment.
        """
        environment = self._begun()
        taken = as_actions(actions, environment.action, len(self._live))
        if self._live.any():
            step = environment.step(taken, self._live)
            self.steps += int(self._live.sum())
            self._present = step.observations
            self._live = self._live & ~(step.terminated | step.truncated)
            self._time += 1
        return self._present.copy(), ~self._live

    def expert_actions(self) -> Array:
        """Return what the expert would do now in every episode.

        Raises:
            Lacking: the environment has none.
        """
        environment = self._begun()
        if self._expert is None:
            raise Lacking("this environment has no expert that could be asked")
        time = min(self._time, environment.horizon - 1)
        return self._expert.act(time, self._present)[0]

    def _begun(self) -> Environment:
        if self._environment is None:
            raise RuntimeError("the simulator was not reset")
        return self._environment


class CountedExpert:
    """The expert in the simulator's present states; see ``interface.Expert``.

    ``queries`` is how many actions it was asked for, those in ended episodes included.
    """

    def __init__(self, simulator: CountedSimulator) -> None:
        self._simulator = simulator
        self.queries = 0

    def act(self, which: Sequence[int] | None = None) -> Array:
        """Return its actions, of all or of some episodes by their number."""
        actions = self._simulator.expert_actions()
        chosen = actions if which is None else actions[np.asarray(which, np.intp)]
        self.queries += len(chosen)
        return chosen
