"""Policies: cloning, deconfounded imitation, methods that ask, experts and references."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from harness import spec
from harness.hookspecs import hookimpl

__all__ = ["harness_models"]

_HERE = "harness_plugins.policy_baselines"
_DELUSIONS = (
    "Ortega et al., Shaking the foundations: delusions in sequence models for interaction and "
    "control, 2021"
)
_CLONING: Mapping[str, spec.Json] = {"width": 64, "transitions": 3_000_000, "greedy": False}


def _learned(name: str, factory: str, summary: str, paper: str, **params: spec.Json) -> spec.Model:
    return spec.Model(
        name=name,
        family="policy",
        factory=f"{_HERE}.{factory}",
        params=params,
        tags=("learned",),
        summary=summary,
        licence="Apache-2.0",
        paper=paper,
        requires=("torch",),
        extra="policy",
    )


def _reference(
    name: str, factory: str, summary: str, paper: str = "", **params: spec.Json
) -> spec.Model:
    return spec.Model(
        name=name,
        family="policy",
        factory=f"{_HERE}.references:{factory}",
        params=params,
        tags=("reference",),
        summary=summary,
        licence="Apache-2.0",
        paper=paper,
    )


@hookimpl
def harness_models() -> Iterable[spec.Model]:
    """Declare the models."""
    return [
        _learned(
            "bc",
            "cloning:Cloning",
            "behavioural cloning of what is seen now, without memory",
            "Pomerleau, ALVINN, NeurIPS 1988",
            memory=False,
            **_CLONING,
        ),
        _learned(
            "bc-recurrent",
            "cloning:Cloning",
            "behavioural cloning over its own history: takes its own actions as evidence",
            _DELUSIONS,
            memory=True,
            **_CLONING,
        ),
        _learned(
            "deconfounded",
            "deconfounded:Deconfounded",
            "believes what the world answers, not what it did; acts as the expert would",
            "Vuorio et al., Deconfounded imitation learning, 2022",
            latents=5,
            width=64,
            transitions=4_000_000,
            restarts=4,
            greedy=False,
        ),
        _learned(
            "dagger",
            "interactive:Dagger",
            "acts itself and asks the expert at every step",
            "Ross, Gordon and Bagnell, AISTATS 2011",
            memory=True,
            rounds=4,
            episodes=200,
            **_CLONING,
        ),
        _learned(
            "noise-injection",
            "interactive:NoiseInjection",
            "clones the expert while some of its actions are replaced by random ones",
            "Laskey et al., DART: noise injection for robust imitation learning, CoRL 2017",
            memory=True,
            episodes=500,
            noise=0.5,
            **_CLONING,
        ),
        _reference("expert", "Expert", "the expert, told the context: for privileged rows"),
        _reference("random", "Random", "uniformly random actions"),
        _reference("no-op", "NoOp", "does nothing", action=0),
        _reference(
            "fixed-guess", "FixedGuess", "guesses a context at first and acts as if it were so"
        ),
        _reference(
            "exact-interventional",
            "Exact",
            "the exact imitator that takes its actions as interventions",
            _DELUSIONS,
            conditional=False,
        ),
        _reference(
            "exact-conditional",
            "Exact",
            "the exact imitator that takes its own actions as evidence, deluded",
            _DELUSIONS,
            conditional=True,
        ),
    ]
