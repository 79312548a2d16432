"""The steps of the task ``text-to-image``, each in a process that sees its inputs only.

What passes between them:

- the item, ``prompts``: a block, :class:`harness_plugins.generative.prompts.Prompts`;
- ``training``: what the dataset lets models learn from: ``images`` uint8 (n, H, W, 3), ``prompts``
  (n,) text, ``budget`` int: images that training may look at, repetitions counted. Where a dataset
  has nothing to learn from: ``budget`` 0 alone;
- ``checkpoint``: what a model learned, whatever its variant; empty of one that was trained before;
- ``adapted``: what a variant learned besides; empty of one that learns nothing;
- ``samples``: one image for each prompt of the block, with prompts, seeds and settings;
- ``identity``: ``{"kept": bool, "images": n, "most": largest difference of a level}``: whether an
  acceleration at the setting at which it does nothing gives what the model gives without it;
- ``verdicts``: for each sample ``{"prompt", "colour", "shape", "right", "reason"}`` by the rules
  of :mod:`harness_plugins.generative.shape_rules`;
- ``features_X``: (n, d) float32 of the samples by the extractor X, ``reference_X`` (m, d) of the
  dataset's own images.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from harness.cost.component import Bench, Component, NotMeasuredError
from harness.cost.stages import measure_cost, measure_device, measure_pair, named_components
from harness.spec import Item
from harness.trace import span
from harness_plugins.generative.images import Images
from harness_plugins.generative.interface import (
    InvalidOutputError,
    Lacking,
    Learner,
    Point,
    TextToImage,
)
from harness_plugins.generative.prompts import Prompts, blocks, open_source, pair_seeds
from harness_plugins.generative.samples import Samples
from harness_plugins.generative.shape_rules import judge

__all__ = [
    "adapt",
    "calibration",
    "collect",
    "cost",
    "device",
    "fit",
    "generate",
    "identity",
    "one_prompt",
    "pair",
    "verdicts",
]

_COMPARED = 8  # samples at the identity setting
Inputs = Mapping[str, Any]


def collect(_model: None, inputs: Inputs, _point: Any, _seed: Any) -> dict[str, Any]:
    """Give what the dataset lets models learn from."""
    block: Prompts = inputs["prompts"][0]
    training = getattr(open_source(block), "training", None) if block.source else None
    if training is None:
        return {"training": {"budget": np.int64(0)}}
    drawn = training()
    return {
        "training": {
            "images": Images.of(drawn["images"], "training images").bytes_(),
            "prompts": np.array(drawn["prompts"]),
            "budget": np.int64(drawn["budget"]),
        }
    }


def fit(model: Any, inputs: Inputs, _point: Any, seed: int) -> dict[str, Any]:
    """Train; a model that was trained before leaves nothing."""
    training = inputs["training"]
    if not hasattr(model, "fit"):
        return {"checkpoint": b""}
    learner: Learner = model
    return {"checkpoint": learner.fit(training, seed, _budget(training))}


def adapt(model: Any, inputs: Inputs, _point: Any, seed: int) -> dict[str, Any]:
    """Let a variant learn what it needs besides, from the model as it is now."""
    if not hasattr(model, "adapt"):
        return {"adapted": b""}
    _load(model, {"checkpoint": inputs["checkpoint"]})
    training = inputs["training"]
    return {"adapted": model.adapt(training, seed, _budget(training))}


def generate(model: TextToImage, inputs: Inputs, point: Point, seed: int) -> dict[str, Any]:
    """Sample an image for each prompt of a block."""
    block: Prompts = inputs["prompts"]
    _load(model, inputs)
    seeds = pair_seeds(block, seed)
    with span("generate"):
        made = model.generate(block.prompts, seeds, point)
    images = _checked(made, block)
    told = getattr(model, "settings", dict)(point)
    return {"samples": Samples(images, block.prompts, seeds, dict(told))}


def identity(model: Any, inputs: Inputs, point: Point, seed: int) -> dict[str, Any]:
    """Compare an acceleration that does nothing with the model without it.

    Raises:
        Lacking: the row has no acceleration.
    """
    if not hasattr(model, "identity"):
        raise Lacking("the model is not accelerated: there is nothing to compare")
    _load(model, inputs)
    block: Prompts = inputs["prompts"]
    prompts, seeds = block.prompts[:_COMPARED], pair_seeds(block, seed)[:_COMPARED]
    plain, nothing = model.identity()
    before = np.asarray(plain.generate(prompts, seeds, point)).astype(int)
    after = np.asarray(nothing.generate(prompts, seeds, point)).astype(int)
    most = int(abs(after - before).max())
    return {"identity": {"kept": most == 0, "images": len(prompts), "most": most}}


def verdicts(_model: None, inputs: Inputs, _point: Any, _seed: Any) -> dict[str, Any]:
    """Judge the samples by the rules for shapes."""
    samples: Samples = inputs["samples"]
    found = judge(samples.images, samples.prompts)
    return {
        "verdicts": [
            {"prompt": prompt, **asdict(verdict)}
            for prompt, verdict in zip(samples.prompts, found, strict=True)
        ]
    }


def calibration(block: Prompts) -> Prompts:
    """Return one prompt, as ``components`` takes it."""
    return Prompts(block.prompts[:1], block.seeds[:1], block.size, block.source)


def one_prompt(*, size: int) -> list[Item]:
    """Return a single prompt for an image of ``size`` pixels a side."""
    return blocks(["a photograph of an astronaut"], seed=0, block=1, size=(size, size))


def cost(model: Any, inputs: Inputs, point: Point, _seed: Any) -> dict[str, Any]:
    """Count what it costs to sample one image."""
    return {"cost": measure_cost(_components(model, inputs, point))}


def device(model: Any, inputs: Inputs, point: Point, _seed: Any, bench: Bench) -> dict[str, Any]:
    """Run on a device what it takes to sample one image."""
    return measure_device(_components(model, inputs, point), bench)


def pair(
    model: Any,
    inputs: Inputs,
    point: Point,
    _seed: Any,
    bench: Bench,
    against: tuple[Any, Inputs, Point],
) -> dict[str, Any]:
    """Time the sampling of one image, by the model and by the anchor alternately."""
    anchor = _components(*against)
    return {"device_pairs": measure_pair(anchor, _components(model, inputs, point), bench)}


def _components(model: Any, inputs: Inputs, point: Point) -> list[Component]:
    if not hasattr(model, "components"):
        raise NotMeasuredError("the model does not name its modules: it has no components()")
    _load(model, inputs)
    return named_components(model, calibration(inputs["prompts"]), point)


def _load(model: Any, inputs: Inputs) -> None:
    """Make a model what it learned, and a variant what it learned besides."""
    for name, method in (("checkpoint", "load"), ("adapted", "load_adapted")):
        if inputs.get(name):
            getattr(model, method)(inputs[name])


def _budget(training: Mapping[str, Any]) -> int:
    budget = int(training["budget"])
    if "images" not in training:
        raise Lacking("the dataset has nothing to learn from")
    return budget


def _checked(made: Any, block: Prompts) -> Images:
    """Return what a model gave for a block.

    Raises:
        InvalidOutputError: there are more or fewer images than prompts, they are of another size,
            or one is all black, as a safety checker leaves it.
        InvalidImagesError: they are no uint8 images.
    """
    images = Images.of(made, "generate()")
    if len(images) != len(block):
        raise InvalidOutputError(f"generate() gave {len(images)} images for {len(block)} prompts")
    if block.size is not None and images.size != tuple(block.size):
        height, width = images.size
        raise InvalidOutputError(
            f"generate() gave images of {height}x{width}, not {block.size[0]}x{block.size[1]}"
        )
    black = _black(images)
    if black:
        raise InvalidOutputError(
            f"image {black[0]} ({block.prompts[black[0]]!r}) is all black, as a safety checker "
            f"leaves it; {len(black)} of {len(images)} are"
        )
    return images


def _black(images: Images) -> Sequence[int]:
    dark = ~images.bytes_().any(axis=(1, 2, 3))
    return [int(place) for place in np.flatnonzero(dark)]
