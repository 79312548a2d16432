"""Imitation that asks the expert: DAgger, and noise injection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from harness import note
from harness_plugins.policy.interface import Expert, Simulator
from harness_plugins.policy_baselines.cloning import Cloned, Cloning, train
from harness_plugins.policy_baselines.networks import Space, pack

__all__ = ["Dagger", "NoiseInjection"]

Arrays = dict[str, np.ndarray]


class Dagger(Cloning):
    """Acts itself, asks the expert what it would have done, and learns from all of that.

    Ross, Gordon and Bagnell, "A reduction of imitation learning and structured prediction to
    no-regret online learning", AISTATS 2011. On its own histories its past actions tell nothing
    of the context, so what it learns is the interventional policy.

    Args:
        memory, width, transitions, greedy: as of :class:`Cloning`.
        rounds: how often it acts, asks and learns anew.
        episodes: how many it acts in, each round.
    """

    needs = ("simulator", "expert")

    def __init__(
        self,
        memory: bool,
        width: int,
        transitions: int,
        greedy: bool,
        rounds: int,
        episodes: int,
    ) -> None:
        super().__init__(memory, width, transitions, greedy)
        self._rounds, self._episodes = rounds, episodes

    def fit(  # type: ignore[override]
        self,
        demonstrations: Mapping[str, np.ndarray],
        environment: Mapping[str, Any],
        seed: int,
        budget: int,
        *,
        simulator: Simulator,
        expert: Expert,
    ) -> bytes:
        """Learn in rounds; the first imitates the demonstrations."""
        space = Space.of(environment, demonstrations)
        horizon = int(environment["horizon"])
        data: Arrays = {k: np.asarray(demonstrations[k]) for k in demonstrations}
        data["expert"] = data["actions"]
        share = min(self._transitions, budget) // (self._rounds + 1)
        network = self._trained(space, data, seed, share)
        for number in range(self._rounds):
            self._become(space, network)
            self.reset(self._episodes, np.random.default_rng([seed, number]))
            new = _collect(simulator, expert, self, space, self._episodes, horizon, seed + number)
            data = _joined(data, new)
            network = self._trained(space, data, seed + number + 1, share)
        note("episodes", len(data["lengths"]))
        return pack({"space": asdict(space)}, network)

    def _trained(self, space: Space, data: Arrays, seed: int, share: int) -> Cloned:
        return train(
            space,
            data,
            seed,
            share,
            memory=self._memory,
            width=self._width,
            transitions=share,
            expert=data["expert"],
        )

    def _become(self, space: Space, network: Cloned) -> None:
        self._space, self._network = space, network


class NoiseInjection(Dagger):
    """Watches the expert while some of its actions are replaced, and learns what it wanted.

    After Laskey et al., "DART: noise injection for robust imitation learning", CoRL 2017. The
    replaced actions tell nothing of the context, so a history of them misleads less.

    Args:
        memory, width, transitions, greedy: as of :class:`Cloning`.
        episodes: how many it watches.
        noise: how often an action is replaced by a random one.
    """

    def __init__(
        self,
        memory: bool,
        width: int,
        transitions: int,
        greedy: bool,
        episodes: int,
        noise: float,
    ) -> None:
        super().__init__(memory, width, transitions, greedy, 1, episodes)
        self._noise = noise

    def fit(  # type: ignore[override]
        self,
        demonstrations: Mapping[str, np.ndarray],
        environment: Mapping[str, Any],
        seed: int,
        budget: int,
        *,
        simulator: Simulator,
        expert: Expert,
    ) -> bytes:
        """Record the disturbed expert, and clone what it wanted to do."""
        space = Space.of(environment, demonstrations)
        rng = np.random.default_rng([seed, 7])
        data = _collect(
            simulator,
            expert,
            _Disturbed(space, self._noise, rng),
            space,
            self._episodes,
            int(environment["horizon"]),
            seed,
        )
        share = min(self._transitions, budget)
        return pack({"space": asdict(space)}, self._trained(space, data, seed, share))


class _Disturbed:
    """The expert's actions, some replaced by random ones."""

    def __init__(self, space: Space, noise: float, rng: np.random.Generator) -> None:
        self._space, self._noise, self._rng = space, noise, rng

    def replace(self, wanted: np.ndarray) -> np.ndarray:
        """Return what is executed where the expert wants something."""
        hit = self._rng.random(len(wanted)) < self._noise
        if self._space.actions:
            return np.where(hit, self._rng.integers(0, self._space.actions, len(wanted)), wanted)
        drawn = self._rng.uniform(self._space.low, self._space.high, wanted.shape)
        return np.where(hit[:, None], drawn, wanted).astype(np.float32)


def _collect(
    simulator: Simulator,
    expert: Expert,
    actor: Cloning | _Disturbed,
    space: Space,
    episodes: int,
    horizon: int,
    seed: int,
) -> Arrays:
    """Act in new episodes, asking the expert at every step that is still going on."""
    observation = simulator.reset(episodes, seed)
    live = np.ones(episodes, bool)
    seen, done, wanted = [], [], []
    lengths = np.zeros(episodes, np.int64)
    rng = np.random.default_rng([seed, 11])
    asked = np.zeros((episodes, *(() if space.actions else (space.width,))))
    asked = asked.astype(np.int64 if space.actions else np.float32)
    for _ in range(horizon):
        asked = asked.copy()
        asked[live] = expert.act(np.flatnonzero(live))
        if isinstance(actor, _Disturbed):
            executed = actor.replace(asked)
        else:
            executed = _acted(actor, observation, space, rng)
            actor.took(executed)
        seen.append(observation)
        done.append(executed)
        wanted.append(asked)
        lengths += live
        observation, ended = simulator.step(executed)
        live = live & ~ended
        if not live.any():
            break
    return {
        "observations": np.stack(seen, 1),
        "actions": np.stack(done, 1),
        "expert": np.stack(wanted, 1),
        "lengths": lengths,
    }


def _acted(
    policy: Cloning, observation: np.ndarray, space: Space, rng: np.random.Generator
) -> np.ndarray:
    if not space.actions:
        return policy.act(observation)
    reached = policy.action_probabilities(observation).cumsum(axis=1)
    drawn = rng.random((len(reached), 1)) * reached[:, -1:]
    return (drawn >= reached[:, :-1]).sum(axis=1)


def _joined(old: Arrays, new: Arrays) -> Arrays:
    """Put episodes together, shorter records padded at their end."""
    steps = max(old["actions"].shape[1], new["actions"].shape[1])

    def padded(values: np.ndarray) -> np.ndarray:
        lacking = [(0, 0), (0, steps - values.shape[1]), *[(0, 0)] * (values.ndim - 2)]
        return np.pad(values, lacking)

    names = ("observations", "actions", "expert")
    found = {k: np.concatenate([padded(old[k]), padded(new[k])]) for k in names}
    return found | {"lengths": np.concatenate([old["lengths"], new["lengths"]])}
