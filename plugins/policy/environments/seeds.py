"""Seeds of episodes, and the streams of random numbers that belong to one episode.

Every role has a range of seeds of its own, so what is evaluated on is never what was learned
from, and none depends on how many episodes another role has.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["CONTEXT", "EXPERT", "NOISE", "POLICY", "episode_seeds", "generator", "uniforms"]

_MOST = 10**6  # episodes of one role under one seed of the dataset, and such seeds
_ROLES = ("evaluation", "demonstrations", "heldout", "simulator")

# Purposes of the streams of an episode.
CONTEXT, NOISE, EXPERT, POLICY = range(4)


def episode_seeds(role: str, seed: int, count: int) -> list[int]:
    """Return the seeds of the first ``count`` episodes of a role.

    Args:
        role: ``evaluation`` (seed 0 gives 0, 1, 2, …), ``demonstrations``, ``heldout`` or
            ``simulator``.
        seed: the dataset's; for the simulator any that a method gives.

    Raises:
        ValueError: the seed or the count lies outside what keeps the roles apart.
    """
    place = _ROLES.index(role)
    last = place == len(_ROLES) - 1
    if seed < 0 or (seed >= _MOST and not last):
        raise ValueError(f"seed {seed} is not in 0…{_MOST - 1}")
    if not 0 <= count <= _MOST:
        raise ValueError(f"{count} episodes are not in 0…{_MOST}")
    first = place * _MOST**2 + seed * _MOST
    return list(range(first, first + count))


def generator(seed: int, purpose: int, *more: int) -> np.random.Generator:
    """Return the generator of an episode for one purpose; ``more`` parts it further."""
    return np.random.default_rng([seed, purpose, *more])


def uniforms(seeds: Sequence[int], purpose: int, count: int, *more: int) -> NDArray[np.float64]:
    """Return numbers in [0, 1), (B, count): a row for each episode, from its own generator."""
    drawn = np.empty((len(seeds), count))
    for row, seed in zip(drawn, seeds, strict=True):
        generator(seed, purpose, *more).random(out=row)
    return drawn
