"""The dataset ``moving_shapes``: a shape moves over a texture that stays, and is to be edited.

Eight frames of 16 × 16 pixels, drawn from a seed. The shape is one of :mod:`..shapes`, moves
straight and never leaves the picture; the texture is waves around the plain ground, dim enough for
the rules of :mod:`..shape_rules` to take them for ground. An edit asks for another colour, or for
another shape of the same place, size and motion. So source, target and mask are exact.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.spec import Item
from harness_plugins.generative.shapes import COLOURS, GROUND, SHAPES, SIDE, coverage, prompt

__all__ = ["FRAMES", "Clip", "draw", "index", "load", "training"]

FRAMES = 8
_HERE = "harness_plugins.generative.editing.moving_shapes"
_RADII = (3.5, 4.0)  # pixels
_SPEED = 0.6  # pixels a frame, at most, along each axis
_WAVES, _STRENGTH = 2, 11.0  # of each channel; levels of a wave
_LONGEST = (0.2, 1.2)  # radians a pixel
_TEST, _TRAINING = 0, 1  # generators of their own, so that no video is in both

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Clip:
    """A video in numbers.

    Attributes:
        colour, shape: of the source, by their places in ``COLOURS`` and ``SHAPES``.
        new_colour, new_shape: of the target; one of them is the source's.
        radius: pixels.
        centres: (x, y) in pixels of each frame.
        waves: of the texture, (red, green, blue) each of (x, y, phase) in radians.
    """

    colour: int
    shape: int
    new_colour: int
    new_shape: int
    radius: float
    centres: tuple[tuple[float, float], ...]
    waves: tuple[tuple[tuple[float, float, float], ...], ...]


def index(*, videos: int, block: int, training: int, budget: int, seed: int) -> list[Item]:
    """Return blocks of videos with their edits: the even ones recolour, the odd ones reshape.

    An item's digest covers the numbers of its videos. More videos change none that were there.

    Args:
        videos: how many to edit.
        block: how many of them are one item; the last may be smaller.
        training: other videos, to learn from.
        budget: videos that training may look at, repetitions counted.
        seed: of everything.

    Raises:
        ValueError: a number is out of its range; one line.
    """
    numbers = {"videos": (videos, 1), "block": (block, 1), "training": (training, 1)}
    for name, (value, least) in (numbers | {"budget": (budget, 1), "seed": (seed, 0)}).items():
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise ValueError(f"{name} must be a whole number from {least} on, got {value!r}")
    starts = range(0, videos, block)
    width = len(str(len(starts) - 1))
    items = []
    for number, start in enumerate(starts):
        own = list(range(start, min(start + block, videos)))
        lesson = {"seed": seed, "videos": training}
        meta = {"seed": seed, "videos": own, "training": lesson, "budget": budget}
        items.append(Item(f"block{number:0{width}}", _digest(meta), "", meta))
    return items


def load(item: Item, _data: bytes | None) -> dict[str, Any]:
    """Return the item, as :mod:`harness_plugins.generative.editing.edits` describes it."""
    meta: Any = item.meta
    clips = [_clip(_TEST, meta["seed"], number) for number in meta["videos"]]
    return {
        "frames": np.stack([draw(c, c.colour, c.shape)[0] for c in clips]),
        "mask": np.stack([_mask(c) for c in clips]),
        "source_prompt": [prompt(c.colour, c.shape) for c in clips],
        "prompt": [prompt(c.new_colour, c.new_shape) for c in clips],
        "target": np.stack([draw(c, c.new_colour, c.new_shape)[0] for c in clips]),
        "training": {
            "ref": f"{_HERE}:training",
            "params": meta["training"],
            "budget": meta["budget"],
        },
    }


def training(*, videos: int, seed: int) -> dict[str, Any]:
    """Return videos to learn from.

    They are ``videos`` uint8 (n, 8, 16, 16, 3), the ``prompts`` they show, and ``masks`` bool
    (n, 8, 16, 16), drawn as those of videos to edit.
    """
    clips = [_clip(_TRAINING, seed, number) for number in range(videos)]
    return {
        "videos": np.stack([draw(c, c.colour, c.shape)[0] for c in clips]),
        "prompts": [prompt(c.colour, c.shape) for c in clips],
        "masks": np.stack([_mask(c) for c in clips]),
    }


def draw(clip: Clip, colour: int, shape: int) -> tuple[Pixels, Floats]:
    """Return the frames of a clip, (8, 16, 16, 3), and the covered share of pixels, (8, 16, 16).

    ``colour`` and ``shape`` are numbers, as in the clip.
    """
    shapes, radii = np.full(FRAMES, shape), np.full(FRAMES, clip.radius)
    covered = coverage(shapes, np.array(clip.centres), radii)
    ink = np.array(list(COLOURS.values())[colour], np.float64)
    share = covered[..., None]
    return np.rint(share * ink + (1 - share) * _texture(clip)).astype(np.uint8), covered


def _mask(clip: Clip) -> NDArray[np.bool_]:
    """Return where the source's object is, or the target's, (8, 16, 16)."""
    found: NDArray[np.bool_] = np.logical_or(
        *(draw(clip, clip.colour, shape)[1] > 0 for shape in (clip.shape, clip.new_shape))
    )
    return found


def _texture(clip: Clip) -> Floats:
    """Return the ground without the shape, (16, 16, 3), in levels."""
    y, x = np.mgrid[:SIDE, :SIDE]
    levels = [
        sum(np.sin(across * x + down * y + phase) for across, down, phase in waves)
        for waves in clip.waves
    ]
    return np.array(GROUND, np.float64) + _STRENGTH * np.stack(levels, axis=-1)


def _clip(role: int, seed: int, number: int) -> Clip:
    rng = np.random.default_rng([role, seed, number])
    colour, shape = int(rng.integers(len(COLOURS))), int(rng.integers(len(SHAPES)))
    new_colour = (colour + int(rng.integers(1, len(COLOURS)))) % len(COLOURS)
    new_shape = (shape + int(rng.integers(1, len(SHAPES)))) % len(SHAPES)
    radius = float(rng.uniform(*_RADII))
    speed = rng.uniform(-_SPEED, _SPEED, 2)
    way = (FRAMES - 1) * speed
    low, high = radius - np.minimum(way, 0), SIDE - radius - np.maximum(way, 0)
    first = rng.uniform(low, high)
    length = rng.uniform(*_LONGEST, (3, _WAVES, 2)) * rng.choice([-1, 1], (3, _WAVES, 2))
    waves = np.concatenate([length, rng.uniform(0, 2 * np.pi, (3, _WAVES, 1))], axis=2)
    reshaped = number % 2 == 1
    return Clip(
        colour=colour,
        shape=shape,
        new_colour=colour if reshaped else new_colour,
        new_shape=new_shape if reshaped else shape,
        radius=radius,
        centres=tuple((float(x), float(y)) for x, y in first + np.arange(FRAMES)[:, None] * speed),
        waves=tuple(tuple((float(a), float(b), float(c)) for a, b, c in w) for w in waves),
    )


def _digest(meta: dict[str, Any]) -> str:
    """Return the digest of what is in the item, and of what training it names."""
    clips = [asdict(_clip(_TEST, meta["seed"], number)) for number in meta["videos"]]
    text = json.dumps([meta, clips], sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
