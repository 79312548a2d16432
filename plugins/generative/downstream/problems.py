"""Problems of a rare class: few pictures of one shape, scenes to be searched, pictures to ask for.

Which pictures a generator learns from is said in an item: those that the detector has, and
``pool`` others of all prompts, where a generator that was trained before shall be had.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from harness.spec import Item
from harness_plugins.generative.downstream.scenes import Crops, Ints, Scenes, drawer
from harness_plugins.generative.images import Images
from harness_plugins.generative.prompts import Prompts, prompt_seeds
from harness_plugins.generative.shapes import COLOURS, SHAPES, SIDE, pictures, prompt

__all__ = ["asked", "index", "label", "learned", "load", "real", "test"]

_REAL, _POOL, _TEST = 1, 2, 3  # purposes of generators
_OTHERS = 100  # pictures of each class, of which scenes for the test are put together
_LEAST = {
    "common": 1,
    "few": 1,
    "filled": 1,
    "scenes": 20,
    "steps": 1,
    "pool": 0,
    "budget": 0,
    "seed": 0,
}


def index(*, rare: Sequence[str], **numbers: int) -> list[Item]:
    """Return an item for each shape that is the rare one.

    Args:
        rare: shapes of :mod:`harness_plugins.generative.shapes`.
        numbers: ``common`` real pictures of each other shape, ``few`` of the rare one; ``filled``,
            to which number generated pictures bring each class; ``scenes`` for the test; ``steps``
            of the detector's training; ``pool`` further pictures that a generator learns from,
            ``budget`` how many it may look at, repetitions counted; ``seed`` of everything.

    Raises:
        ValueError: a number is out of its range, or a shape is not known; one line.
    """
    for name, least in _LEAST.items():
        if numbers[name] < least:
            raise ValueError(f"{name} must be at least {least}, got {numbers[name]}")
    most = max(numbers["common"], numbers["few"])
    if numbers["filled"] <= most:
        raise ValueError(
            f"filled must be more than the {most} pictures that a class has, "
            f"got {numbers['filled']}"
        )
    unknown = [shape for shape in rare if shape not in SHAPES]
    if unknown or not rare or isinstance(rare, str):
        raise ValueError(f"rare must be a list of {', '.join(SHAPES)}, got {rare!r}")
    items = []
    for shape in rare:
        meta = {"rare": shape, **numbers, "generator_sees": _said(numbers)}
        text = json.dumps([meta, "scenes of shapes|v1"], sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()
        items.append(Item(f"rare-{shape}", digest, "", meta))
    return items


def load(item: Item, _data: bytes | None) -> dict[str, Any]:
    """Return what an item says of its problem."""
    return dict(item.meta)


def _said(numbers: Mapping[str, int]) -> str:
    pool = numbers["pool"]
    return "the detector's real pictures" + (f" and {pool} others of all prompts" if pool else "")


def label(text: str) -> int:
    """Return the class of a prompt: the number of its shape."""
    return SHAPES.index(text.split()[1])


def real(problem: Mapping[str, Any]) -> tuple[Images, list[str]]:
    """Return the real pictures and the prompts they show."""
    images, prompts = [], []
    for number, shape in enumerate(SHAPES):
        count = problem["few"] if shape == problem["rare"] else problem["common"]
        rng = np.random.default_rng([problem["seed"], _REAL, number])
        colours = rng.permutation(np.arange(count) % len(COLOURS))
        images.append(pictures(rng, colours, np.full(count, number)))
        prompts += [prompt(int(colour), number) for colour in colours]
    return Images.of(np.concatenate(images)), prompts


def learned(problem: Mapping[str, Any]) -> dict[str, Any]:
    """Return what generators learn from.

    Returns:
        ``images`` uint8 (n, 16, 16, 3), the ``prompts`` (n,) they show, ``own`` (n,) whether the
        detector has them as well, and ``budget``.
    """
    own, prompts = real(problem)
    rng = np.random.default_rng([problem["seed"], _POOL])
    kinds: Ints = rng.integers(len(COLOURS) * len(SHAPES), size=problem["pool"])
    colours, shapes = np.divmod(kinds, len(SHAPES))
    others = [prompt(int(c), int(s)) for c, s in zip(colours, shapes, strict=True)]
    return {
        "images": np.concatenate([own.bytes_(), pictures(rng, colours, shapes)]),
        "prompts": np.array(prompts + others),
        "own": np.arange(len(prompts) + len(others)) < len(prompts),
        "budget": np.int64(problem["budget"]),
    }


def asked(problem: Mapping[str, Any]) -> Prompts:
    """Return the pictures to ask for: so many that each class is filled, the rare one first."""
    order = sorted(SHAPES, key=lambda shape: (shape != problem["rare"], SHAPES.index(shape)))
    prompts = []
    for shape in order:
        have = problem["few"] if shape == problem["rare"] else problem["common"]
        number = SHAPES.index(shape)
        prompts += [prompt(n % len(COLOURS), number) for n in range(problem["filled"] - have)]
    seeds = prompt_seeds(problem["seed"], len(prompts))
    return Prompts(tuple(prompts), tuple(seeds), (SIDE, SIDE))


def test(problem: Mapping[str, Any]) -> Scenes:
    """Return the scenes of the test, of pictures of their own, all classes alike."""
    rng = np.random.default_rng([problem["seed"], _TEST])
    shapes = np.repeat(np.arange(len(SHAPES)), _OTHERS)
    colours: Ints = rng.integers(len(COLOURS), size=len(shapes))
    crops = Crops.of(Images.of(pictures(rng, colours, shapes)), shapes)
    return drawer(crops, int(rng.integers(2**32)))(problem["scenes"])
