"""Numbers of each episode of a block: float64 (E,), NaN where an episode has none.

``trajectories`` and ``replayed`` are the dicts of arrays that
:mod:`harness_plugins.policy.stages` describes. What cannot be told of an environment or a policy
raises ``Lacking``: the score is skipped, with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from harness_plugins.policy.interface import Lacking

__all__ = [
    "action_repeats",
    "best_action_probability",
    "context_index",
    "episode_length",
    "episode_return",
    "expert_nll",
    "kl_interventional",
    "regret",
    "success",
]

Floats = NDArray[np.float64]
Trajectories = Mapping[str, np.ndarray]
Metric = Callable[[Trajectories], Floats]

_TINY = 1e-12  # a probability of zero is one that was not worth a bit in forty


def episode_return() -> Metric:
    """Sum the rewards of an episode, undiscounted."""
    return lambda t: np.nansum(t["rewards"], axis=1)


def episode_length() -> Metric:
    """Count the steps of an episode."""
    return lambda t: np.asarray(t["lengths"], np.float64)


def success() -> Metric:
    """Say whether an episode succeeded, as the environment defines it: 0 or 1."""
    return lambda t: np.asarray(
        _needed(t, "success", "the environment does not say what success is"), np.float64
    )


def regret() -> Metric:
    """Sum what was lost against the best action, in expected reward."""
    return lambda t: np.nansum(
        _needed(t, "regret", "the best action's expected reward is not known here"), axis=1
    )


def best_action_probability() -> Metric:
    """Average, over steps, the probability given to the best action in the episode's context."""

    def measure(t: Trajectories) -> Floats:
        best = _needed(t, "best_actions", "the best action is not known here").astype(np.int64)
        given = _needed(t, "probabilities", "the policy gives no action probabilities")
        there = _there(t)
        taken = np.take_along_axis(given, np.where(there, best, 0)[..., None], axis=2)[..., 0]
        return _mean_over_steps(taken, there)

    return measure


def kl_interventional() -> Metric:
    """Average KL(interventional ‖ policy) over the steps of the policy's own history, in nats."""

    def measure(t: Trajectories) -> Floats:
        exact = _needed(
            t, "interventional", "the exact interventional policy is not known here"
        ).astype(np.float64)
        given = _needed(t, "probabilities", "the policy gives no action probabilities")
        there = _there(t)
        p = np.where(there[..., None], exact, 1.0)
        q = np.where(there[..., None], given, 1.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            terms = np.where(p > 0, p * np.log(p / np.maximum(q, _TINY)), 0.0)
        return np.maximum(_mean_over_steps(terms.sum(axis=2), there), 0.0)

    return measure


def action_repeats() -> Metric:
    """Return the share of steps, from the second on, that repeat the action before them."""

    def measure(t: Trajectories) -> Floats:
        actions = t["actions"]
        if actions.ndim != 2 or not np.issubdtype(actions.dtype, np.integer):
            raise Lacking("actions are continuous: none is ever repeated")
        return _mean_over_steps(actions[:, 1:] == actions[:, :-1], _there(t)[:, 1:])

    return measure


def context_index() -> Metric:
    """Return the number of an episode's context, where contexts are whole numbers."""

    def measure(t: Trajectories) -> Floats:
        context = np.asarray(t["context"], np.float64).reshape(len(t["lengths"]), -1)
        if context.shape[1] != 1 or not np.array_equal(context, np.round(context)):
            raise Lacking("contexts are not finitely many")
        return context[:, 0]

    return measure


def expert_nll() -> Callable[[Trajectories], Floats]:
    """Average −log p of the expert's actions over the steps of held-out demonstrations."""
    return lambda r: _mean_over_steps(-r["log_prob"], ~np.isnan(r["log_prob"]))


def _needed(t: Trajectories, name: str, reason: str) -> np.ndarray:
    if name not in t:
        raise Lacking(reason)
    return t[name]


def _there(t: Trajectories) -> NDArray[np.bool_]:
    """Return (E, T): whether an episode had this step."""
    return np.arange(t["actions"].shape[1]) < np.asarray(t["lengths"])[:, None]


def _mean_over_steps(values: np.ndarray, there: NDArray[np.bool_]) -> Floats:
    count = there.sum(axis=1)
    total = np.where(there, values, 0.0).sum(axis=1, dtype=np.float64)
    return np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0)
