"""Metrics of behaviour: of each episode, and of what a method was told."""

from __future__ import annotations

from harness import spec

__all__ = ["METRICS"]

_HERE = "harness_plugins.policy.metrics"
_INFINITE = float("inf")


def _episode(name: str, signature: str, summary: str, **more: object) -> spec.Metric:
    """Declare a metric of each episode, read from its trajectory."""
    return spec.Metric(
        **{
            "name": name,
            "factory": f"{_HERE}.episodes:{name}",
            "inputs": ("trajectories",),
            "signature": signature,
            "per": "element",
            "summary": summary,
            "better": "none",
            **more,
        }
    )


def _returns(name: str, aggregate: str, summary: str) -> spec.Metric:
    return _episode(
        name,
        f"return|undiscounted|{aggregate} of episodes|v1",
        summary,
        factory=f"{_HERE}.episodes:episode_return",
        aggregate=f"{_HERE}.aggregates:{aggregate}",
        better="higher",
        digits=2,
    )


def _told(name: str, summary: str, digits: int = 0) -> spec.Metric:
    """Declare what a method was told or allowed while it learned."""
    return spec.Metric(
        name=name,
        factory=f"{_HERE}.information:{name}",
        inputs=("information",),
        signature=f"{name}|counted|v1",
        better="lower",
        range=(0, _INFINITE),
        digits=digits,
        summary=summary,
    )


METRICS: tuple[spec.Metric, ...] = (
    _episode(
        "episode_return",
        "return|undiscounted|mean of episodes|v1",
        "sum of rewards of an episode; the mean over episodes",
        better="higher",
        digits=2,
    ),
    _returns("return_median", "median", "median over episodes of the sum of rewards"),
    _returns("return_iqm", "iqm", "interquartile mean over episodes of the sum of rewards"),
    _returns("return_cvar10", "cvar10", "mean of the worst tenth of episodes' sums of rewards"),
    _episode(
        "episode_length", "length|steps|v1", "steps until an episode ended or was cut", digits=0
    ),
    _episode(
        "success",
        "success|as the environment says|v1",
        "share of episodes that succeed",
        better="higher",
        range=(0, 1),
    ),
    _episode(
        "regret",
        "regret|expected reward of the best action less that of the chosen one|sum|v1",
        "expected reward lost against the best action, summed over an episode",
        better="lower",
        digits=2,
    ),
    _episode(
        "best_action_probability",
        "probability of the best action|mean over steps|v1",
        "probability that the policy gives to the best action in its context",
        better="higher",
        range=(0, 1),
    ),
    _episode(
        "kl_interventional",
        "kl(exact interventional || policy)|nats|on the policy's own histories|mean over steps|v1",
        "divergence from the exact interventional policy, on the policy's own histories",
        better="lower",
        unit="nat",
        range=(0, _INFINITE),
        digits=4,
    ),
    _episode(
        "action_repeats",
        "share of steps that repeat the last action|v1",
        "how often an action is the one before it: high where a policy latches",
        range=(0, 1),
    ),
    _episode(
        "context_index",
        "context of the episode|v1",
        "which context an episode had, where there are finitely many",
        digits=0,
    ),
    spec.Metric(
        name="expert_nll",
        factory=f"{_HERE}.episodes:expert_nll",
        inputs=("replayed",),
        signature="-log p(expert's action | expert's history)|nats|mean over steps|v1",
        per="element",
        better="lower",
        unit="nat",
        digits=4,
        summary="offline: how well the expert's actions are predicted on the expert's histories",
    ),
    _told("expert_queries", "actions asked of the expert while learning, besides demonstrations"),
    _told("simulator_steps", "steps taken in the environment while learning"),
    _told("demonstrations_seen", "demonstrated episodes given to learn from"),
    _told("sees_context", "1 where the row sees the context that only the expert knows"),
)
