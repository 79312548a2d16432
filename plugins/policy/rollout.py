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
from harness_plugins.policy.interface import Policy

__all__ = ["Asked", "InvalidActionError", "Told", "as_actions", "as_probabilities", "play"]

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
    """

    def __init__(
        self, policy: Policy, environment: Environment, seeds: Sequence[int], seed: int
    ) -> None:
        self._policy, self._action, self._batch = policy, environment.action, len(seeds)
        self._draws = None
        if "n" in environment.action and hasattr(policy, "action_probabilities"):
            self._draws = uniforms(seeds, POLICY, environment.horizon, seed)

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
    environment: Environment,
    seeds: Sequence[int],
    player: Callable[[], Player],
    *,
    watch: bool = False,
) -> dict[str, Array]:
    """Play one episode for each seed.

    Args:
        player: makes the player once the environment was reset.
        watch: also record what only a judge may know: ``expert_actions`` and ``regret``.

    Returns:
        ``observations`` (E, T, ...), ``actions`` (E, T) or (E, T, a), ``rewards`` (E, T), NaN
        after the end, ``lengths``, ``terminated`` (E,), ``context`` (E, c), ``seeds`` (E,),
        ``final_observations`` (E, ...) after the last step; ``probabilities`` (E, T, A) where
        the player gives them. T is the horizon always.
    """
    observation = environment.reset(seeds)
    chosen = player()
    expert = Asked(environment, seeds) if watch and environment.expert is not None else None
    regret = getattr(environment, "regret", None) if watch else None
    batch, horizon = len(seeds), environment.horizon
    live = np.ones(batch, bool)
    lengths = np.zeros(batch, np.int64)
    terminated = np.zeros(batch, bool)
    kept = _Record(horizon)
    for time in range(horizon):
        actions, chances = chosen.act(time, observation.copy())
        kept.put("observations", time, live, observation)
        kept.put("actions", time, live, actions)
        if chances is not None:
            kept.put("probabilities", time, live, chances)
        if expert is not None:
            kept.put("expert_actions", time, live, expert.act(time, observation)[0])
        if regret is not None:
            kept.put("regret", time, live, regret(actions))
        step = environment.step(actions, live)
        chosen.took(actions.copy())
        kept.put("rewards", time, live, step.rewards)
        lengths += live
        terminated |= live & step.terminated
        observation = np.where(_rows(live, step.observations), step.observations, observation)
        live = live & ~(step.terminated | step.truncated)
        if not live.any():
            break
    return kept.arrays | {
        "lengths": lengths,
        "terminated": terminated,
        "final_observations": observation,
        "context": environment.context.copy(),
        "seeds": np.asarray(seeds, np.int64),
    }


class _Record:
    """Arrays (E, T, ...) that are filled step by step; nothing stands where nothing happened."""

    def __init__(self, horizon: int) -> None:
        self._horizon = horizon
        self.arrays: dict[str, Array] = {}

    def put(self, name: str, time: int, live: Bools, values: Array) -> None:
        if name not in self.arrays:
            shape = (len(values), self._horizon, *values.shape[1:])
            nothing = np.nan if values.dtype == np.float64 else 0
            self.arrays[name] = np.full(shape, nothing, values.dtype)
        self.arrays[name][live, time] = values[live]


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


def _rows(live: Bools, like: Array) -> Bools:
    return live.reshape(-1, *(1,) * (like.ndim - 1))
