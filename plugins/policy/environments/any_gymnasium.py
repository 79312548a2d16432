"""Any environment that gymnasium knows, with demonstrations that somebody really made.

There is no hidden context here, and no expert unless gymnasium ships one: demonstrations are
read from a Minari dataset, or made by the heuristic that comes with the environment, or, where
one is asked for, by a random policy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from harness.spec import Unavailable
from harness_plugins.policy.environments.copies import Copies, action_of, bare, observation_of
from harness_plugins.policy.environments.lunarlander import heuristic
from harness_plugins.policy.environments.protocol import Array, Bools, Knowledge, Rule, Step

__all__ = ["check", "knowledge", "make", "simulators"]

_HEURISTIC = "LunarLander-v3"
_EXPERTS = ("", "heuristic", "random")
_ENGINES = {"box2d": "box2d", "mujoco": "mujoco"}  # part of gymnasium.envs → distribution


def check(id: str, expert: str, minari: str) -> None:  # noqa: A002 - the field's own name
    """Refuse an environment that gymnasium does not know or that has no demonstrations.

    Raises:
        ValueError: one line that says what is missing.
    """
    import gymnasium

    if not id:
        raise ValueError("the dataset gymnasium needs an environment: give it params {id: ID}")
    try:
        gymnasium.spec(id)
    except (gymnasium.error.Error, ImportError) as error:
        raise ValueError(f"gymnasium has no {id!r}: {' '.join(str(error).split())}") from None
    if expert not in _EXPERTS:
        raise ValueError(f"expert={expert!r} is none of heuristic, random")
    if expert == "heuristic" and id != _HEURISTIC:
        raise ValueError(f"gymnasium ships no heuristic for {id}; it does for {_HEURISTIC}")
    if bool(expert) == bool(minari):
        raise ValueError(
            f"{id} has no expert of its own: say where demonstrations come from, with either "
            "params {minari: FOLDER or ID} or params {expert: heuristic or random}"
        )


def simulators(id: str) -> tuple[str, ...]:  # noqa: A002 - the field's own name
    """Return the distributions that decide what happens in an environment."""
    from importlib.metadata import packages_distributions

    import gymnasium

    entry = str(gymnasium.spec(id).entry_point).partition(":")[0]
    top, *rest = entry.split(".")
    if top == "gymnasium":
        return ("gymnasium", *(_ENGINES[part] for part in rest if part in _ENGINES))
    return ("gymnasium", *sorted(set(packages_distributions().get(top, ()))))


def make(**params: Any) -> Gymnasium:
    """Make the environment; see :class:`Gymnasium`."""
    return Gymnasium(**params)


def knowledge(**params: Any) -> Knowledge:
    """Return the expert's rule, if there is one; there is no context."""
    return Knowledge(make(**params).expert, lambda _rng, batch: np.zeros((batch, 0), np.float32))


class Gymnasium:
    """The environment; see :class:`~.protocol.Environment`.

    Args:
        id: gymnasium's, with its version.
        options: keywords of ``gymnasium.make``.
        horizon: T; 0 takes the time limit that the environment is registered with.
        expert: ``heuristic`` (of Lunar Lander), ``random``, or none.
        minari: folder of a Minari dataset of demonstrations, or none.

    Raises:
        Unavailable: what it runs on is not installed.
        ValueError: its spaces are none that policies act in, or it has no time limit.
    """

    def __init__(
        self,
        id: str,  # noqa: A002 - the field's own name
        options: Mapping[str, Any],
        horizon: int,
        expert: str,
        minari: str = "",
    ) -> None:
        import gymnasium

        self.horizon = horizon or gymnasium.spec(id).max_episode_steps or 0
        if self.horizon < 1:
            raise ValueError(f"{id} has no time limit: give params {{horizon: STEPS}}")
        build = partial(bare, id, **options)
        try:
            one = build()
        except gymnasium.error.DependencyNotInstalled as error:
            raise Unavailable(" ".join(str(error).split())) from None
        self.observation = observation_of(one.observation_space)
        self.action = action_of(one.action_space)
        self._first = tuple(
            int(getattr(s, "start", 0)) for s in (one.observation_space, one.action_space)
        )
        one.close()
        self.context = np.zeros((0, 0), np.float32)
        self.expert = self._rule(expert)
        self._minari = minari
        self._copies = Copies(
            lambda _place: build(), self.observation, self.horizon, self._first[0]
        )
        self.recorded = self._recorded if minari else None

    def reset(self, seeds: Sequence[int]) -> Array:
        """Begin one episode for each seed."""
        self.context = np.zeros((len(seeds), 0), np.float32)
        return self._copies.reset(seeds)

    def step(self, actions: Array, live: Bools) -> Step:
        """Act in the live episodes."""
        if "n" in self.action:
            return self._copies.step((actions + self._first[1]).tolist(), live)
        return self._copies.step(actions, live)

    def _recorded(self, role: str, demonstrations: int, heldout: int) -> dict[str, Array]:
        """Return demonstrations, or the held-out ones that follow them in the file."""
        from harness_plugins.policy.minari import read

        ranges = {"demonstrations": (0, demonstrations), "heldout": (demonstrations, heldout)}
        start, count = ranges[role]
        told = {
            "observation": self.observation,
            "action": self.action,
            "horizon": self.horizon,
        }
        which = range(start, start + count)
        episodes = read(Path(self._minari), told, which, self._first)
        return episodes | {"context": np.zeros((count, 0), np.float32)}

    def _rule(self, expert: str) -> Rule | None:
        if not expert:
            return None
        if "n" not in self.action:
            if expert == "random":
                raise ValueError("a random expert needs discrete actions")
            return lambda observations, _contexts: heuristic(observations, continuous=True)
        each = np.eye(self.action["n"])
        if expert == "random":
            return lambda observations, _contexts: np.tile(each.mean(0), (len(observations), 1))
        return lambda observations, _contexts: each[heuristic(observations)]
