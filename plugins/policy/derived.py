"""Scores of behaviour that need several rows or several metrics."""

from __future__ import annotations

from harness import spec

__all__ = ["DERIVED"]

_HERE = "harness_plugins.policy.comparisons"

DERIVED: tuple[spec.Derived, ...] = (
    spec.Derived(
        name="normalised_return",
        compute=f"{_HERE}:normalised_return",
        inputs=("episode_return",),
        better="higher",
        summary="mean return on a scale on which the expert has 1 and the random policy 0, "
        "measured on the same episodes",
        params={"expert": "expert", "random": "random"},
    ),
    spec.Derived(
        name="probability_of_improvement",
        compute=f"{_HERE}:probability_of_improvement",
        inputs=("episode_return",),
        better="higher",
        summary="probability that a training run of this row beats one of the anchor in an "
        "episode, ties one half: above 0.5 this row is the better one",
    ),
    spec.Derived(
        name="success_rate",
        compute=f"{_HERE}:success_rate",
        inputs=("success",),
        better="higher",
        summary="share of episodes that succeed, with Wilson's interval",
    ),
    spec.Derived(
        name="return_worst_context",
        compute=f"{_HERE}:return_worst_context",
        inputs=("episode_return", "context_index"),
        better="higher",
        summary="mean return in the context where it is lowest; the details have all contexts",
    ),
    spec.Derived(
        name="latching_gap",
        compute=f"{_HERE}:latching_gap",
        inputs=("action_repeats",),
        better="none",
        summary="how much more often an action is repeated than by the expert",
        params={"expert": "expert"},
    ),
)
