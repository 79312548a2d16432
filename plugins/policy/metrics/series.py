"""Series over time that the board draws: (E, T) for a block, NaN where an episode has ended."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from harness_plugins.policy.interface import Lacking

__all__ = ["cumulative_regret", "cumulative_return"]

Floats = NDArray[np.float64]


def cumulative_return(trajectories: Mapping[str, np.ndarray]) -> Floats:
    """Return the sum of rewards so far; an episode that has ended keeps what it had."""
    return np.cumsum(np.nan_to_num(trajectories["rewards"], nan=0.0), axis=1)


def cumulative_regret(trajectories: Mapping[str, np.ndarray]) -> Floats:
    """Return the regret so far.

    Raises:
        Lacking: the environment does not know it.
    """
    if "regret" not in trajectories:
        raise Lacking("the best action's expected reward is not known here")
    return np.cumsum(np.nan_to_num(trajectories["regret"], nan=0.0), axis=1)
