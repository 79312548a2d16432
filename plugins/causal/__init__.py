"""The causal family: variables and graphs learned from pairs before and after interventions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

from harness import spec
from harness.cost.stages import cost_stage, device_stage, pair_stage
from harness.hookspecs import hookimpl
from harness_plugins import cost
from harness_plugins.causal.datasets import DATASETS
from harness_plugins.causal.metrics import METRICS
from harness_suites import shipped

__all__ = ["harness_datasets", "harness_families", "harness_metrics", "harness_suites"]

_HERE = "harness_plugins.causal"
_RUN: Final = ("item", "seed")  # a problem is learned anew under each seed


def _stage(
    name: str,
    inputs: tuple[str, ...],
    *outputs: spec.Artifact,
    privileged: tuple[str, ...] = (),
    run: str | None = None,
    model: bool = True,
    requires: tuple[str, ...] = (),
    per: tuple[Literal["item", "seed"], ...] = _RUN,
    plain: bool = False,
) -> spec.Stage:
    return spec.Stage(
        name=name,
        run=run or f"{_HERE}.stages:{name}",
        inputs=inputs,
        outputs=outputs,
        per=per,
        privileged=privileged,
        model=model,
        requires=requires,
        plain=plain,
    )


_ALIGN = f"{_HERE}.metrics.alignment"
_STAGES = (
    _stage(
        "observe",
        ("problem",),
        spec.Artifact("train", "arrays"),
        spec.Artifact("train_truth", "arrays"),
        spec.Artifact("test", "arrays"),
        spec.Artifact("truth", "arrays"),
        model=False,
        per=("item",),
    ),
    _stage(
        "fit",
        ("train",),
        spec.Artifact("checkpoint"),
        privileged=("train_truth",),
        plain=True,
    ),
    _stage(
        "encode",
        ("checkpoint", "test"),
        spec.Artifact("codes", "arrays"),
        privileged=("truth",),
    ),
    _stage(
        "match",
        ("truth", "codes"),
        spec.Artifact("match", "arrays"),
        run=f"{_ALIGN}:match",
        model=False,
    ),
    _stage(
        "predict",
        ("truth", "codes"),
        spec.Artifact("predictability", "array"),
        run=f"{_ALIGN}:predict",
        model=False,
    ),
    _stage(
        "weigh",
        ("truth", "codes"),
        spec.Artifact("importance", "arrays"),
        run=f"{_HERE}.metrics.importance:weigh",
        model=False,
        requires=("lightgbm",),
    ),
    _stage(
        "weigh_reference",
        ("truth", "codes"),
        spec.Artifact("reference_importance", "arrays"),
        run=f"{_HERE}.metrics.importance:weigh_reference",
        model=False,
        requires=("scikit-learn",),
    ),
    _stage("graph", ("checkpoint",), spec.Artifact("adjacency", "array"), privileged=("truth",)),
    _stage(
        "infer",
        ("checkpoint", "test"),
        spec.Artifact("posterior", "array"),
        privileged=("truth",),
    ),
    _stage(
        "interventions",
        ("test", "truth", "codes", "match"),
        spec.Artifact("interventions", "arrays"),
        model=False,
    ),
    _stage("intervene", ("checkpoint", "interventions"), spec.Artifact("intervened", "array")),
    _stage("likelihood", ("checkpoint", "test"), spec.Artifact("log_prob", "array")),
    _stage("sample", ("checkpoint",), spec.Artifact("samples", "array")),
    cost_stage(("checkpoint", "test"), run=f"{_HERE}.stages:cost"),
    device_stage(("checkpoint", "test"), run=f"{_HERE}.stages:device"),
    pair_stage(("checkpoint", "test"), run=f"{_HERE}.stages:pair"),
)


@hookimpl
def harness_families() -> Iterable[spec.Family]:
    """Declare the causal family."""
    return [
        spec.Family(
            name="causal",
            summary="causal variables and their graph from pairs before and after interventions",
            interface=f"{_HERE}.interface:CausalModel",
            calibration=f"{_HERE}.stages:calibration",
            tasks=(
                spec.Task(
                    name="pairs",
                    item="problem",
                    accepts="causal_pairs",
                    stages=_STAGES,
                    summary="learn from pairs without labels; judged against the truth they hide",
                ),
            ),
            panels=(
                spec.MatrixPanel(
                    title="Graphs, recovered and true",
                    inputs=("truth", "adjacency", "match"),
                    compute=f"{_ALIGN}:graphs",
                    style="graph",
                ),
                spec.MatrixPanel(
                    title="R² of each true variable from each latent",
                    inputs=("predictability", "match"),
                    compute=f"{_ALIGN}:heat",
                    rows="true variable",
                    columns="latent",
                ),
                *cost.fronts("dci_disentanglement"),
                *cost.PANELS,
            ),
        )
    ]


@hookimpl
def harness_datasets() -> Iterable[spec.Dataset]:
    """Declare generated and published problems."""
    return DATASETS


@hookimpl
def harness_metrics() -> Iterable[spec.Metric]:
    """Declare the metrics of identifiability."""
    return METRICS


@hookimpl
def harness_suites() -> Iterable[spec.SuiteFile]:
    """Declare the suites of this family."""
    return shipped("causal-quick", "causal-assumptions", "causal-circuit")
