"""Shapes that a few words say wholly: pictures of 16 × 16 pixels, drawn from a seed.

``red circle`` is one disc somewhere on a plain ground, of some size: there are 16 such prompts,
and a rule can tell whether a picture shows what was asked (:mod:`.shape_rules`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.spec import Item
from harness_plugins.generative.images import Images
from harness_plugins.generative.prompts import blocks

__all__ = [
    "COLOURS",
    "GROUND",
    "SHAPES",
    "SIDE",
    "Shapes",
    "draw",
    "index",
    "inside",
    "pictures",
    "prompt",
]

COLOURS: Mapping[str, tuple[int, int, int]] = {
    "red": (220, 50, 47),
    "green": (70, 180, 70),
    "blue": (50, 90, 220),
    "yellow": (235, 200, 40),
}
SHAPES = ("circle", "square", "triangle", "plus")
GROUND = (28, 28, 36)
SIDE = 16
_FINE = 4  # points along the side of a pixel
_RADII = (4.0, 6.0)
_TRAINING, _REFERENCE, _ASKED, _FURTHER = 1, 2, 3, 4  # purposes of generators
_AT_ONCE = 500

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def prompt(colour: int, shape: int) -> str:
    """Return the words for a colour and a shape, by their numbers."""
    return f"{list(COLOURS)[colour]} {SHAPES[shape]}"


def inside(shape: str, x: Floats, y: Floats) -> NDArray[np.bool_]:
    """Say where points lie inside a shape of radius 1 around the origin; y points down."""
    if shape == "circle":
        return x**2 + y**2 <= 1
    if shape == "square":
        return np.maximum(abs(x), abs(y)) <= 0.9
    if shape == "triangle":  # its base is the lower side
        return (y <= 0.9) & (abs(x) <= (y + 1) * (1 / 1.9))
    across = np.minimum(abs(x), abs(y)) <= 1 / 3
    return across & (np.maximum(abs(x), abs(y)) <= 1)


def draw(
    colours: Ints, shapes: Ints, centres: Floats, radii: Floats, side: int = SIDE
) -> NDArray[np.uint8]:
    """Draw one shape in each picture, each pixel by the share of it that is covered.

    Args:
        colours, shapes: (n,) numbers in ``COLOURS`` and ``SHAPES``.
        centres: (n, 2) x and y in pixels, from the upper left corner.
        radii: (n,) in pixels.
        side: height and width.

    Returns:
        uint8 (n, side, side, 3).
    """
    covered = coverage(shapes, centres, radii, side)[..., None]
    ink = np.array(list(COLOURS.values()), np.float64)[colours][:, None, None]
    return np.rint(covered * ink + (1 - covered) * np.array(GROUND, np.float64)).astype(np.uint8)


def coverage(shapes: Ints, centres: Floats, radii: Floats, side: int = SIDE) -> Floats:
    """Return the share of each pixel that a shape covers, (n, side, side)."""
    at = (np.arange(side * _FINE) + 0.5) / _FINE
    covered = np.empty((len(shapes), side, side))
    for number, name in enumerate(SHAPES):
        own = np.flatnonzero(shapes == number)
        for start in range(0, len(own), _AT_ONCE):
            rows = own[start : start + _AT_ONCE]
            scale = radii[rows, None, None]
            x = (at[None, None] - centres[rows, 0, None, None]) / scale
            y = (at[None, :, None] - centres[rows, 1, None, None]) / scale
            fine = inside(name, x, y).reshape(len(rows), side, _FINE, side, _FINE)
            covered[rows] = fine.mean(axis=(2, 4))
    return covered


@dataclass(frozen=True)
class Shapes:
    """Where pictures of shapes come from: a :class:`harness_plugins.generative.prompts.Source`.

    Args:
        train: pictures to learn from.
        compared: pictures to compare with.
        budget: pictures that training may look at, repetitions counted.
        seed: of all of them.
    """

    train: int
    compared: int
    budget: int
    seed: int

    @property
    def signature(self) -> str:
        """How the pictures are made."""
        return f"shapes16|{_FINE}x{_FINE} points a pixel|uniform over 16 prompts|v1"

    def training(self) -> dict[str, Any]:
        """Return ``images`` uint8 (n, 16, 16, 3), the ``prompts`` they show, and ``budget``."""
        drawn = _drawn(np.random.default_rng([self.seed, _TRAINING]), self.train)
        return drawn | {"budget": self.budget}

    def reference(self) -> Iterator[Images]:
        """Yield the pictures that generated ones are compared with."""
        yield self._compared(_REFERENCE)

    def further(self) -> Iterator[Images]:
        """Yield as many others, for the floor of what is compared."""
        yield self._compared(_FURTHER)

    def _compared(self, purpose: int) -> Images:
        drawn = _drawn(np.random.default_rng([self.seed, purpose]), self.compared)
        return Images.of(drawn["images"])


def index(
    *, count: int, block: int, train: int, reference: int, budget: int, seed: int
) -> Sequence[Item]:
    """Return blocks of prompts: all 16 in one order, then in another, and so on.

    A larger ``count`` keeps the prompts that were there.

    Raises:
        ValueError: a number is out of its range; one line.
    """
    least = {"train": 16, "reference": 2, "budget": 0, "seed": 0}
    for name, value in zip(least, (train, reference, budget, seed), strict=True):
        if value < least[name]:
            raise ValueError(f"{name} must be at least {least[name]}, got {value}")
    rng = np.random.default_rng([seed, _ASKED])
    kinds = len(COLOURS) * len(SHAPES)
    asked = [number for _ in range(-(-count // kinds)) for number in rng.permutation(kinds)]
    prompts = [prompt(*divmod(int(number), len(SHAPES))) for number in asked[:count]]
    params = {"train": train, "compared": reference, "budget": budget, "seed": seed}
    source = {"ref": f"{__name__}:Shapes", "params": params}
    return blocks(
        prompts, seed=seed, block=block, size=(SIDE, SIDE), categories=prompts, source=source
    )


def pictures(rng: np.random.Generator, colours: Ints, shapes: Ints) -> NDArray[np.uint8]:
    """Draw pictures of given colours and shapes (n,), of any size and at any place that fits."""
    radii = rng.uniform(*_RADII, len(shapes))
    room = SIDE - 2 * radii
    centres = radii[:, None] + rng.uniform(size=(len(shapes), 2)) * room[:, None]
    return draw(colours, shapes, centres, radii)


def _drawn(rng: np.random.Generator, count: int) -> dict[str, Any]:
    colours = rng.integers(len(COLOURS), size=count)
    shapes = rng.integers(len(SHAPES), size=count)
    prompts = [prompt(int(c), int(s)) for c, s in zip(colours, shapes, strict=True)]
    return {"images": pictures(rng, colours, shapes), "prompts": prompts}
