"""The confounded bandit: an expert who knows the likely arm, and an imitator who does not.

Ortega et al. 2021 (section 4), in the form of Vuorio et al. 2022, "Deconfounded imitation
learning": the expert pulls the likely arm with probability 0.6 and each of the four others with
0.1; the arm pulled answers 1 with probability 0.75 if it is the likely one and 0.25 if not.

A reward is 1 where the likely arm is pulled, so the return over the horizon is the share of
such pulls times T; imitators are shown no rewards, only the answers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness_plugins.policy.environments.protocol import Knowledge
from harness_plugins.policy.environments.tabular import Tables, Tabular, policies

__all__ = ["conditional", "interventional", "knowledge", "make", "tables"]

Floats = NDArray[np.float64]


def make(**params: Any) -> Tabular:
    """Make the environment; parameters are those of :func:`tables`."""
    return Tabular(tables(**params))


def knowledge(**params: Any) -> Knowledge:
    """Return the expert's rule, the draw of the latent, and the tables."""
    return tables(**params).knowledge


def tables(
    *, arms: int = 5, steps: int = 100, likely: float = 0.6, hit: float = 0.75, miss: float = 0.25
) -> Tables:
    """Return the bandit as a process of three states: no answer yet, answer 0, answer 1.

    Args:
        arms: K; the latent is which of them is the likely one.
        steps: T pulls.
        likely: how often the expert pulls the likely arm; the others share the rest.
        hit, miss: how often the likely arm, and another, answers 1.

    Raises:
        ValueError: fewer than two arms or one step, or a probability that is 0, 1 or none.
    """
    if arms < 2 or steps < 1:
        raise ValueError("the bandit needs at least 2 arms and 1 step")
    for name, value in (("likely", likely), ("hit", hit), ("miss", miss)):
        if not 0 < value < 1:
            raise ValueError(f"{name}={value} does not lie between 0 and 1")
    same = np.eye(arms)
    chance = np.where(same > 0, hit, miss)  # [latent, arm]
    answers = np.stack([np.zeros_like(chance), 1 - chance, chance], axis=-1)
    chosen = np.where(same > 0, likely, (1 - likely) / (arms - 1))
    return Tables(
        prior=np.full(arms, 1 / arms),
        initial=np.tile([1.0, 0.0, 0.0], (arms, 1)),
        transition=np.repeat(answers[:, None], 3, axis=1),
        expert=np.repeat(chosen[:, None], 3, axis=1),
        reward=np.repeat(same[:, None], 3, axis=1),
        horizon=steps,
    )


def interventional(observations: Any, actions: Any, **params: Any) -> Floats:
    """Return the exact interventional policy, (E, T, K), on histories of the bandit.

    Args:
        observations: (E, T) int, as the environment gives them: 0 at first, then 1 + the answer
            to the pull before.
        actions: (E, T) int, the pulls.
        params: of :func:`tables`.
    """
    return policies(tables(**params), observations, actions, conditional=False)


def conditional(observations: Any, actions: Any, **params: Any) -> Floats:
    """Return the exact conditional (deluded) policy, as :func:`interventional` does."""
    return policies(tables(**params), observations, actions, conditional=True)
