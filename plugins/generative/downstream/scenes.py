"""Scenes of up to four shapes, put together of pictures of one shape each, and where they stand.

A picture of one shape adds to a scene what it differs by from the ground. So real pictures and
generated ones come into scenes in one way, and a real one gives just what drawing it there would.
The box of a thing is that of what stands out in its picture, as generated pictures are cut out and
pasted by Zhao et al., X-Paste, ICML 2023.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness_plugins.generative.images import Images, InvalidImagesError
from harness_plugins.generative.shapes import GROUND, SIDE

__all__ = ["SCENE", "Crops", "Scenes", "boxes_of", "drawer"]

_CELL = 20  # pixels of a quarter, in which one picture of 16 x 16 stands somewhere
_CELLS = 4
SCENE = 2 * _CELL
_FILLED = 0.75  # share of the quarters in which something stands
_TINT, _NOISE = 8.0, 10.0  # standard deviations of a scene's ground, and of each pixel's
_LIGHT = (0.6, 1.0)  # of a shape, against the ground
_STANDS_OUT = 60.0  # least distance from the ground, of 0 … 441, that is no ground

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Crops:
    """Pictures of one thing each.

    Attributes:
        images: uint8 (m, 16, 16, 3), on the ground of :mod:`harness_plugins.generative.shapes`.
        labels: (m,) what each shows, as numbers.
        boxes: (m, 4) left, top, right, bottom of what stands out, in pixels of the picture.
    """

    images: NDArray[np.uint8]
    labels: Ints
    boxes: Ints

    @classmethod
    def of(cls, images: Images, labels: Ints) -> Crops:
        """Return the pictures in which something stands; empty ones are left out.

        Raises:
            InvalidImagesError: they have another size.
        """
        if images.size != (SIDE, SIDE):
            height, width = images.size
            raise InvalidImagesError(
                f"pictures of {SIDE}x{SIDE} are expected, not {height}x{width}"
            )
        boxes = boxes_of(images)
        there = boxes[:, 2] > boxes[:, 0]
        return cls(images.bytes_()[there], np.asarray(labels)[there], boxes[there])

    def __len__(self) -> int:
        return len(self.images)

    def __add__(self, more: Crops) -> Crops:
        both = ((getattr(self, n), getattr(more, n)) for n in ("images", "labels", "boxes"))
        return Crops(*(np.concatenate(pair) for pair in both))


@dataclass(frozen=True, eq=False)
class Scenes:
    """Scenes and what stands in them.

    Attributes:
        images: uint8 (n, 40, 40, 3).
        place: (k,) the number of the scene of each thing, ascending.
        boxes: (k, 4) left, top, right, bottom in pixels of the scene.
        labels: (k,) what each thing is.
    """

    images: NDArray[np.uint8]
    place: Ints
    boxes: Ints
    labels: Ints


def boxes_of(images: Images) -> Ints:
    """Return the boxes (m, 4) around what stands out from the ground; empty where nothing does."""
    apart = images.bytes_().astype(np.float64) - np.array(GROUND, np.float64)
    stands = np.linalg.norm(apart, axis=-1) > _STANDS_OUT
    found = np.zeros((len(stands), 4), np.int64)
    for axis, seen in ((0, stands.any(axis=1)), (1, stands.any(axis=2))):
        found[:, axis] = seen.argmax(axis=1)
        found[:, axis + 2] = np.where(seen.any(axis=1), SIDE - seen[:, ::-1].argmax(axis=1), 0)
    return found


def drawer(real: Crops, seed: int, added: Crops | None = None) -> Callable[[int], Scenes]:
    """Return what draws so many new scenes, each picture of both sets as likely as any other.

    What is added takes the place of real pictures, and changes nothing else: which quarters are
    filled, where a thing stands in its own, its light and the ground are the same with it and
    without, draw for draw.

    Args:
        real: at least one.
        seed: of all that is drawn.
        added: further pictures.
    """
    own, other = np.random.default_rng([seed, 0]), np.random.default_rng([seed, 1])
    crops = real if added is None else real + added

    def draw(count: int) -> Scenes:
        which = own.integers(len(real), size=(count, _CELLS))
        filled = own.random((count, _CELLS)) < _FILLED
        if len(crops) > len(real):
            instead = other.integers(len(crops), size=which.shape)
            which = np.where(instead < len(real), which, instead)
        return _composed(own, crops, np.where(filled, which, -1))

    return draw


def _composed(rng: np.random.Generator, crops: Crops, which: Ints) -> Scenes:
    """Put pictures into the quarters of scenes, -1 being none; takes as many numbers for any."""
    n = len(which)
    offsets = rng.integers(_CELL - SIDE + 1, size=(n, _CELLS, 2))  # x, y within the quarter
    light = rng.uniform(*_LIGHT, (n, _CELLS))
    tint = rng.normal(0, _TINT, (n, 1, 1, 3)) + np.array(GROUND)
    scenes = tint + _NOISE * rng.standard_normal((n, SCENE, SCENE, 3), np.float32)
    place, quarter = np.nonzero(which >= 0)
    own = which[place, quarter]
    corners = offsets[place, quarter] + np.stack([quarter % 2, quarter // 2], 1) * _CELL
    apart = crops.images[own].astype(np.float64) - np.array(GROUND, np.float64)
    apart *= light[place, quarter, None, None, None]
    for scene, (x, y), thing in zip(place, corners, apart, strict=True):
        scenes[scene, y : y + SIDE, x : x + SIDE] += thing
    return Scenes(
        images=np.rint(scenes.clip(0, 255)).astype(np.uint8),
        place=place,
        boxes=crops.boxes[own] + np.tile(corners, 2),
        labels=crops.labels[own],
    )
