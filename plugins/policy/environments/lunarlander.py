"""Lunar Lander whose keys are bound anew in each episode: only the expert knows how.

After Vuorio et al. 2022, "Deconfounded imitation learning", section 6: in each episode the keys
are bound by one of a few permutations, and now and then another key than the one pressed takes
effect. The expert is the heuristic that ships with gymnasium, pressing the right keys; it plays
against the same noise. Imitators see what they pressed, not what took effect.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from harness_plugins.policy.environments.copies import Copies, bare
from harness_plugins.policy.environments.protocol import Array, Bools, Knowledge, Step
from harness_plugins.policy.environments.seeds import CONTEXT, NOISE, uniforms

__all__ = ["ENGINES", "check", "heuristic", "knowledge", "make", "rule"]

_ID = "LunarLander-v3"
ENGINES = 4  # none, left, main, right
_LANDED = 200.0  # the return from which gymnasium calls an episode solved
Floats = NDArray[np.float64]


def check(bindings: Sequence[Sequence[int]], noise: float) -> None:
    """Refuse what is no parameter of this environment.

    Raises:
        ValueError: a binding is no permutation, or the noise no probability.
    """
    if not bindings or any(sorted(b) != list(range(ENGINES)) for b in bindings):
        raise ValueError(f"bindings must be permutations of 0…{ENGINES - 1}, got {bindings}")
    if not 0 <= noise <= 1:
        raise ValueError(f"noise={noise} is no probability")


def make(*, bindings: Sequence[Sequence[int]], noise: float) -> LunarLander:
    """Make the environment; see :class:`LunarLander`."""
    return LunarLander(bindings, noise)


def knowledge(*, bindings: Sequence[Sequence[int]], noise: float) -> Knowledge:
    """Return the expert's rule and the draw of the binding."""
    check(bindings, noise)
    most = len(bindings)

    def draw(rng: np.random.Generator, batch: int) -> NDArray[np.float32]:
        return rng.integers(most, size=(batch, 1)).astype(np.float32)

    return Knowledge(partial(rule, np.array(bindings)), draw)


class LunarLander:
    """The environment; see :class:`~.protocol.Environment`.

    Args:
        bindings: permutations; in an episode with binding b, key k fires engine ``b[k]``. The
            context is the number of the binding, each as likely as the others.
        noise: how often a key drawn from all four takes effect instead of the one pressed.
    """

    def __init__(self, bindings: Sequence[Sequence[int]], noise: float) -> None:
        import gymnasium

        check(bindings, noise)
        self._bindings, self._noise = np.array(bindings), noise
        self.observation = {"shape": [8], "dtype": "float32"}
        self.action = {"n": ENGINES}
        self.horizon = int(gymnasium.spec(_ID).max_episode_steps or 0)
        self.expert = partial(rule, self._bindings)
        self.context = np.zeros((0, 1), np.float32)
        self._copies = Copies(lambda _place: bare(_ID), self.observation, self.horizon)

    def reset(self, seeds: Sequence[int]) -> Array:
        """Draw a binding and all noise of each episode from its seed."""
        drawn = uniforms(seeds, CONTEXT, 1)[:, 0]
        self._binding = np.minimum(drawn * len(self._bindings), len(self._bindings) - 1)
        self._binding = self._binding.astype(np.int64)
        noise = uniforms(seeds, NOISE, 2 * self.horizon).reshape(len(seeds), 2, self.horizon)
        self._slips = noise[:, 0] < self._noise
        self._instead = (noise[:, 1] * ENGINES).astype(np.int64)
        self.context = self._binding[:, None].astype(np.float32)
        self._time = 0
        return self._copies.reset(seeds)

    def step(self, actions: NDArray[np.int64], live: Bools) -> Step:
        """Press keys."""
        slips, instead = self._slips[:, self._time], self._instead[:, self._time]
        keys = np.where(slips, instead, actions)
        self._time += 1
        return self._copies.step(self._bindings[self._binding, keys].tolist(), live)

    def success(self, returns: Floats, _lengths: Array, _terminated: Array) -> Bools:
        """Say which landings count as solved."""
        return returns >= _LANDED


def rule(bindings: NDArray[np.int64], observations: Array, contexts: Array) -> Floats:
    """Return the expert's choice of keys as probabilities (B, 4), all 0 or 1."""
    key_of = np.argsort(bindings, axis=1)  # [binding, engine]
    binding = np.asarray(contexts)[:, 0].astype(np.int64)
    return np.eye(ENGINES)[key_of[binding, heuristic(observations)]]


def heuristic(observations: Array, *, continuous: bool = False) -> Array:
    """Return what gymnasium's heuristic does, for many states at once.

    The same arithmetic in the same order and precision as
    ``gymnasium.envs.box2d.lunar_lander.heuristic``, so the same actions.

    Args:
        observations: (B, 8) float32.

    Returns:
        (B,) int64 engines, or (B, 2) float32 thrusts.
    """
    x, y, x_rate, y_rate, angle, angle_rate, left, right = np.asarray(observations, np.float32).T
    target = np.minimum(np.maximum(x * 0.5 + x_rate, -0.4), 0.4)
    falling = y_rate * 0.5
    touches = left + right > 0
    turn = np.where(touches, np.float32(0), (target - angle) * 0.5 - angle_rate)
    hover = np.where(touches, -falling, (0.55 * np.abs(x) - y) * 0.5 - falling)
    if continuous:
        return np.clip(np.stack([hover * 20 - 1, -turn * 20], axis=1), -1, 1)
    sideways = np.where(turn < -0.05, 3, turn > 0.05)
    return np.where((hover > np.abs(turn)) & (hover > 0.05), 2, sideways)
