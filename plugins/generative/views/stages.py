"""The steps of the task ``novel-views``, each in a process that sees its inputs only.

What passes between them (s objects of an item, t views of each that are asked for):

- the item, ``objects``: see :mod:`harness_plugins.generative.views.scenes`;
- ``given``, arrays: ``images`` uint8 (s, 4, H, W, 3) and ``poses`` (s, 4, 4, 4), the views that
  a model may be given; ``target_poses`` (s, t, 4, 4); ``intrinsics`` (3, 3);
- ``truth``, :class:`~harness_plugins.generative.samples.Samples`: the pictures that are asked for,
  s samples of t images. No model sees it;
- ``lesson``: the item's ``training``, or ``{}``;
- ``training``, arrays: ``images`` uint8 (n, v, H, W, 3), ``poses`` (n, v, 4, 4), ``intrinsics``
  and ``budget``: objects to learn from, the first four views of each as in ``given``. Without
  arrays where the dataset has none;
- ``checkpoint``: what a model learned; empty where it learns nothing;
- ``renderings``, Samples as ``truth``: what a model made of the first k views of ``given``, where
  k is the operating point's ``views``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.cost.component import Bench, Component
from harness.cost.stages import measure_cost, measure_device, measure_pair, named_components
from harness.registry import resolve
from harness.trace import span
from harness_plugins.generative.images import Images
from harness_plugins.generative.interface import InvalidOutputError, Lacking
from harness_plugins.generative.learning import loaded
from harness_plugins.generative.samples import Samples
from harness_plugins.generative.views.scenes import KNOWN, Scenes

__all__ = ["calibration", "collect", "cost", "device", "pair", "render", "show"]

Inputs = Mapping[str, Any]
Pixels = NDArray[np.uint8]


def show(_model: None, inputs: Inputs, _point: None, _seed: None) -> dict[str, Any]:
    """Part the views of each object into those that are given and those that are asked for.

    Raises:
        InvalidScenesError: the item is not what the task is for.
    """
    scenes = Scenes.of(inputs["objects"])
    given = {
        "images": scenes.images[:, :KNOWN],
        "poses": scenes.poses[:, :KNOWN],
        "target_poses": scenes.poses[:, KNOWN:],
        "intrinsics": scenes.intrinsics,
    }
    truth = _samples(scenes.images[:, KNOWN:], {})
    return {"given": given, "truth": truth, "lesson": dict(scenes.training)}


def collect(_model: None, inputs: Inputs, _point: None, _seed: None) -> dict[str, Any]:
    """Make the objects to learn from; the same for any number of items."""
    lesson = inputs["lesson"][0]
    if not lesson:
        return {"training": {}}
    scenes = Scenes.of(resolve(lesson["ref"])(**lesson["params"]))
    return {
        "training": {
            "images": scenes.images,
            "poses": scenes.poses,
            "intrinsics": scenes.intrinsics,
            "budget": np.array(lesson["budget"]),
        }
    }


def calibration(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return the first picture that an item asks for, as ``components`` takes it."""
    scenes = Scenes.of(item)
    return {
        "views": scenes.images[0, :KNOWN],
        "poses": scenes.poses[0, :KNOWN],
        "intrinsics": scenes.intrinsics,
        "target_poses": scenes.poses[0, KNOWN : KNOWN + 1],
    }


def render(model: Any, inputs: Inputs, point: Mapping[str, Any], seed: int) -> dict[str, Samples]:
    """Render what is asked for from the first ``views`` of what is given.

    Raises:
        Lacking: the operating point asks for more views than there are.
        InvalidOutputError: the model gave other images than it was asked for.
    """
    loaded(model, inputs)
    found = []
    for views, poses, targets in _each(inputs["given"], point):
        intrinsics = inputs["given"]["intrinsics"]
        with span("render"):
            made = model.render(views, poses, intrinsics, targets, seed, point)
        found.append(_checked(made, (len(targets), *views.shape[1:])))
    return {"renderings": _samples(np.stack(found), {"views": _views(point)})}


def cost(model: Any, inputs: Inputs, point: Mapping[str, Any], _seed: None) -> dict[str, Any]:
    """Count what one picture of the first object costs."""
    return {"cost": measure_cost(_components(model, inputs, point))}


def device(
    model: Any, inputs: Inputs, point: Mapping[str, Any], _seed: None, bench: Bench
) -> dict[str, Any]:
    """Run what one picture of the first object takes on a device."""
    return measure_device(_components(model, inputs, point), bench)


def pair(
    model: Any,
    inputs: Inputs,
    point: Mapping[str, Any],
    _seed: None,
    bench: Bench,
    against: tuple[Any, Inputs, Mapping[str, Any]],
) -> dict[str, Any]:
    """Time one picture and one of the anchor's alternately."""
    anchor = _components(*against)
    return {"device_pairs": measure_pair(anchor, _components(model, inputs, point), bench)}


def _components(model: Any, inputs: Inputs, point: Mapping[str, Any]) -> list[Component]:
    """Return what the first picture that is asked for runs.

    ``components`` gets a dict of the arguments of ``render``, with one target pose.
    """
    loaded(model, inputs)
    views, poses, targets = next(_each(inputs["given"], point))
    item = {"views": views, "poses": poses, "target_poses": targets[:1]}
    return named_components(model, item | {"intrinsics": inputs["given"]["intrinsics"]}, point)


def _views(point: Mapping[str, Any]) -> int:
    views = point.get("views")
    if isinstance(views, bool) or not isinstance(views, int) or not 1 <= views <= KNOWN:
        raise Lacking(f"the operating point's views must be 1 to {KNOWN}, got {views!r}")
    return views


def _each(
    given: Inputs, point: Mapping[str, Any]
) -> Iterator[tuple[Pixels, NDArray[np.float64], NDArray[np.float64]]]:
    """Yield views, poses and target poses of each object."""
    views = _views(point)
    rows = zip(given["images"], given["poses"], given["target_poses"], strict=True)
    for images, poses, targets in rows:
        yield images[:views].copy(), poses[:views].copy(), targets.copy()


def _checked(made: Any, shape: tuple[int, ...]) -> Pixels:
    found = np.asarray(made)
    if found.dtype != np.uint8 or found.shape != shape:
        raise InvalidOutputError(
            f"render() must give uint8 {shape}, one image for each target pose; "
            f"got {found.dtype} {found.shape}"
        )
    return found


def _samples(pictures: Pixels, settings: Mapping[str, Any]) -> Samples:
    """Keep (s, t, H, W, 3): a sample is an object, seen from t poses."""
    flat: Sequence[Any] = pictures.reshape(-1, *pictures.shape[2:])
    return Samples(Images.of(flat, "views"), settings=settings, frames=pictures.shape[1])
