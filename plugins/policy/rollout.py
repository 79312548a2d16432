"""Episodes played in a batch: one slot for each episode, one episode for each slot.

A slot whose episode has ended takes no more steps, and nothing after its end counts. Policies
see a batch of constant size all the same: an ended slot shows its last observation for ever,
and what is answered to it goes nowhere. So no episode is ever started because another ended
early, which would favour short ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from harness_plugins.policy.environments.protocol import Array, Environment
from harness_plugins.policy.environments.seeds import EXPERT, POLICY, uniforms
from harness_plugins.policy.environments.tabular import choose
from harness_plugins.policy.interface import Lacking, Policy

__all__ = [
    "Asked",
    "InvalidActionError",
    "Told",
    "as_actions",
    "as_probabilities",
    "blanked",
    "play",
]

Bools = NDArray[np.bool_]


class InvalidActionError(ValueError):
    """A policy gave something of another form, or outside the bounds, than the interface says."""

    outcome = "invalid"


class _NotFiniteError(ArithmeticError):
    """A policy gave actions or probabilities that are not finite."""

    outcome = "nonfinite"


class Player(Protocol):
    """What chooses actions: a policy, or an expert."""

    def act(self, time: int, observation: Array) -> tuple[Array, Array | None]:
        """Return actions, and the probabilities (B, A) they were drawn with, if any."""
        ...

    def took(self, actions: Array) -> None:
        """Learn which actions were taken."""
        ...


class Told:
    """A policy as a player: discrete actions are drawn here where it gives probabilities.

    Args:
        policy: after its ``reset``.
        environment: what it acts in.
        seeds: of the episodes.
        seed: of the training run, so that several runs draw different actions.

    Raises:
        Lacking: the policy cannot act here.
    """

    def __init__(
        self, policy: Policy, environment: Environment, seeds: Sequence[int], seed: int
    ) -> None:
        self._policy, self._action, self._batch = policy, environment.action, len(seeds)
        self._draws = None
        if "n" in environment.action and hasattr(policy, "action_probabilities"):
            self._draws = uniforms(seeds, POLICY, environment.horizon, seed)
        elif not hasattr(policy, "act"):
            raise Lacking("the model has no act(), and actions here are not discrete")

    def act(self, time: int, observation: Array) -> tuple[Array, Array | None]:
        """Ask the policy."""
        if self._draws is None:
            return as_actions(self._policy.act(observation), self._action, self._batch), None
        found = self._policy.action_probabilities(observation)  # type: ignore[attr-defined]
        chances = as_probabilities(found, self._batch, self._action["n"])
        return choose(chances, self._draws[:, time]), chances

    def took(self, actions: Array) -> None:
        """Tell the policy, if it wants to know."""
        if hasattr(self._policy, "took"):
            self._policy.took(actions)


class Asked:
    """The expert of an environment as a player; a random one draws from each episode's stream."""

    def __init__(self, environment: Environment, seeds: Sequence[int]) -> None:
        assert environment.expert is not None
        self._environment, self._rule = environment, environment.expert
        self._draws = None
        if "n" in environment.action:
            self._draws = uniforms(seeds, EXPERT, environment.horizon)

    def act(self, time: int, observation: Array) -> tuple[Array, None]:
        """Return what the expert does now: the same, however often it is asked."""
        found = self._rule(observation, self._environment.context)
        return (found if self._draws is None else choose(found, self._draws[:, time])), None

    def took(self, actions: Array) -> None:
        """Take note of nothing: experts act on what they see."""


def play(
    environment: Environment, seeds: Sequence[int], player: Callable[[], Player]
) -> dict[str, Array]:
    """Play one episode for each seed.

    Args:
        player: makes the player once the environment was reset.

    Returns:
        ``observations`` (E, T, ...), ``actions`` (E, T) or (E, T, a), ``rewards`` (E, T), NaN
        after the end, ``lengths``, ``terminated`` (E,), ``context`` (E, c), ``seeds`` (E,),
        ``final_observations`` (E, ...) after the last step; ``probabilities`` (E, T, A) where
        the player gives them. T is the horizon always.
    """
    observation = environment.reset(seeds)
    chosen = player()
    batch, horizon = len(seeds), environment.horizon
    live, ended = np.ones(batch, bool), np.zeros(batch, bool)
    lengths, terminated = np.zeros(batch, np.int64), np.zeros(batch, bool)
    kept: dict[str, Array] = {}  # by time first: one row is written at a time
    for time in range(horizon):
        actions, chances = chosen.act(time, observation.copy())
        step = environment.step(actions, live)
        now = {"observations": observation, "actions": actions, "rewards": step.rewards}
        if chances is not None:
            now["probabilities"] = chances
        for name, values in now.items():
            if name not in kept:
                kept[name] = np.zeros((horizon, *values.shape), values.dtype)
            kept[name][time] = values
        chosen.took(actions)
        lengths += live
        terminated |= live & step.terminated
        observation = step.observations
        ended |= step.terminated | step.truncated
        live = ~ended
        if not live.any():
            break
    over = np.arange(horizon) >= lengths[:, None]
    return {name: blanked(np.swapaxes(found, 0, 1), over) for name, found in kept.items()} | {
        "lengths": lengths,
        "terminated": terminated,
        "final_observations": observation,
        "context": environment.context.copy(),
        "seeds": np.asarray(seeds, np.int64),
    }


def blanked(values: Array, over: Bools) -> Array:
    """Return values (E, T, ...) with nothing where episodes are over: NaN in float64, else 0."""
    values = np.ascontiguousarray(values)
    values[over] = np.nan if values.dtype == np.float64 else 0
    return values


def as_actions(found: Any, action: Mapping[str, Any], batch: int) -> Array:
    """Return actions as int64 (B,) or float32 (B, a).

    Args:
        action: the environment's ``action``.

    Raises:
        InvalidActionError: another shape or kind of number, or outside the bounds; nothing is
            clipped or rounded here.
        ArithmeticError: NaN or infinity; the outcome is ``nonfinite``.
    """
    values = np.asarray(found)
    if "n" in action:
        if values.shape != (batch,) or values.dtype.kind not in "iu":
            raise InvalidActionError(f"{_form(values)} for actions, expected int64 ({batch},)")
        if values.size and not (values.min() >= 0 and values.max() < action["n"]):
            wrong = values[(values < 0) | (values >= action["n"])][0]
            raise InvalidActionError(f"action {wrong} is not in 0…{action['n'] - 1}")
        return values.astype(np.int64)
    shape = (batch, *action["shape"])
    if values.shape != shape or values.dtype.kind != "f":
        raise InvalidActionError(f"{_form(values)} for actions, expected float32 {shape}")
    if not np.isfinite(values).all():
        raise _NotFiniteError("actions that are not finite")
    values = values.astype(np.float32)
    low, high = (np.asarray(action[end], np.float32) for end in ("low", "high"))
    outside = (values < low) | (values > high)
    if outside.any():
        raise InvalidActionError(f"action {values[outside][0]:.6g} lies outside the bounds")
    return values


def as_probabilities(found: Any, batch: int, actions: int) -> NDArray[np.float64]:
    """Return probabilities (B, A) whose rows sum to 1.

    Raises:
        InvalidActionError: another shape, a negative number, or sums that differ from 1 by more
            than 1e-4.
        ArithmeticError: NaN or infinity; the outcome is ``nonfinite``.
    """
    values = np.asarray(found)
    if values.shape != (batch, actions) or values.dtype.kind != "f":
        expected = f"floats ({batch}, {actions})"
        raise InvalidActionError(f"{_form(values)} for action probabilities, expected {expected}")
    values = values.astype(np.float64)
    if not np.isfinite(values).all():
        raise _NotFiniteError("action probabilities that are not finite")
    sums = values.sum(axis=1, keepdims=True)
    if np.any(values < 0) or np.any(np.abs(sums - 1) > 1e-4):
        raise InvalidActionError("action probabilities that are negative or do not sum to 1")
    return values / sums


def _form(values: Array) -> str:
    return f"the policy gave {values.dtype} {values.shape}"
