"""Downstream use: what generated pictures are worth to a detector that has few of one class."""

from __future__ import annotations

from harness import spec
from harness.cost.stages import cost_stage, device_stage, pair_stage
from harness_plugins import cost

__all__ = ["DATASETS", "METRICS", "PANELS", "SUITES", "TASKS"]

_HERE = "harness_plugins.generative.downstream"
_IMAGES = "harness_plugins.generative.text_to_image.stages"
_SAMPLES = "harness_plugins.generative.samples:Samples"
_LEARNED = ("checkpoint", "adapted", "prompts")
_NEEDS = ("torch", "safetensors")
_SEEDS: tuple[spec.Axis, ...] = ("item", "seed")
_SAMPLED: tuple[spec.Axis, ...] = ("point", "item", "seed")


def _step(
    name: str, inputs: tuple[str, ...], *outputs: spec.Artifact, per: tuple[spec.Axis, ...]
) -> spec.Stage:
    """Declare a step of the protocol."""
    return spec.Stage(
        name=name,
        run=f"{_HERE}.stages:{name}",
        inputs=inputs,
        outputs=outputs,
        per=per,
        model=False,
        requires=_NEEDS if name.startswith(("train", "detect")) else (),
    )


TASK = spec.Task(
    name="downstream",
    item="problem",
    accepts="rare_class",
    stages=(
        _step(
            "draw",
            ("problem",),
            spec.Artifact("real", "arrays"),
            spec.Artifact("training", "arrays"),
            spec.Artifact("prompts", f"{_HERE}.stages:PromptsFile"),
            spec.Artifact("test", "arrays"),
            spec.Artifact("truth", "arrays"),
            per=("item",),
        ),
        spec.Stage(
            name="fit",
            run=f"{_IMAGES}:fit",
            inputs=("training",),
            outputs=(spec.Artifact("checkpoint"),),
            per=_SEEDS,
            plain=True,
        ),
        spec.Stage(
            name="adapt",
            run=f"{_IMAGES}:adapt",
            inputs=("training", "checkpoint"),
            outputs=(spec.Artifact("adapted"),),
            per=_SEEDS,
        ),
        spec.Stage(
            name="generate",
            run=f"{_IMAGES}:generate",
            inputs=_LEARNED,
            outputs=(spec.Artifact("samples", _SAMPLES),),
            per=_SAMPLED,
        ),
        spec.Stage(
            name="verdicts",
            run=f"{_IMAGES}:verdicts",
            inputs=("samples",),
            outputs=(spec.Artifact("verdicts", "json"),),
            per=_SAMPLED,
            model=False,
        ),
        _step("train_real", ("real",), spec.Artifact("detector_real"), per=_SEEDS),
        _step(
            "train_augmented",
            ("real", "samples"),
            spec.Artifact("detector_augmented"),
            per=_SAMPLED,
        ),
        _step(
            "detect_real",
            ("detector_real", "test"),
            spec.Artifact("found_real", "arrays"),
            per=_SEEDS,
        ),
        _step(
            "detect_augmented",
            ("detector_augmented", "test"),
            spec.Artifact("found_augmented", "arrays"),
            per=_SAMPLED,
        ),
        cost_stage(_LEARNED, run=f"{_IMAGES}:cost"),
        device_stage(_LEARNED, run=f"{_IMAGES}:device"),
        pair_stage(_LEARNED, run=f"{_IMAGES}:pair"),
    ),
    summary="a detector trained on real pictures, and on real and generated ones: the difference",
)

DATASETS: tuple[spec.Dataset, ...] = (
    spec.Dataset(
        name="rare_shapes",
        provides="rare_class",
        index=f"{_HERE}.problems:index",
        load=f"{_HERE}.problems:load",
        params={
            "rare": ["plus"],
            "common": 40,
            "few": 2,
            "filled": 48,
            "scenes": 300,
            "steps": 300,
            "pool": 0,
            "budget": 6400,
            "seed": 0,
        },
        licence="Apache-2.0",
        summary="scenes of four shapes, one of which has few pictures to learn from; no download",
    ),
)


def _ap(name: str, what: str, inputs: tuple[str, ...], summary: str) -> tuple[spec.Metric, ...]:
    """Declare a score over all classes and of the rare one."""
    return tuple(
        spec.Metric(
            name=f"{score}_{name}",
            factory=f"{_HERE}.metrics:{what}",
            params={"rare": rare},
            inputs=("truth", *inputs),
            signature=f"{score}|{name}|IoU 0.5|101 recalls|detector v1|v1",
            per="set",
            better="higher",
            unit="%",
            range=(-100.0 if what == "ap_gain" else 0.0, 100.0),
            digits=1,
            summary=f"{'AP of the rare class' if rare else 'mean AP of all classes'}, {summary}",
        )
        for score, rare in (("map50", False), ("ap50_rare", True))
    )


METRICS: tuple[spec.Metric, ...] = (
    *_ap("real", "ap", ("found_real",), "of a detector trained on real pictures"),
    *_ap("augmented", "ap", ("found_augmented",), "trained on real and generated pictures"),
    *_ap(
        "gain",
        "ap_gain",
        ("found_real", "found_augmented"),
        "with generated pictures less without: same scenes, same first weights",
    ),
)

PANELS: tuple[spec.Panel, ...] = (
    spec.FrontPanel(
        title="Right pictures and what they add", x="rule_accuracy", y="map50_gain", log_x=False
    ),
    spec.FrontPanel(title="Time and what it adds", x="generate_seconds", y="map50_gain"),
    spec.ComparePanel(
        title="Generated pictures, those of the rare class first",
        artifact="samples",
        match_on="map50_augmented",
        thumbnail="harness_plugins.generative.samples:thumbnail",
    ),
    *cost.fronts("map50_gain"),
)

SUITES: tuple[str, ...] = ("downstream-quick",)

TASKS = (TASK,)
