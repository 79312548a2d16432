"""Confounded decision processes given by tables, and what can be computed of them exactly.

An episode has a latent that is drawn once and that the expert sees. An imitator that does not
see it must infer it, and may do so in two ways (Ortega et al. 2021, "Shaking the foundations:
delusions in sequence models for interaction and control"):

- *interventional*: its own actions say nothing about the latent, only how the world answers does;
- *conditional*: its own actions are taken as evidence too, as if the expert had chosen them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness_plugins.policy.environments.protocol import Knowledge, Rule, Step
from harness_plugins.policy.environments.seeds import CONTEXT, NOISE, generator

__all__ = ["Belief", "Tables", "Tabular", "choose", "policies"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """A finite process: Z latents, S states, which are the observations, and A actions.

    Attributes:
        prior: (Z,) of the latent.
        initial: (Z, S) of the first state.
        transition: (Z, S, A, S), of the next state.
        expert: (Z, S, A), the expert's probabilities.
        reward: (Z, S, A), what an action earns.
        horizon: T steps.
    """

    prior: Floats
    initial: Floats
    transition: Floats
    expert: Floats
    reward: Floats
    horizon: int

    def rule(self, observations: Any, contexts: Any) -> Floats:
        """Return the expert's probabilities (B, A) in states (B,), latents (B, 1) being known."""
        latents = np.asarray(contexts)[:, 0].astype(np.int64)
        return self.expert[latents, np.asarray(observations, np.int64)]

    def draw(self, rng: np.random.Generator, batch: int) -> NDArray[np.float32]:
        """Draw the latents (B, 1) of new episodes."""
        chances = np.tile(self.prior, (batch, 1))
        return choose(chances, rng.random(batch))[:, None].astype(np.float32)

    @property
    def knowledge(self) -> Knowledge:
        """All there is to know."""
        return Knowledge(self.rule, self.draw, self)

    def advantages(self) -> Floats:
        """Return V - Q of the expert, (T, Z, S, A): what an action costs against its own."""
        value = np.zeros(self.initial.shape)
        costs = np.empty((self.horizon, *self.reward.shape))
        for t in reversed(range(self.horizon)):
            action_values = self.reward + np.einsum("zsan,zn->zsa", self.transition, value)
            value = (self.expert * action_values).sum(axis=2)
            costs[t] = value[..., None] - action_values
        return costs


class Belief:
    """What is believed of the latent in B episodes while they go on.

    Args:
        conditional: whether the actions taken are evidence, as if the expert had chosen them.
    """

    def __init__(self, tables: Tables, batch: int, *, conditional: bool) -> None:
        self._tables, self._conditional = tables, conditional
        self._log = np.tile(_log(tables.prior), (batch, 1))
        self._before: tuple[Ints, Ints] | None = None
        self._state: Ints | None = None

    @property
    def posterior(self) -> Floats:
        """(B, Z), given all that was observed and taken so far."""
        weights = np.exp(self._log - self._log.max(axis=1, keepdims=True))
        return weights / weights.sum(axis=1, keepdims=True)

    def observe(self, observation: Any) -> None:
        """Learn the present states (B,); not twice before an action was taken."""
        state = np.asarray(observation, np.int64)
        if self._before is None:
            self._log += _log(self._tables.initial[:, state]).T
        else:
            was, action = self._before
            self._log += _log(self._tables.transition[:, was, action, state]).T
        self._state = state

    def probabilities(self) -> Floats:
        """Return the expert's probabilities (B, A), averaged over what the latent may be."""
        assert self._state is not None
        return np.einsum("bz,zba->ba", self.posterior, self._tables.expert[:, self._state])

    def took(self, actions: Any) -> None:
        """Learn the actions (B,) that were taken in the present states."""
        assert self._state is not None
        action = np.asarray(actions, np.int64)
        if self._conditional:
            self._log += _log(self._tables.expert[:, self._state, action]).T
        self._before = (self._state, action)


def policies(tables: Tables, observations: Any, actions: Any, *, conditional: bool) -> Floats:
    """Return the exact policy at each step of given histories, (E, T, A).

    Args:
        observations: (E, T) states.
        actions: (E, T); the policy at step t knows those before t.
        conditional: which of the two policies.
    """
    episodes, steps = np.shape(observations)
    belief = Belief(tables, episodes, conditional=conditional)
    found = np.empty((episodes, steps, tables.expert.shape[2]))
    for t in range(steps):
        belief.observe(observations[:, t])
        found[:, t] = belief.probabilities()
        belief.took(actions[:, t])
    return found


def choose(probabilities: Floats, uniform: Floats) -> Ints:
    """Return a choice (B,) for each row of probabilities (B, A), by numbers in [0, 1)."""
    reached = np.cumsum(probabilities, axis=1)
    return np.sum(uniform[:, None] * reached[:, -1:] >= reached[:, :-1], axis=1)


class Tabular:
    """An environment that follows tables; see :class:`~.protocol.Environment`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._costs = tables.advantages()
        states, actions = tables.expert.shape[1:]
        self.observation = {"shape": [], "dtype": "int64", "n": states}
        self.action = {"n": actions}
        self.horizon = tables.horizon
        self.expert: Rule = tables.rule
        self.context = np.empty((0, 1), np.float32)

    def reset(self, seeds: Sequence[int]) -> Ints:
        """Draw a latent and a first state for each seed."""
        first = np.stack([generator(seed, CONTEXT).random(2) for seed in seeds])
        self._noise = np.stack([generator(seed, NOISE).random(self.horizon) for seed in seeds])
        prior = np.tile(self._tables.prior, (len(seeds), 1))
        self._latent = choose(prior, first[:, 0])
        self._state = choose(self._tables.initial[self._latent], first[:, 1])
        self._time = 0
        self.context = self._latent[:, None].astype(np.float32)
        return self._state

    def step(self, actions: Ints, _live: Any) -> Step:
        """Move every episode on; all of them end at the horizon."""
        rewards = self._tables.reward[self._latent, self._state, actions]
        following = self._tables.transition[self._latent, self._state, actions]
        self._state = choose(following, self._noise[:, self._time])
        self._time += 1
        over = np.full(len(actions), self._time >= self.horizon)
        return Step(self._state, rewards, np.zeros_like(over), over)

    def regret(self, observations: Ints, actions: Ints, context: Any) -> Floats:
        """Return what each action cost, (E, T), against what the expert does."""
        times, latents = np.arange(self.horizon), context[:, 0].astype(np.int64)
        return self._costs[times, latents[:, None], observations, actions]

    def interventional(self, observations: Ints, actions: Ints) -> Floats:
        """Return the exact interventional policy, (E, T, A)."""
        return policies(self._tables, observations, actions, conditional=False)


def _log(probabilities: Floats) -> Floats:
    with np.errstate(divide="ignore"):
        return np.log(probabilities)
