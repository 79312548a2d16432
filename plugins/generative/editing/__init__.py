"""Video editing: a video changed as a text says, by inverting it and sampling with other words."""

from __future__ import annotations

from harness import spec
from harness.cost.stages import cost_stage, device_stage, pair_stage
from harness_plugins import cost
from harness_plugins.generative.metrics import edit_metrics, pair_metrics, video_metrics

__all__ = ["DATASETS", "DERIVED", "METRICS", "PANELS", "SUITES", "TASKS"]

_HERE = "harness_plugins.generative.editing"
_SAMPLES = "harness_plugins.generative.samples:Samples"
_RUN = ("checkpoint", "request")
_EACH: tuple[spec.Axis, ...] = ("point", "item", "seed")


def _stage(
    name: str,
    inputs: tuple[str, ...],
    *outputs: spec.Artifact,
    per: tuple[spec.Axis, ...],
    model: bool = True,
    aside: bool = False,
) -> spec.Stage:
    return spec.Stage(
        name=name,
        run=f"{_HERE}.stages:{name}",
        inputs=inputs,
        outputs=outputs,
        per=per,
        model=model,
        aside=aside,
    )


TASK = spec.Task(
    name="video-editing",
    item="edits",
    accepts="video_edits",
    stages=(
        _stage(
            "show",
            ("edits",),
            spec.Artifact("request", "arrays"),
            spec.Artifact("source", _SAMPLES),
            spec.Artifact("lesson", "json"),
            per=("item",),
            model=False,
        ),
        _stage(
            "target", ("edits",), spec.Artifact("target", _SAMPLES), per=("item",), model=False
        ),
        _stage("collect", ("lesson",), spec.Artifact("training", "arrays"), per=(), model=False),
        spec.Stage(
            name="fit",
            run="harness_plugins.generative.learning:fit",
            inputs=("training",),
            outputs=(spec.Artifact("checkpoint"),),
            per=("seed",),
            plain=True,
        ),
        _stage("invert", _RUN, spec.Artifact("inverted", "arrays"), per=_EACH),
        _stage("edit", (*_RUN, "inverted"), spec.Artifact("samples", _SAMPLES), per=_EACH),
        _stage("identity", _RUN, spec.Artifact("identity", "json"), per=("point",), aside=True),
        _stage(
            "verdicts",
            ("samples", "request"),
            spec.Artifact("verdicts_of_edits", "json"),
            per=_EACH,
            model=False,
        ),
        cost_stage(_RUN, run=f"{_HERE}.stages:cost"),
        device_stage(_RUN, run=f"{_HERE}.stages:device"),
        pair_stage(_RUN, run=f"{_HERE}.stages:pair"),
    ),
    summary="videos changed as a text says: recoloured, reshaped, and left alone elsewhere",
)

DATASETS: tuple[spec.Dataset, ...] = (
    spec.Dataset(
        name="moving_shapes",
        provides="video_edits",
        index=f"{_HERE}.moving_shapes:index",
        load=f"{_HERE}.moving_shapes:load",
        params={"videos": 48, "block": 12, "training": 1500, "budget": 17_000, "seed": 0},
        licence="Apache-2.0",
        summary="8 frames of 16 x 16: a shape moves over a texture; mask and target are exact",
    ),
)


def _rule(what: str, summary: str) -> spec.Metric:
    rules = "shape rules: ground known, nearest colour, best-fitting shape"
    return spec.Metric(
        name=f"edit_rule_{what}",
        factory=f"{_HERE}.metrics:rule_{what}",
        inputs=("verdicts_of_edits",),
        signature=f"edit_rule_{what}|{rules}|ground outside the mask|mean of frames|v1",
        per="element",
        better="higher",
        range=(0.0, 1.0),
        summary=summary,
    )


METRICS: tuple[spec.Metric, ...] = (
    *pair_metrics("target", "samples", suffix="_video"),
    spec.Metric(
        name="background_psnr",
        factory=f"{_HERE}.metrics:background_psnr",
        inputs=("request", "samples"),
        signature="background_psnr|rgb|8bit|outside the mask|one mse over all frames|cap:100|v1",
        per="element",
        better="higher",
        unit="dB",
        range=(0.0, 100.0),
        digits=2,
        summary="PSNR to the source outside of the mask",
    ),
    spec.Metric(
        name="temporal_consistency",
        factory=f"{_HERE}.metrics:temporal_consistency",
        inputs=("samples",),
        signature="temporal_consistency|levels less the video's mean colour|cosine|"
        "mean of consecutive frames|v1",
        per="element",
        better="higher",
        range=(-1.0, 1.0),
        digits=4,
        summary="mean cosine of consecutive frames, of pixels; a still video has 1",
    ),
    spec.Metric(
        name="edit_flicker",
        factory=f"{_HERE}.metrics:edit_flicker",
        inputs=("request", "samples"),
        signature="edit_flicker|mean rgb inside the mask|distance of consecutive frames|v1",
        per="element",
        better="lower",
        range=(0.0, 442.0),
        digits=2,
        summary="levels by which the mean colour inside the mask moves from frame to frame",
    ),
    _rule("accuracy", "share of frames that show the colour and the shape asked for"),
    _rule("colour", "share of frames in the colour asked for"),
    _rule("shape", "share of frames in the shape asked for"),
    spec.Metric(
        name="edited_share",
        factory=f"{_HERE}.metrics:edited_share",
        inputs=("request",),
        signature="edited_share|pixels inside the mask|v1",
        per="element",
        better="none",
        range=(0.0, 1.0),
        summary="share of pixels inside the mask",
    ),
    *video_metrics("samples"),
    *edit_metrics("source", "samples"),
    *cost.of_step("invert"),
    *cost.of_step("edit"),
)

DERIVED: tuple[spec.Derived, ...] = (
    spec.Derived(
        name="work_saving",
        compute=f"{_HERE}.derived:work_saving",
        inputs=("gmacs",),
        better="higher",
        summary="multiply-accumulates of the model without the variant, by those with it",
    ),
)

PANELS: tuple[spec.Panel, ...] = (
    spec.FrontPanel(title="Work and edits", x="gmacs", y="edit_rule_accuracy"),
    spec.FrontPanel(title="Work and background", x="gmacs", y="background_psnr"),
    spec.FrontPanel(
        title="Edits and background", x="background_psnr", y="edit_rule_accuracy", log_x=False
    ),
    spec.ComparePanel(
        title="Edited videos: four of a block, each in the order of its frames",
        artifact="samples",
        match_on="edit_rule_accuracy",
        thumbnail="harness_plugins.generative.samples:thumbnail",
        original="source",
    ),
)

SUITES: tuple[str, ...] = ("video-editing-quick", "video-editing-davis")

TASKS = (TASK,)
