"""What a model of the policy family does: learn to act from an expert's demonstrations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Diverged", "Expert", "Lacking", "Policy", "Simulator"]

Array = NDArray[Any]


class Policy(Protocol):
    """A policy that acts on a batch of episodes at once, one observation each.

    Its recurrent state is its own. What an expert alone knows (the *context* of an episode)
    reaches it only in a row that the suite calls ``privileged``: then :meth:`reset` is given
    ``context`` and :meth:`fit` is given ``contexts``, where they have such a parameter.

    Optional:

    - ``needs``: what ``fit`` uses besides demonstrations, of ``"simulator"`` and ``"expert"``;
      they come as keywords of these names, and every use of them is counted and shown;
    - ``action_probabilities(observation) -> (B, A)``: for discrete actions, instead of ``act``:
      the harness then draws the actions itself, each episode from its own generator;
    - ``took(actions)``: told after each step what was chosen (or, when a demonstration is
      replayed, what the expert chose), for policies that look back at actions. What noise of
      the environment makes of it is not told.
    """

    def fit(
        self,
        demonstrations: Mapping[str, Array],
        environment: Mapping[str, Any],
        seed: int,
        budget: int,
    ) -> bytes:
        """Learn, and return a checkpoint from which :meth:`load` makes the same policy.

        Args:
            demonstrations: ``observations`` (E, T, ...), ``actions`` (E, T) int64 or (E, T, a)
                float32, ``lengths`` (E,) int64: step t of episode e is there where
                t < lengths[e].
            environment: ``id``, ``params``, ``observation`` (``shape``, and ``n`` where it is
                discrete), ``action`` (``n``, or ``shape``, ``low``, ``high``), ``horizon`` T,
                ``versions``.
            seed: of everything random.
            budget: transitions that training may look at, repetitions counted.

        Raises:
            Diverged: the loss is no longer finite.
        """
        ...

    def load(self, checkpoint: bytes) -> None:
        """Become the policy that a checkpoint holds."""
        ...

    def reset(self, batch: int, rng: np.random.Generator) -> None:
        """Begin ``batch`` new episodes."""
        ...

    def act(self, observation: Array) -> Array:
        """Return actions for observations (B, ...): (B,) int64, or (B, a) float32.

        Nothing is rounded or clipped: what is out of bounds ends the node as ``invalid``. The
        batch keeps its size; an episode that has ended shows its last observation, and what is
        answered to it goes nowhere.
        """
        ...


class Simulator(Protocol):
    """The environment, for methods that interact with it while they learn. Steps are counted.

    It shows no reward and no context: what is learned there is how the world answers.
    """

    def reset(self, batch: int, seed: int) -> Array:
        """Begin ``batch`` episodes; return their first observations (B, ...)."""
        ...

    def step(self, actions: Array) -> tuple[Array, NDArray[np.bool_]]:
        """Act once in every episode; return observations and which episodes have ended."""
        ...


class Expert(Protocol):
    """The expert, asked what it would do now in the simulator's episodes. Queries are counted."""

    def act(self, which: Sequence[int] | None = None) -> Array:
        """Return its actions in the simulator's present states, of all or some episodes."""
        ...


class Diverged(ArithmeticError):  # noqa: N818 - an outcome, not a mistake
    """Training left the finite numbers."""

    outcome = "nonfinite"


class Lacking(Exception):  # noqa: N818 - an outcome, not a mistake
    """The policy cannot do what a stage asks for, or the environment has nothing to ask."""

    outcome = "skipped"
