"""The steps of the task ``text-to-3d``, each in a process that sees its inputs only.

What passes between them:

- the item, ``solid_prompts``: a block of :class:`~harness_plugins.generative.prompts.Prompts`;
- ``training_solids``: :class:`.artifact.Solids`, what may be learned from, as meshes;
- ``training_views``: the same as :class:`~harness_plugins.generative.samples.Samples`, of six
  frames each;
- ``lesson``: ``{"budget": examples that training may look at}``;
- ``checkpoint``: what ``fit`` of the model returned; empty where it has none;
- ``solids``: :class:`.artifact.Solids`, what the model made of the block's prompts;
- ``views``: Samples of six frames each, the views in the order of ``hexaview.VIEWS``;
- ``view_verdicts``: ``{"prompts": […], "views": […]}``, of each solid a list of what
  :class:`.checker.Verdict` holds of each view.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from harness.cost.component import Bench, Component
from harness.cost.stages import measure_cost, measure_device, measure_pair, named_components
from harness.trace import add_seconds
from harness_plugins.generative.images import Images
from harness_plugins.generative.interface import Lacking, Shaper
from harness_plugins.generative.learning import loaded
from harness_plugins.generative.prompts import Prompts, open_source, pair_seeds
from harness_plugins.generative.samples import Samples
from harness_plugins.generative.solids.artifact import Solids
from harness_plugins.generative.solids.checker import judge
from harness_plugins.generative.solids.hexaview import VIEWS
from harness_plugins.generative.solids.rasteriser import render
from harness_plugins.generative.solids.scenes import parse

__all__ = ["check", "collect", "cost", "device", "fit", "look", "pair", "shape"]

_SIDE = 64  # pixels of a rendered view's side, where the dataset says nothing

Inputs = Mapping[str, Any]


def collect(_model: None, inputs: Inputs, _point: Any, _seed: None) -> dict[str, Any]:
    """Draw what may be learned from: it depends on the dataset, not on what is asked."""
    found = open_source(inputs["solid_prompts"][0]).training()
    prompts, views = found["prompts"], found["views"]
    numbers = tuple(range(len(prompts)))
    return {
        "training_solids": Solids.of(found["meshes"], prompts, numbers),
        "training_views": Samples(
            Images.of(views.reshape(-1, *views.shape[2:])), prompts, numbers, frames=len(VIEWS)
        ),
        "lesson": {"budget": found["budget"]},
    }


def fit(model: Any, inputs: Inputs, _point: Any, seed: int) -> dict[str, Any]:
    """Let the model learn; a model without ``fit`` has an empty checkpoint."""
    if not hasattr(model, "fit"):
        return {"checkpoint": b""}
    data = {"solids": inputs["training_solids"], "views": inputs["training_views"]}
    return {"checkpoint": model.fit(data, seed, inputs["lesson"]["budget"])}


def shape(model: Shaper, inputs: Inputs, point: Any, seed: int) -> dict[str, Any]:
    """Let the model make a solid of each prompt; its time is that of one solid, on average."""
    loaded(model, inputs)
    block: Prompts = inputs["solid_prompts"]
    seeds = pair_seeds(block, seed)
    start = time.perf_counter()
    given = [model.shape(p, s, point) for p, s in zip(block.prompts, seeds, strict=True)]
    add_seconds("shape", (time.perf_counter() - start) / len(block))
    settings = model.settings(point) if hasattr(model, "settings") else {}
    return {"solids": Solids.of(given, block.prompts, seeds, settings)}


def look(_model: None, inputs: Inputs, _point: Any, _seed: int) -> dict[str, Any]:
    """Render six views of each mesh; views that a model gave itself are taken as they are."""
    solids: Solids = inputs["solids"]
    images = solids.views
    if images is None:
        side = (inputs["solid_prompts"].size or (_SIDE,))[0]
        images = Images.of(np.concatenate([render(mesh, side) for mesh in solids.meshes]))
    views = Samples(images, solids.prompts, solids.seeds, solids.settings, frames=len(VIEWS))
    return {"views": views}


def check(_model: None, inputs: Inputs, _point: Any, _seed: int) -> dict[str, Any]:
    """Judge each view by the rules of the checker.

    Raises:
        Lacking: a prompt is not of the grammar that the rules know.
    """
    views: Samples = inputs["views"]
    try:
        scenes = [parse(prompt) for prompt in views.prompts]
    except ValueError as error:
        raise Lacking(f"no rules judge this: {error}") from None
    judged = [judge(six, scene) for six, scene in zip(views.sequences, scenes, strict=True)]
    told = [[asdict(verdict) for verdict in six] for six in judged]
    return {"view_verdicts": {"prompts": list(views.prompts), "views": told}}


def cost(model: Any, inputs: Inputs, point: Any, _seed: None) -> dict[str, Any]:
    """Count what one solid costs."""
    return {"cost": measure_cost(_components(model, inputs, point))}


def device(model: Any, inputs: Inputs, point: Any, _seed: None, bench: Bench) -> dict[str, Any]:
    """Run on a device what makes one solid."""
    return measure_device(_components(model, inputs, point), bench)


def pair(
    model: Any,
    inputs: Inputs,
    point: Any,
    _seed: None,
    bench: Bench,
    against: tuple[Any, Inputs, Any],
) -> dict[str, Any]:
    """Time one solid and one of the anchor alternately."""
    anchor = _components(*against)
    return {"device_pairs": measure_pair(anchor, _components(model, inputs, point), bench)}


def _components(model: Any, inputs: Inputs, point: Any) -> list[Component]:
    loaded(model, inputs)
    return named_components(model, inputs["solid_prompts"], point)
