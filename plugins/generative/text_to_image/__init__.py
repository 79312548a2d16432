"""Text to image, as declarations: the task, its extractors, what is measured and drawn."""

from __future__ import annotations

from typing import Final

from harness import spec
from harness.cost.stages import cost_stage, device_stage, pair_stage
from harness_plugins import cost
from harness_plugins.generative.metrics import ALIGNMENT, SETS, set_metrics

__all__ = ["DATASETS", "DERIVED", "METRICS", "PANELS", "SUITES", "TASKS"]

_HERE = "harness_plugins.generative.text_to_image"
_SAMPLES: Final = "harness_plugins.generative.samples:Samples"
_NEEDS_TORCH = ("torch", "safetensors")

# extractor → (what its steps read besides, distributions they stand on)
_EXTRACTORS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "shapes": (("classifier",), _NEEDS_TORCH),
    "pixels": ((), ()),
    **dict.fromkeys(
        ("inception_clean", "inception_tf", "inception_torch"),
        ((), ("torch", "torch-fidelity", "pillow")),
    ),
    "clip_b32": ((), ("torch", "open_clip_torch", "torchvision")),
}


def _model_stage(
    name: str,
    inputs: tuple[str, ...],
    output: spec.Artifact,
    per: tuple[spec.Axis, ...],
    *,
    plain: bool = False,
    aside: bool = False,
    weightless: bool = False,
) -> spec.Stage:
    return spec.Stage(
        name=name,
        run=f"{_HERE}.stages:{name}",
        inputs=inputs,
        outputs=(output,),
        per=per,
        plain=plain,
        aside=aside,
        weightless=weightless,
    )


def _step(
    name: str,
    inputs: tuple[str, ...],
    output: spec.Artifact,
    *,
    run: str | None = None,
    per: tuple[spec.Axis, ...] = (),
    requires: tuple[str, ...] = (),
) -> spec.Stage:
    """Declare a step of the protocol."""
    return spec.Stage(
        name=name,
        run=run or f"{_HERE}.stages:{name}",
        inputs=inputs,
        outputs=(output,),
        per=per,
        model=False,
        requires=requires,
    )


def _features(extractor: str) -> tuple[spec.Stage, ...]:
    more, requires = _EXTRACTORS[extractor]
    return tuple(
        _step(
            f"{what}_{extractor}",
            (of, *more),
            spec.Artifact(f"{what}_{extractor}", "array"),
            run=f"{_HERE}.features:{what}_{extractor}",
            per=per,
            requires=requires,
        )
        for what, of, per in (
            ("features", "samples", ("point", "item", "seed")),
            ("reference", "prompts", ()),
            ("further", "prompts", ()),
        )
    )


_LEARNED = ("checkpoint", "adapted", "prompts")
TASK = spec.Task(
    name="text-to-image",
    item="prompts",
    accepts="prompts",
    stages=(
        _step("collect", ("prompts",), spec.Artifact("training", "arrays")),
        # what was trained before learns nothing here, weights or not: its cost can be counted
        _model_stage(
            "fit",
            ("training",),
            spec.Artifact("checkpoint"),
            ("seed",),
            plain=True,
            weightless=True,
        ),
        _model_stage(
            "adapt",
            ("training", "checkpoint"),
            spec.Artifact("adapted"),
            ("seed",),
            weightless=True,
        ),
        _model_stage(
            "generate", _LEARNED, spec.Artifact("samples", _SAMPLES), ("point", "item", "seed")
        ),
        _model_stage(
            "identity", _LEARNED, spec.Artifact("identity", "json"), ("point",), aside=True
        ),
        _step(
            "verdicts",
            ("samples",),
            spec.Artifact("verdicts", "json"),
            per=("point", "item", "seed"),
        ),
        _step(
            "learn_classifier",
            ("training",),
            spec.Artifact("classifier"),
            run=f"{_HERE}.features:learn_classifier",
            requires=_NEEDS_TORCH,
        ),
        *(stage for extractor in _EXTRACTORS for stage in _features(extractor)),
        cost_stage(_LEARNED, run=f"{_HERE}.stages:cost"),
        device_stage(_LEARNED, run=f"{_HERE}.stages:device"),
        pair_stage(_LEARNED, run=f"{_HERE}.stages:pair"),
    ),
    summary="an image for each prompt and seed, compared with real ones and with its prompt",
)


def _rule(name: str, summary: str) -> spec.Metric:
    return spec.Metric(
        name=name,
        factory=f"{_HERE}.metrics:{name}",
        inputs=("verdicts",),
        signature=f"{name}|shape rules: ground known, nearest colour, best-fitting shape|v1",
        better="higher",
        range=(0, 1),
        per="element",
        summary=summary,
    )


COST_TASK = spec.Task(
    name="sampling-cost",
    item="prompts",
    accepts="prompts",
    stages=(
        cost_stage(("prompts",), run=f"{_HERE}.stages:cost"),
        device_stage(("prompts",), run=f"{_HERE}.stages:device"),
        pair_stage(("prompts",), run=f"{_HERE}.stages:pair"),
    ),
    summary="what an image costs by samplers of which nothing but the structure is needed",
)


METRICS: tuple[spec.Metric, ...] = (
    _rule("rule_accuracy", "share of samples that show the colour and the shape asked for"),
    _rule("rule_colour", "share of samples in the colour asked for"),
    _rule("rule_shape", "share of samples in the shape asked for"),
    *set_metrics(
        "shapes", "classifier of the prompts|64 standardised|seed 0|v1", (), _NEEDS_TORCH
    ),
    *set_metrics("pixels", "means of 8x8 parts|v1"),
    *SETS,
    *ALIGNMENT,
    spec.Metric(
        name="identity_kept",
        factory=f"{_HERE}.metrics:identity_kept",
        inputs=("identity",),
        signature="identity|8 samples bit for bit at the setting that does nothing|v1",
        better="higher",
        range=(0, 1),
        digits=0,
        summary="1 where an acceleration that does nothing gives exactly what its base gives",
    ),
    *(
        spec.Metric(
            name=name,
            factory=f"{_HERE}.metrics:tflops",
            params={"attention": attention},
            inputs=("cost",),
            signature=f"flops|2 per MAC|{how}|denoising network alone|all steps|one image|v1",
            better="lower",
            unit="TFLOP",
            range=(0, float("inf")),
            over_points="mean",
            summary=summary,
        )
        for name, attention, how, summary in (
            (
                "tflops",
                True,
                "all products",
                "floating-point operations of all steps for one image: what is computed",
            ),
            (
                "tflops_no_attention",
                False,
                "without attention products",
                "the same as billed by profilers that do not see attention",
            ),
        )
    ),
    *cost.of_step("denoise"),
)

_CONTROLLED = (
    ("fid_shapes", "lower"),
    ("rule_accuracy", "higher"),
    ("fid_inception_clean", "lower"),
    ("clip_score_l14", "higher"),
)
DERIVED: tuple[spec.Derived, ...] = tuple(
    spec.Derived(
        name=f"{metric}_vs_fewer_steps",
        compute=f"{_HERE}.controls:vs_fewer_steps",
        inputs=(metric, "tflops"),
        better=better,
        params={"metric": metric},
        summary=f"{metric} less that of the model without the variant in fewer steps, at equal "
        "FLOP: what the acceleration is worth",
    )
    for metric, better in _CONTROLLED
)

PANELS: tuple[spec.Panel, ...] = (
    spec.FrontPanel(title="FID and work", x="tflops", y="fid_shapes"),
    spec.FrontPanel(title="Alignment and work", x="tflops", y="rule_accuracy"),
    spec.FrontPanel(title="FID and time", x="generate_seconds", y="fid_shapes"),
    spec.FrontPanel(title="Alignment and time", x="generate_seconds", y="rule_accuracy"),
    spec.FrontPanel(title="FID and alignment", x="rule_accuracy", y="fid_shapes", log_x=False),
    spec.FrontPanel(title="FID and work", x="tflops", y="fid_inception_clean"),
    spec.FrontPanel(title="Alignment and work", x="tflops", y="clip_score_l14"),
    spec.PartsPanel(
        title="What was drawn",
        inputs=("verdicts",),
        compute=f"{_HERE}.metrics:drawn",
        note="What the rules saw in the samples of the first block, for each word of a prompt.",
    ),
    spec.ComparePanel(
        title="Samples",
        artifact="samples",
        match_on="rule_accuracy",
        thumbnail="harness_plugins.generative.samples:thumbnail",
    ),
)

DATASETS: tuple[spec.Dataset, ...] = (
    spec.Dataset(
        name="shapes",
        provides="prompts",
        index="harness_plugins.generative.shapes:index",
        load="harness_plugins.generative.prompts:load",
        params={
            "count": 1000,
            "block": 250,
            "train": 8000,
            "reference": 2000,
            "budget": 54_400,
            "seed": 0,
        },
        licence="Apache-2.0",
        summary="16 prompts such as 'red circle', with pictures of 16 x 16 drawn from a seed",
    ),
    spec.Dataset(
        name="one_prompt",
        provides="prompts",
        index=f"{_HERE}.stages:one_prompt",
        load="harness_plugins.generative.prompts:load",
        params={"size": 512},
        licence="Apache-2.0",
        summary="a single prompt for an image of 512 x 512, where it does not matter which",
    ),
)

TASKS = (TASK, COST_TASK)
SUITES: tuple[str, ...] = ("generative-quick", "clockwork-flops", "t2i-coco")
