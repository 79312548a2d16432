"""A confounded decision process small enough to know everything about it.

Places stand in a ring and the reward lies at one of them. Two actions move, one waits; which of
the two moves forward is the latent, that only the expert sees. The ground is slippery: an
action fails half of the time, and the place is then drawn from here and its two neighbours. So
a look at how the ring answers tells little about the latent and an action of the expert tells
much. An imitator that takes its own actions for the expert's believes what it did first, and
walks away from the reward with confidence.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness_plugins.policy.environments.protocol import Knowledge
from harness_plugins.policy.environments.tabular import Tables, Tabular, policies

__all__ = ["conditional", "interventional", "knowledge", "make", "tables"]

_DISCOUNT = 0.95  # of the expert's plan; the return itself is not discounted
Floats = NDArray[np.float64]


def make(**params: Any) -> Tabular:
    """Make the environment; parameters are those of :func:`tables`."""
    return Tabular(tables(**params))


def knowledge(**params: Any) -> Knowledge:
    """Return the expert's rule, the draw of the latent, and the tables."""
    return tables(**params).knowledge


def tables(
    *, places: int = 7, steps: int = 50, works: float = 0.5, blunders: float = 0.05
) -> Tables:
    """Return the process: 2 latents, S places, 3 actions.

    Args:
        places: S, in a ring; each step that begins at place 0 earns 1.
        steps: T.
        works: how often an action does what it should.
        blunders: how often the expert draws an action blindly instead of the best one.

    Raises:
        ValueError: fewer than three places, no step, or a probability that is 0, 1 or none.
    """
    if places < 3 or steps < 1:
        raise ValueError("the ring needs at least 3 places and 1 step")
    for name, value in (("works", works), ("blunders", blunders)):
        if not 0 < value < 1:
            raise ValueError(f"{name}={value} does not lie between 0 and 1")
    here = np.eye(places)
    slips = (here + np.roll(here, 1, axis=1) + np.roll(here, -1, axis=1)) / 3
    moves = [np.roll(here, 1, axis=1), np.roll(here, -1, axis=1), here]
    one = np.stack([works * move + (1 - works) * slips for move in moves], axis=1)
    transition = np.stack([one, one[:, [1, 0, 2]]])
    reward = np.zeros((2, places, 3))
    reward[:, 0] = 1
    best = _best(transition, reward)
    return Tables(
        prior=np.full(2, 0.5),
        initial=np.tile(np.append(0.0, np.full(places - 1, 1 / (places - 1))), (2, 1)),
        transition=transition,
        expert=(1 - blunders) * best + blunders / 3,
        reward=reward,
        horizon=steps,
    )


def interventional(observations: Any, actions: Any, **params: Any) -> Floats:
    """Return the exact interventional policy, (E, T, 3), on histories (E, T) of the ring."""
    return policies(tables(**params), observations, actions, conditional=False)


def conditional(observations: Any, actions: Any, **params: Any) -> Floats:
    """Return the exact conditional (deluded) policy, as :func:`interventional` does."""
    return policies(tables(**params), observations, actions, conditional=True)


def _best(transition: Floats, reward: Floats) -> Floats:
    """Return the best actions, (Z, S, A), ties shared, by value iteration to a fixed point."""
    value = np.zeros(reward.shape[:2])
    for _ in range(1000):
        worth = reward + _DISCOUNT * np.einsum("zsan,zn->zsa", transition, value)
        value = worth.max(axis=2)
    best = np.isclose(worth, value[..., None], rtol=0, atol=1e-9)
    return best / best.sum(axis=2, keepdims=True)
