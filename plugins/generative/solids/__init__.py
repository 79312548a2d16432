"""Text to 3D: coloured meshes, or six views, of a prompt.

A solid lies in the volume [-1, 1]³, x to the right, y away from who looks at its front, z up. Its
six views are, in this order, front, back, left, right, top and bottom: orthographic, square, of
the whole volume, on a white ground. Which way each looks stands in
:mod:`harness_plugins.generative.solids.hexaview`.

The declarations below are put together by the family's plugin.
"""

from __future__ import annotations

from dataclasses import replace

from harness import spec
from harness.cost.stages import cost_stage, device_stage, pair_stage
from harness_plugins import cost
from harness_plugins.generative.metrics import ALIGNMENT

__all__ = ["DATASETS", "IMPORTERS", "METRICS", "PANELS", "SUITES", "TASKS"]

_HERE = "harness_plugins.generative.solids"
_SAMPLES = "harness_plugins.generative.samples"
_SOLIDS = f"{_HERE}.artifact:Solids"
_COST = ("checkpoint", "solid_prompts")
_NEEDS = ("scipy", "trimesh")

TASK = spec.Task(
    name="text-to-3d",
    item="solid_prompts",
    accepts="solid_prompts",
    stages=(
        spec.Stage(
            name="collect",
            run=f"{_HERE}.stages:collect",
            inputs=("solid_prompts",),
            outputs=(
                spec.Artifact("training_solids", _SOLIDS),
                spec.Artifact("training_views", f"{_SAMPLES}:Samples"),
                spec.Artifact("lesson", "json"),
            ),
            per=(),
            model=False,
            requires=("trimesh",),
        ),
        spec.Stage(
            name="fit",
            run=f"{_HERE}.stages:fit",
            inputs=("training_solids", "training_views", "lesson"),
            outputs=(spec.Artifact("checkpoint"),),
            per=("seed",),
            plain=True,
        ),
        spec.Stage(
            name="shape",
            run=f"{_HERE}.stages:shape",
            inputs=("checkpoint", "solid_prompts"),
            outputs=(spec.Artifact("solids", _SOLIDS),),
            per=("point", "item", "seed"),
        ),
        spec.Stage(
            name="look",
            run=f"{_HERE}.stages:look",
            inputs=("solids", "solid_prompts"),
            outputs=(spec.Artifact("views", f"{_SAMPLES}:Samples"),),
            per=("point", "item", "seed"),
            model=False,
            requires=("trimesh",),
        ),
        spec.Stage(
            name="check",
            run=f"{_HERE}.stages:check",
            inputs=("views",),
            outputs=(spec.Artifact("view_verdicts", "json"),),
            per=("point", "item", "seed"),
            model=False,
            requires=("scipy",),
        ),
        cost_stage(_COST, run=f"{_HERE}.stages:cost"),
        device_stage(_COST, run=f"{_HERE}.stages:device"),
        pair_stage(_COST, run=f"{_HERE}.stages:pair"),
    ),
    summary="a solid of each prompt, as a mesh or as six views, judged from six sides",
)

DATASETS: tuple[spec.Dataset, ...] = (
    spec.Dataset(
        name="coloured_primitives",
        provides="solid_prompts",
        index=f"{_HERE}.dataset:index",
        load="harness_plugins.generative.prompts:load",
        params={
            "count": 96,
            "block": 32,
            "size": 32,
            "train": 1920,
            "heldout": 0.2,
            "budget": 1_000_000,
            "seed": 0,
        },
        requires=("trimesh",),
        extra="generative",
        licence="Apache-2.0",
        summary="one or two coloured primitives, 'blue sphere on a green cube'; some held out",
    ),
)


def _of_verdicts(name: str, factory: str, how: str, summary: str, **more: object) -> spec.Metric:
    """Declare a metric of each solid, read from what the rules found of its views."""
    return spec.Metric(
        **{
            "name": name,
            "factory": f"{_HERE}.scores:{factory}",
            "inputs": ("view_verdicts",),
            "signature": f"{name}|{how}|rules of coloured primitives v1|v1",
            "per": "element",
            "better": "higher",
            "range": (0, 1),
            "requires": _NEEDS,
            "summary": summary,
            **more,
        }
    )


def _of_meshes(name: str, how: str, summary: str) -> spec.Metric:
    return spec.Metric(
        name=name,
        factory=f"{_HERE}.scores:{name}",
        inputs=("solids",),
        signature=f"{name}|{how}|trimesh|v1",
        per="element",
        better="higher",
        range=(0, 1),
        requires=_NEEDS,
        summary=summary,
    )


METRICS: tuple[spec.Metric, ...] = (
    _of_verdicts(
        "view_alignment",
        "alignment",
        "share of six views",
        "share of the six views that show what the prompt says",
        paper="after GenEval, Ghosh et al., NeurIPS 2023",
    ),
    _of_verdicts(
        "view_alignment_heldout",
        "alignment_in_category",
        "share of six views|prompts held out",
        "the same of prompts whose composition is not in the training data",
        inputs=("solid_prompts", "view_verdicts"),
        params={"category": "held out"},
    ),
    _of_verdicts(
        "all_views_right",
        "all_views_right",
        "all of six views",
        "share of solids whose six views all show what the prompt says",
    ),
    *(
        _of_verdicts(
            f"{fault}_faults",
            "faults",
            f"share of six views whose first fault is of {fault}",
            f"share of views {what}; with view_alignment and the other faults 1",
            params={"fault": fault},
            better="lower",
        )
        for fault, what in (
            ("colour", "that lack a colour of the prompt or show another"),
            ("shape", "of the right colours in which a primitive has another outline"),
            ("relation", "of the right shapes in which two do not stand as the prompt says"),
        )
    ),
    *(
        _of_verdicts(
            f"alignment_{view}",
            "alignment",
            f"the {view} view",
            f"share of solids whose {view} view shows what the prompt says",
            params={"view": view},
        )
        for view in ("front", "back", "left", "right", "top", "bottom")
    ),
    spec.Metric(
        name="view_consistency",
        factory=f"{_HERE}.scores:view_consistency",
        inputs=("views",),
        signature="view_consistency|3 mirrored silhouettes: iou|3 extents: worst pair, 1 px free"
        "|mean of 6|foreground: 64 levels from white|v1",
        per="element",
        better="higher",
        range=(0, 1),
        requires=_NEEDS,
        digits=4,
        summary="how far six silhouettes can be of one solid; 1 for the views of a mesh",
    ),
    _of_meshes(
        "watertight",
        "each edge in two faces",
        "share of meshes each of whose edges belongs to exactly two faces",
    ),
    _of_meshes(
        "bounds_volume",
        "watertight, wound one way, positive",
        "share of meshes that bound a volume: watertight, wound one way, outside out",
    ),
    *(
        replace(
            metric,
            name=f"{metric.name}_views",
            params={**metric.params, "owner": f"{metric.name}_views"},
            inputs=("views",),
            summary=f"{metric.summary}; mean over six views",
        )
        for metric in ALIGNMENT
        if metric.name in ("clip_score_b32", "clip_score_l14")
    ),
)

PANELS: tuple[spec.Panel, ...] = (
    spec.ComparePanel(
        title="Six views: front, back, left, right, top, bottom",
        artifact="views",
        match_on="view_alignment",
        thumbnail=f"{_SAMPLES}:thumbnail",
    ),
    spec.PartsPanel(
        title="What the views show, and what is wrong with them",
        inputs=("view_verdicts",),
        compute=f"{_HERE}.reasons:reasons_by_view",
        note="Of the first block of prompts. A view counts under its first fault: colour, then "
        "shape, then relation. The example is the first of the commonest fault.",
    ),
    *cost.fronts("view_alignment"),
)

IMPORTERS: tuple[spec.Importer, ...] = (
    spec.Importer(
        name="votes",
        read=f"{_HERE}.votes:read",
        summary="CSV of votes between pairs: prompt,left,right,choice and perhaps voter",
    ),
)

SUITES: tuple[str, ...] = ("text-to-3d-quick",)

TASKS = (TASK,)
