"""Novel views: an object from a pose, given one to four pictures of it."""

from __future__ import annotations

from harness import spec
from harness.cost.stages import cost_stage, device_stage, pair_stage
from harness_plugins import cost
from harness_plugins.generative.metrics import pair_metrics

__all__ = ["DATASETS", "DERIVED", "METRICS", "PANELS", "SUITES", "TASKS"]

_HERE = "harness_plugins.generative.views"
_SAMPLES = "harness_plugins.generative.samples:Samples"
_PAIR = ("truth", "renderings")
_RUN = ("checkpoint", "given")

TASK = spec.Task(
    name="novel-views",
    item="objects",
    accepts="object_views",
    stages=(
        spec.Stage(
            name="show",
            run=f"{_HERE}.stages:show",
            inputs=("objects",),
            outputs=(
                spec.Artifact("given", "arrays"),
                spec.Artifact("truth", _SAMPLES),
                spec.Artifact("lesson", "json"),
            ),
            per=("item",),
            model=False,
        ),
        spec.Stage(
            name="collect",
            run=f"{_HERE}.stages:collect",
            inputs=("lesson",),
            outputs=(spec.Artifact("training", "arrays"),),
            per=(),
            model=False,
        ),
        spec.Stage(
            name="fit",
            run="harness_plugins.generative.learning:fit",
            inputs=("training",),
            outputs=(spec.Artifact("checkpoint"),),
            per=("seed",),
            plain=True,
        ),
        spec.Stage(
            name="render",
            run=f"{_HERE}.stages:render",
            inputs=_RUN,
            outputs=(spec.Artifact("renderings", _SAMPLES),),
            per=("point", "item", "seed"),
        ),
        cost_stage(_RUN, run=f"{_HERE}.stages:cost"),
        device_stage(_RUN, run=f"{_HERE}.stages:device"),
        pair_stage(_RUN, run=f"{_HERE}.stages:pair"),
    ),
    summary="pictures of objects from poses that were not given, from one to four that were",
)

DATASETS: tuple[spec.Dataset, ...] = (
    spec.Dataset(
        name="boxes",
        provides="object_views",
        index=f"{_HERE}.box_scenes:index",
        load=f"{_HERE}.box_scenes:load",
        params={
            "objects": 120,
            "block": 30,
            "targets": 2,
            "size": 32,
            "training": 600,
            "budget": 3200,
            "seed": 0,
        },
        licence="Apache-2.0",
        summary="objects of 1 to 4 coloured boxes at known poses, drawn from a seed; no download",
    ),
)

METRICS: tuple[spec.Metric, ...] = (
    *pair_metrics(*_PAIR, suffix="_views"),
    spec.Metric(
        name="silhouette_iou",
        factory=f"{_HERE}.metrics:silhouette_iou",
        inputs=_PAIR,
        signature="silhouette_iou|white|32 levels in some channel|samples:mean-of-images|v1",
        per="element",
        better="higher",
        range=(0.0, 1.0),
        summary="how far the object's outline in the rendering is that of the truth",
    ),
    spec.Metric(
        name="views_given",
        factory=f"{_HERE}.metrics:views_given",
        inputs=("renderings",),
        signature="views_given|v1",
        per="element",
        better="none",
        range=(1.0, 4.0),
        digits=0,
        summary="how many views of the object the model was given",
    ),
)

DERIVED: tuple[spec.Derived, ...] = (
    spec.Derived(
        name="psnr_mean_over_views",
        compute=f"{_HERE}.derived:mean_over_views",
        inputs=("psnr_views",),
        unit="dB",
        better="higher",
        summary="PSNR with one view, with two, … and with all, averaged",
        params={"name": "psnr_mean_over_views", "metric": "psnr_views"},
    ),
    spec.Derived(
        name="psnr_gain_of_views",
        compute=f"{_HERE}.derived:gain_of_views",
        inputs=("psnr_views",),
        unit="dB",
        better="higher",
        summary="PSNR with the most views less that with the fewest, on the same objects",
        params={"name": "psnr_gain_of_views", "metric": "psnr_views"},
    ),
)

PANELS: tuple[spec.Panel, ...] = (
    spec.CurvePanel(title="Views and PSNR", x="views_given", y="psnr_views"),
    spec.CurvePanel(title="Views and outlines", x="views_given", y="silhouette_iou"),
    spec.CurvePanel(title="Multiply-accumulates and PSNR", x="gmacs", y="psnr_views"),
    spec.FrontPanel(title="PSNR and time to render", x="render_seconds", y="psnr_mean_over_views"),
    spec.ComparePanel(
        title="Renderings: four objects of a block, each from the views that were asked for",
        artifact="renderings",
        match_on="views_given",
        thumbnail="harness_plugins.generative.samples:thumbnail",
        original="truth",
    ),
    *cost.fronts("psnr_mean_over_views"),
)

SUITES: tuple[str, ...] = ("novel-views-quick", "novel-views-gso")

TASKS = (TASK,)
