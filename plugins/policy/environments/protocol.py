"""What the stages ask of an environment: many episodes at once, each from its own seed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Array", "Bools", "Environment", "Knowledge", "Rule", "Step"]

Array = NDArray[Any]
Bools = NDArray[np.bool_]

Rule = Callable[[Array, Array], Array]
"""An expert: observations (B, ...) and contexts (B, c) float32 to probabilities (B, A) float64
where actions are discrete, and to the actions (B, a) float32 themselves where they are not."""


class Knowledge(NamedTuple):
    """What is known of an environment without playing it, for experts and references.

    Attributes:
        rule: the expert; None where there is none.
        draw: ``draw(rng, batch) -> (B, c) float32``: contexts as episodes draw them.
        tables: a ``tabular.Tables`` where the environment is given by tables, else None.
    """

    rule: Rule | None
    draw: Callable[[np.random.Generator, int], Array]
    tables: Any = None


class Step(NamedTuple):
    """What a step brings: ``observations`` (B, ...), ``rewards`` (B,) float64, and which episodes
    ended: ``terminated`` by the task itself, ``truncated`` by its time limit, (B,) bool.
    """

    observations: Array
    rewards: NDArray[np.float64]
    terminated: Bools
    truncated: Bools


class Environment(Protocol):
    """B copies of an environment, one episode each: nothing resets by itself.

    All that happens in an episode follows from its seed and the actions, never from the other
    episodes of the batch.

    Optional, where it is known, of whole trajectories with ``observations`` (E, T, ...),
    ``actions`` (E, T, ...) and ``context`` (E, c); what stands after the end means nothing:

    - ``regret(observations, actions, context) -> (E, T) float64``: what the expert expects to
      collect from each step to the horizon, less what it expects if it takes over after the
      action; its sum over an episode is in expectation the expert's return less the policy's
      (the performance difference lemma: Kakade and Langford 2002);
    - ``interventional(observations, actions) -> (E, T, A) float64``: the exact interventional
      policy at each step, given what came before it;
    - ``success(returns, lengths, terminated) -> (E,) bool``.

    Attributes:
        observation: ``{"shape": [...], "dtype": name}``, with ``n`` where it is one of n.
        action: ``{"n": A}``, or ``{"shape": [a], "low": [...], "high": [...]}``.
        horizon: T, the most steps of an episode.
        context: (B, c) float32, what the expert alone knows of the present episodes.
        expert: its rule; None where nobody knows what to do.
    """

    observation: Mapping[str, Any]
    action: Mapping[str, Any]
    horizon: int
    context: NDArray[np.float32]
    expert: Rule | None

    def reset(self, seeds: Sequence[int]) -> Array:
        """Begin one episode for each seed; return the first observations (B, ...)."""
        ...

    def step(self, actions: Array, live: Bools) -> Step:
        """Act once in the episodes that are ``live``.

        The others keep their last observation, earn 0 and end no more.
        """
        ...
