"""The steps of the task ``video-editing``, each in a process that sees its inputs only.

What passes between them (n videos of an item, t frames of each):

- the item, ``edits``: see :mod:`harness_plugins.generative.editing.edits`;
- ``request``, arrays: ``frames`` uint8 (n, t, H, W, 3), ``source_prompts`` and ``prompts`` (n,)
  text, and ``mask`` bool (n, t, H, W) where it is known;
- ``source``, :class:`~harness_plugins.generative.samples.Samples`: the frames, n samples of t
  images, with the prompts they show;
- ``target``, Samples as ``source``: the edited videos, where the dataset knows them. No model sees
  it;
- ``lesson``: the item's ``training``, or ``{}``;
- ``training``, arrays: ``videos`` uint8 (m, t, H, W, 3), ``masks`` bool (m, t, H, W), ``prompts``
  (m,) and ``budget``. Without arrays where the dataset has none;
- ``checkpoint``: what a model learned; empty where it learns nothing;
- ``inverted``, arrays: what ``invert`` gave for each video, the number of the video before each
  name; empty of a model that does not invert;
- ``samples``, Samples: the edited videos, with the prompts they shall show;
- ``verdicts_of_edits``: for each video ``{"prompt", "frames": [{"colour", "shape", "right",
  "reason"} of each frame]}``, by the rules of :mod:`harness_plugins.generative.shape_rules`, after
  all outside the mask was painted as plain ground;
- ``identity``: as in the task ``text-to-image``, of one video.

``invert_seconds`` and ``edit_seconds`` are those of one video: the mean over the block.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.cost.component import Bench, Component
from harness.cost.stages import measure_cost, measure_device, measure_pair, named_components
from harness.registry import resolve
from harness.trace import add_seconds, note
from harness_plugins.generative.editing.edits import Edits, videos
from harness_plugins.generative.images import Images
from harness_plugins.generative.interface import InvalidOutputError, Lacking, Point, VideoEditor
from harness_plugins.generative.learning import loaded
from harness_plugins.generative.samples import Samples
from harness_plugins.generative.shape_rules import judge
from harness_plugins.generative.shapes import GROUND

__all__ = [
    "calibration",
    "collect",
    "cost",
    "device",
    "edit",
    "identity",
    "invert",
    "pair",
    "show",
    "target",
    "verdicts",
]

Inputs = Mapping[str, Any]
Pixels = NDArray[np.uint8]


def show(_model: None, inputs: Inputs, _point: None, _seed: None) -> dict[str, Any]:
    """Part an item into what models are asked, and where they may learn.

    Raises:
        InvalidEditsError: the item is not what the task is for.
    """
    edits = Edits.of(inputs["edits"])
    request = {
        "frames": edits.frames,
        "source_prompts": np.array(edits.source_prompts),
        "prompts": np.array(edits.prompts),
    }
    if edits.mask is not None:
        request["mask"] = edits.mask
    return {
        "request": request,
        "source": videos(edits.frames, edits.source_prompts),
        "lesson": dict(edits.training),
    }


def target(_model: None, inputs: Inputs, _point: None, _seed: None) -> dict[str, Samples]:
    """Give the edited videos where they are known.

    Raises:
        Lacking: they are not.
    """
    edits = Edits.of(inputs["edits"])
    if edits.target is None:
        raise Lacking("the dataset does not know what the edited video should be")
    return {"target": videos(edits.target, edits.prompts)}


def collect(_model: None, inputs: Inputs, _point: None, _seed: None) -> dict[str, Any]:
    """Make the videos to learn from; the same for any number of items."""
    lesson = inputs["lesson"][0]
    if not lesson:
        return {"training": {}}
    drawn = resolve(lesson["ref"])(**lesson["params"])
    return {
        "training": {
            "videos": drawn["videos"],
            "masks": drawn["masks"],
            "prompts": np.array(drawn["prompts"]),
            "budget": np.array(lesson["budget"]),
        }
    }


def invert(model: Any, inputs: Inputs, point: Point, _seed: int) -> dict[str, Any]:
    """Let a model that can turn each source into noise.

    Of one that cannot there is no time either: no number stands for what was not done.
    """
    if not hasattr(model, "invert"):
        add_seconds("invert", float("nan"))
        note("inversion", "the model has none")
        return {"inverted": {}}
    loaded(model, inputs)
    found: dict[str, Any] = {}
    with _of_each("invert", len(inputs["request"]["frames"])):
        for number, (frames, source_prompt, _, mask) in enumerate(_each(inputs["request"])):
            made = model.invert(frames, source_prompt, mask, point)
            found |= {f"{number}/{name}": array for name, array in made.items()}
    return {"inverted": found}


def edit(model: VideoEditor, inputs: Inputs, point: Point, seed: int) -> dict[str, Samples]:
    """Edit each video.

    Raises:
        InvalidOutputError: the model gave other frames than it was asked for, or black ones.
    """
    loaded(model, inputs)
    request, made = inputs["request"], []
    with _of_each("edit", len(request["frames"])):
        for number, (frames, source_prompt, prompt, mask) in enumerate(_each(request)):
            own = _seed_of(frames, prompt, seed)
            inverted = _inverted(inputs["inverted"], number)
            asked = (frames.copy(), source_prompt, prompt, mask)
            made.append(_checked(model.edit(*asked, own, point, inverted), frames, number))
    prompts = tuple(str(text) for text in request["prompts"])
    told = getattr(model, "settings", dict)(point)
    return {"samples": videos(np.stack(made), prompts, dict(told))}


def identity(model: Any, inputs: Inputs, point: Point, _seed: None) -> dict[str, Any]:
    """Compare an acceleration that does nothing with the model without it, on one video.

    Raises:
        Lacking: the row has no acceleration.
    """
    if not hasattr(model, "identity"):
        raise Lacking("the model is not accelerated: there is nothing to compare")
    loaded(model, inputs)
    frames, source_prompt, prompt, mask = next(_each(inputs["request"]))
    made = [
        np.asarray(
            one.edit(
                frames,
                source_prompt,
                prompt,
                mask,
                0,
                point,
                one.invert(frames, source_prompt, mask, point),
            )
        ).astype(int)
        for one in model.identity()
    ]
    most = int(abs(made[1] - made[0]).max())
    return {"identity": {"kept": most == 0, "images": len(frames), "most": most}}


def verdicts(_model: None, inputs: Inputs, _point: Any, _seed: Any) -> dict[str, Any]:
    """Judge the object of each frame by the rules for shapes.

    Raises:
        Lacking: there is no mask, or (``UnknownPromptError``) the prompts are of other things.
    """
    samples, request = inputs["samples"], inputs["request"]
    if "mask" not in request:
        raise Lacking("the dataset does not say where the edit belongs")
    alone = np.where(request["mask"][..., None], samples.sequences, np.array(GROUND, np.uint8))
    found = []
    for frames, prompt in zip(alone, samples.prompts, strict=True):
        seen = judge(Images.of(frames), [prompt] * len(frames))
        found.append({"prompt": prompt, "frames": [asdict(verdict) for verdict in seen]})
    return {"verdicts_of_edits": found}


def calibration(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return one video of an item, as ``components`` takes it."""
    return _asked(show(None, {"edits": item}, None, None)["request"])


def cost(model: Any, inputs: Inputs, point: Point, _seed: None) -> dict[str, Any]:
    """Count what inverting and editing one video cost."""
    return {"cost": measure_cost(_components(model, inputs, point))}


def device(model: Any, inputs: Inputs, point: Point, _seed: None, bench: Bench) -> dict[str, Any]:
    """Run what inverting and editing one video take on a device."""
    return measure_device(_components(model, inputs, point), bench)


def pair(
    model: Any,
    inputs: Inputs,
    point: Point,
    _seed: None,
    bench: Bench,
    against: tuple[Any, Inputs, Point],
) -> dict[str, Any]:
    """Time one video by the model and by the anchor alternately."""
    anchor = _components(*against)
    return {"device_pairs": measure_pair(anchor, _components(model, inputs, point), bench)}


def _components(model: Any, inputs: Inputs, point: Point) -> list[Component]:
    loaded(model, inputs)
    return named_components(model, _asked(inputs["request"]), point)


def _asked(request: Inputs) -> dict[str, Any]:
    """Return the arguments of ``edit`` up to ``mask``, of the video whose mask is the median.

    What an object-centric model computes grows with the object, so that neither the smallest nor
    the largest of a block would tell what a video costs.
    """
    each = list(_each(request))
    order = sorted(range(len(each)), key=lambda n: int(np.count_nonzero(each[n][3])))
    names = ("frames", "source_prompt", "prompt", "mask")
    return dict(zip(names, each[order[len(order) // 2]], strict=True))


@contextmanager
def _of_each(stage: str, count: int) -> Iterator[None]:
    """Note the time of the block's work for the stage, as the mean over ``count`` videos."""
    start = time.perf_counter()
    yield
    add_seconds(stage, (time.perf_counter() - start) / count)


def _each(request: Inputs) -> Iterator[tuple[Pixels, str, str, NDArray[np.bool_] | None]]:
    """Yield frames, source prompt, prompt and mask of each video."""
    masks = request.get("mask", [None] * len(request["frames"]))
    rows = zip(
        request["frames"], request["source_prompts"], request["prompts"], masks, strict=True
    )
    for frames, source_prompt, prompt, mask in rows:
        yield frames, str(source_prompt), str(prompt), mask


def _inverted(arrays: Inputs, number: int) -> dict[str, NDArray[Any]]:
    before = f"{number}/"
    return {n.removeprefix(before): a for n, a in arrays.items() if n.startswith(before)}


def _seed_of(frames: Pixels, prompt: str, seed: int) -> int:
    """Return the seed of a video in a run: its own, whichever block it stands in."""
    text = hashlib.sha256(frames.tobytes() + prompt.encode() + str(seed).encode()).digest()
    return int.from_bytes(text[:4], "big")


def _checked(made: Any, frames: Pixels, number: int) -> Pixels:
    found = np.asarray(made)
    if found.dtype != np.uint8 or found.shape != frames.shape:
        raise InvalidOutputError(
            f"edit() must give uint8 {frames.shape}, as many frames of the same size as it was "
            f"given; got {found.dtype} {found.shape}"
        )
    black = np.flatnonzero(~found.any(axis=(1, 2, 3)) & frames.any(axis=(1, 2, 3)))
    if len(black):
        raise InvalidOutputError(
            f"frame {black[0]} of video {number} is all black, as a safety checker leaves it; "
            f"{len(black)} of {len(found)} are"
        )
    return found
