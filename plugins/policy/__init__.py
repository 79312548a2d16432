"""The policy family: imitation of experts that may know more than their imitators."""

from __future__ import annotations

from collections.abc import Iterable

from harness import spec
from harness.cost.stages import cost_stage, device_stage, pair_stage
from harness.hookspecs import hookimpl
from harness_plugins import cost
from harness_plugins.policy.derived import DERIVED
from harness_plugins.policy.environments import DATASETS
from harness_plugins.policy.metrics import METRICS
from harness_suites import shipped

__all__ = [
    "harness_datasets",
    "harness_derived",
    "harness_families",
    "harness_metrics",
    "harness_suites",
]

_HERE = "harness_plugins.policy"
_STAGES = (
    spec.Stage(
        name="demonstrate",
        run=f"{_HERE}.stages:demonstrate",
        inputs=("episodes",),
        outputs=(
            spec.Artifact("demonstrations", "arrays"),
            spec.Artifact("heldout", "arrays"),
            spec.Artifact("contexts", "arrays"),
            spec.Artifact("environment", "json"),
        ),
        per=(),
        model=False,
    ),
    spec.Stage(
        name="fit",
        run=f"{_HERE}.stages:fit",
        inputs=("demonstrations", "environment"),
        outputs=(spec.Artifact("checkpoint"), spec.Artifact("information", "json")),
        per=("seed",),
        privileged=("contexts",),
        plain=True,
    ),
    spec.Stage(
        name="rollout",
        run=f"{_HERE}.stages:rollout",
        inputs=("checkpoint", "episodes"),
        outputs=(spec.Artifact("trajectories", "arrays"),),
        per=("item", "seed"),
        privileged=("contexts",),
    ),
    spec.Stage(
        name="replay",
        run=f"{_HERE}.stages:replay",
        inputs=("checkpoint", "heldout", "environment"),
        outputs=(spec.Artifact("replayed", "arrays"),),
        per=("seed",),
        privileged=("contexts",),
    ),
    cost_stage(("checkpoint", "demonstrations"), run=f"{_HERE}.stages:cost"),
    device_stage(("checkpoint", "demonstrations"), run=f"{_HERE}.stages:device"),
    pair_stage(("checkpoint", "demonstrations"), run=f"{_HERE}.stages:pair"),
)


@hookimpl
def harness_families() -> Iterable[spec.Family]:
    """Declare the policy family."""
    return [
        spec.Family(
            name="policy",
            summary="imitation: act as an expert did, who may have known more",
            interface=f"{_HERE}.interface:Policy",
            calibration=f"{_HERE}.stages:calibration",
            tasks=(
                spec.Task(
                    name="imitation",
                    item="episodes",
                    accepts="episodes",
                    stages=_STAGES,
                    summary="learn from demonstrations, then act in episodes with fixed seeds",
                ),
            ),
            panels=(
                spec.SeriesPanel(
                    title="Return over time",
                    inputs=("trajectories",),
                    compute=f"{_HERE}.metrics.series:cumulative_return",
                    x="step",
                    y="return so far",
                ),
                spec.SeriesPanel(
                    title="Regret over time",
                    inputs=("trajectories",),
                    compute=f"{_HERE}.metrics.series:cumulative_regret",
                    x="step",
                    y="regret so far",
                ),
                spec.ProfilePanel(title="Performance profile", metric="episode_return"),
                *cost.fronts("normalised_return"),
                *cost.PANELS,
            ),
        )
    ]


@hookimpl
def harness_datasets() -> Iterable[spec.Dataset]:
    """Declare the environments: what is evaluated on are blocks of their episodes."""
    return DATASETS


@hookimpl
def harness_metrics() -> Iterable[spec.Metric]:
    """Declare the metrics of behaviour."""
    return METRICS


@hookimpl
def harness_derived() -> Iterable[spec.Derived]:
    """Declare the scores that are computed on a board."""
    return DERIVED


@hookimpl
def harness_suites() -> Iterable[spec.SuiteFile]:
    """Declare the suites of this family."""
    return shipped("policy-quick", "policy-confounded")
