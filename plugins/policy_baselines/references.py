"""Policies that learn nothing: what every number on the board is to be read against."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from harness_plugins.policy.environments.registry import knowledge
from harness_plugins.policy.environments.tabular import Belief
from harness_plugins.policy.interface import Lacking

__all__ = ["Exact", "Expert", "FixedGuess", "NoOp", "NotPrivilegedError", "Random"]

Array = np.ndarray


class NotPrivilegedError(ValueError):
    """A row asks for the context, and the suite does not allow it."""

    outcome = "invalid"

    def __init__(self) -> None:
        super().__init__("the expert sees the context: say 'privileged: true' for this row")


class _Reference:
    """A policy whose checkpoint is what it was told of the environment."""

    environment: Mapping[str, Any]

    def fit(
        self, _demonstrations: Mapping[str, Array], environment: Mapping[str, Any], *_: int
    ) -> bytes:
        """Keep what is known of the environment; look at no demonstration."""
        return json.dumps(environment, sort_keys=True).encode()

    def load(self, checkpoint: bytes) -> None:
        """Read what is known of the environment."""
        self.environment = json.loads(checkpoint)

    @property
    def actions(self) -> int:
        """Number of discrete actions; 0 where they are continuous."""
        return int(self.environment["action"].get("n") or 0)


class Random(_Reference):
    """Draws actions uniformly: the lower end of every scale."""

    def reset(self, batch: int, rng: np.random.Generator) -> None:
        """Begin anew."""
        self._batch, self._rng = batch, rng

    def action_probabilities(self, _observation: Array) -> Array:
        """Return the same probability for each action: (B, A)."""
        return np.full((self._batch, self.actions), 1 / self.actions)

    def act(self, _observation: Array) -> Array:
        """Return actions between their bounds: (B, a)."""
        space = self.environment["action"]
        shape = (self._batch, *space["shape"])
        return self._rng.uniform(space["low"], space["high"], shape).astype(np.float32)


class NoOp(_Reference):
    """Does nothing: one discrete action always, or zero.

    Args:
        action: the discrete action that is nothing.
    """

    def __init__(self, action: int) -> None:
        self._action = action

    def reset(self, batch: int, _rng: np.random.Generator) -> None:
        """Begin anew."""
        self._batch = batch

    def act(self, _observation: Array) -> Array:
        """Return nothing: (B,) or (B, a)."""
        if self.actions:
            return np.full(self._batch, self._action, np.int64)
        return np.zeros((self._batch, *self.environment["action"]["shape"]), np.float32)


class Expert(_Reference):
    """The expert, who knows the context of each episode; its row is privileged."""

    def load(self, checkpoint: bytes) -> None:
        """Find the rule by which the environment's expert acts.

        Raises:
            Lacking: the environment has no expert.
        """
        super().load(checkpoint)
        known = knowledge(self.environment)
        if known.rule is None:
            raise Lacking("this environment has no expert")
        self._rule, self._draw = known.rule, known.draw

    def reset(self, _batch: int, _rng: np.random.Generator, context: Array | None = None) -> None:
        """Learn the contexts.

        Raises:
            NotPrivilegedError: there are none.
        """
        if context is None:
            raise NotPrivilegedError
        self._context = context

    def action_probabilities(self, observation: Array) -> Array:
        """Return the expert's probabilities: (B, A)."""
        return self._rule(observation, self._context)

    def act(self, observation: Array) -> Array:
        """Return the expert's continuous actions: (B, a)."""
        return self._rule(observation, self._context)


class FixedGuess(Expert):
    """Guesses a context at first, and acts as an expert would in it: the limit of delusion."""

    def reset(self, batch: int, rng: np.random.Generator) -> None:  # type: ignore[override]
        """Guess a context for each episode, as episodes draw them."""
        self._context = self._draw(rng, batch)


class Exact(_Reference):
    """The exact policy of an imitator in a world given by tables.

    Args:
        conditional: take the actions taken as evidence, as if the expert had chosen them.
    """

    def __init__(self, conditional: bool) -> None:
        self._conditional = conditional

    def reset(self, batch: int, _rng: np.random.Generator) -> None:
        """Believe the prior.

        Raises:
            Lacking: the world is not given by tables.
        """
        tables = knowledge(self.environment).tables
        if tables is None:
            raise Lacking("the exact policy is known only where the world is given by tables")
        self._belief = Belief(tables, batch, conditional=self._conditional)

    def action_probabilities(self, observation: Array) -> Array:
        """Return the expert's probabilities, averaged over the belief: (B, A)."""
        self._belief.observe(observation)
        return self._belief.probabilities()

    def took(self, actions: Array) -> None:
        """Learn what was done."""
        self._belief.took(actions)
