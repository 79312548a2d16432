"""The steps of the task ``downstream``, each in a process that sees its inputs only.

What passes between them:

- the item, ``problem``: what :mod:`harness_plugins.generative.downstream.problems` says of it;
- ``real``, arrays: ``images`` uint8 (m, 16, 16, 3) of one thing each, ``labels`` (m,), and
  ``steps``, how long a detector is trained;
- ``training``: what a generator may learn from, as in the task ``text-to-image``: ``images``,
  ``prompts``, ``budget``; ``own`` says which of them are in ``real``;
- ``prompts``: what is asked for, :class:`harness_plugins.generative.prompts.Prompts`;
- ``test``, arrays: ``images`` uint8 (n, 40, 40, 3). No step of a model sees it;
- ``truth``, arrays: what stands in them, and the number of the ``rare`` class. No network sees it;
- ``checkpoint``, ``adapted``, ``samples``, ``verdicts``: as in the task ``text-to-image``;
- ``detector_real``, ``detector_augmented``: networks trained on real pictures alone, and on real
  and generated ones: the same first weights, the same number of steps, and scenes that differ in
  nothing but where a generated picture stands;
- ``found_real``, ``found_augmented``, arrays: ``place``, ``boxes``, ``labels``, ``scores`` of what
  each finds in ``test``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from harness_plugins.generative.downstream import problems
from harness_plugins.generative.downstream.scenes import Crops, drawer
from harness_plugins.generative.images import Images
from harness_plugins.generative.prompts import Prompts
from harness_plugins.generative.samples import Samples
from harness_plugins.generative.shapes import SHAPES

__all__ = [
    "PromptsFile",
    "detect_augmented",
    "detect_real",
    "draw",
    "train_augmented",
    "train_real",
]

Inputs = Mapping[str, Any]


class PromptsFile:
    """A block of prompts as JSON, without a source."""

    @staticmethod
    def dump(value: Prompts) -> bytes:
        """Return the bytes of a file."""
        return json.dumps(asdict(value), sort_keys=True).encode()

    @staticmethod
    def load(data: bytes) -> Prompts:
        """Return the block of a file."""
        held = json.loads(data)
        size = held["size"]
        return Prompts(
            tuple(held["prompts"]), tuple(held["seeds"]), None if size is None else tuple(size)
        )


def draw(_model: None, inputs: Inputs, _point: None, _seed: None) -> dict[str, Any]:
    """Draw what an item says."""
    problem = inputs["problem"]
    images, prompts = problems.real(problem)
    scenes = problems.test(problem)
    return {
        "real": {
            "images": images.bytes_(),
            "labels": np.array([problems.label(text) for text in prompts]),
            "steps": np.int64(problem["steps"]),
        },
        "training": problems.learned(problem),
        "prompts": problems.asked(problem),
        "test": {"images": scenes.images},
        "truth": {
            "place": scenes.place,
            "boxes": scenes.boxes,
            "labels": scenes.labels,
            "scenes": np.int64(len(scenes.images)),
            "rare": np.int64(SHAPES.index(problem["rare"])),
        },
    }


def train_real(_model: None, inputs: Inputs, _point: None, seed: int) -> dict[str, bytes]:
    """Train a detector on real pictures alone."""
    return {"detector_real": _trained(inputs["real"], seed, None)}


def train_augmented(_model: None, inputs: Inputs, _point: Any, seed: int) -> dict[str, bytes]:
    """Train the same detector on real pictures and on those that were made for it.

    Pictures in which nothing stands out are left out.

    Raises:
        InvalidImagesError: the pictures are of another size than real ones.
    """
    samples: Samples = inputs["samples"]
    labels = np.array([problems.label(text) for text in samples.prompts])
    return {"detector_augmented": _trained(inputs["real"], seed, Crops.of(samples.images, labels))}


def _trained(real: Inputs, seed: int, added: Crops | None) -> bytes:
    from harness_plugins.generative.downstream.detector import train

    crops = Crops.of(Images.of(real["images"], "real pictures"), real["labels"])
    return train(drawer(crops, seed, added), len(SHAPES), int(real["steps"]), seed)


def detect_real(_model: None, inputs: Inputs, _point: None, _seed: int) -> dict[str, Any]:
    """Search the scenes of the test with what learned from real pictures alone."""
    return {"found_real": _found(inputs, "detector_real")}


def detect_augmented(_model: None, inputs: Inputs, _point: Any, _seed: int) -> dict[str, Any]:
    """Search the same scenes with what learned from generated pictures as well."""
    return {"found_augmented": _found(inputs, "detector_augmented")}


def _found(inputs: Inputs, detector: str) -> dict[str, Any]:
    from harness_plugins.generative.downstream.detector import detect

    return detect(inputs[detector], inputs["test"]["images"])
