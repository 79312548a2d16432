"""The dataset ``boxes``: objects of coloured boxes, drawn from a seed, and what to learn from.

Cameras look at the object from a distance of 2, over a field of 30 degrees, which holds the ball
that an object lies in. The four views that may be given stand around it: the second behind the
first, the third and fourth at their sides, each up to 15 degrees off. A view that is asked for is
at least 60 degrees away from the first, so that it shows sides which the first does not.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from harness.spec import Item
from harness_plugins.generative.views.boxes import Box, draw_object, render
from harness_plugins.generative.views.cameras import Floats, around, pinhole

__all__ = ["index", "load", "training"]

_HERE = "harness_plugins.generative.views.box_scenes"
_DISTANCE, _FIELD = 2.0, 30.0
_PITCH = (-15.0, 50.0)  # degrees, of all cameras
_AROUND = (0.0, 180.0, 90.0, 270.0)  # degrees of yaw from the first view
_JITTER = 15.0
_APART = 60.0  # degrees that a target is away from the first view
_TEST, _TRAINING = 0, 1  # generators of their own, so that no object is in both


def index(
    *, objects: int, block: int, targets: int, size: int, training: int, budget: int, seed: int
) -> list[Item]:
    """Return blocks of objects.

    An item's digest covers the boxes and cameras themselves. Neither the number of objects nor
    that of targets changes an object, its known views, or the targets that were there.

    Args:
        objects: how many to evaluate on.
        block: how many of them are one item; the last may be smaller.
        targets: views of each that are asked for.
        size: pixels of a picture's side.
        training: objects to learn from.
        budget: examples that training may look at, repetitions counted.
        seed: of everything.

    Raises:
        ValueError: a number is out of its range.
    """
    numbers = {"objects": (objects, 1), "block": (block, 1), "targets": (targets, 1)}
    numbers |= {"size": (size, 8), "training": (training, 1), "budget": (budget, 1)}
    for name, (value, least) in (numbers | {"seed": (seed, 0)}).items():
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise ValueError(f"{name} must be a whole number from {least} on, got {value!r}")
    starts = range(0, objects, block)
    width = len(str(len(starts) - 1))
    items = []
    for number, start in enumerate(starts):
        scenes = list(range(start, min(start + block, objects)))
        shared = {"seed": seed, "targets": targets, "size": size}
        lesson = {"seed": seed, "objects": training, "size": size}
        meta = {**shared, "scenes": scenes, "training": lesson, "budget": budget}
        items.append(Item(f"block{number:0{width}}", _digest(meta), "", meta))
    return items


def load(item: Item, _data: bytes | None) -> dict[str, Any]:
    """Return the item, as :mod:`harness_plugins.generative.views.scenes` describes it."""
    meta: Any = item.meta
    block = _rendered(_TEST, meta["seed"], meta["scenes"], meta["targets"], meta["size"])
    ref = {"ref": f"{_HERE}:training", "params": meta["training"], "budget": meta["budget"]}
    return block | {"training": ref}


def training(*, objects: int, seed: int, size: int) -> dict[str, Any]:
    """Return objects to learn from, each with four views to ask for besides the known ones."""
    return _rendered(_TRAINING, seed, range(objects), 4, size)


def _rendered(role: int, seed: int, scenes: Any, targets: int, size: int) -> dict[str, Any]:
    intrinsics = pinhole(_FIELD, size)
    images, poses = [], []
    for scene in scenes:
        boxes, cameras = _scene(role, seed, scene, targets)
        poses.append(cameras)
        images.append([render(boxes, pose, intrinsics, size) for pose in cameras])
    return {
        "images": np.array(images, np.uint8),
        "poses": np.array(poses, np.float64),
        "intrinsics": intrinsics,
    }


def _scene(role: int, seed: int, scene: int, targets: int) -> tuple[tuple[Box, ...], list[Floats]]:
    """Return an object and its poses: those that may be given, then those that are asked for."""
    rng = np.random.default_rng([role, seed, scene])
    boxes, first = draw_object(rng), rng.uniform(0, 360)
    yaws = [first + turn + rng.uniform(-_JITTER, _JITTER) for turn in _AROUND]
    poses = [around(yaw, rng.uniform(*_PITCH), _DISTANCE) for yaw in yaws]
    while len(poses) < len(_AROUND) + targets:
        pose = around(rng.uniform(0, 360), rng.uniform(*_PITCH), _DISTANCE)
        towards = pose[:3, 2] @ poses[0][:3, 2]
        if towards < np.cos(np.radians(_APART)):
            poses.append(pose)
    return boxes, poses


def _digest(meta: dict[str, Any]) -> str:
    """Return the digest of what is in the item, and of what training it names."""
    found = []
    for scene in meta["scenes"]:
        boxes, poses = _scene(_TEST, meta["seed"], scene, meta["targets"])
        # Nine digits: the last bits of a sine are the mathematics library's own.
        found.append([[asdict(_rounded(box)) for box in boxes], np.round(poses, 9).tolist()])
    text = json.dumps([meta, found], sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _rounded(box: Box) -> Box:
    x, y, z = np.round(box.centre, 9).tolist()
    return replace(box, centre=(x, y, z))
