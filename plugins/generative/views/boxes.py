"""Objects of coloured boxes, and exact pictures of them.

A ray meets a box where it is inside all three pairs of its planes (Kay and Kajiya, "Ray tracing
complex scenes", SIGGRAPH 1986); the nearest box is seen, so visibility is exact. Faces are shaded
by Lambert's law under one distant light and an ambient one, without shadows; a pixel is the mean
of its rays, rounded to the nearest level.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness_plugins.generative.views.cameras import Floats, rays

__all__ = ["COLOURS", "Box", "draw_object", "hits", "render"]

# Each differs from white by 150 levels and more in some channel, in any light.
COLOURS = (
    (220, 50, 40),
    (60, 165, 60),
    (45, 90, 215),
    (235, 185, 30),
    (150, 60, 175),
    (35, 175, 185),
)
RADIUS = 0.5  # of the ball around the origin in which an object lies
_AMBIENT = 0.55
_LIGHT = np.array([0.36, 0.48, 0.80])  # direction to it; a unit vector
_SAMPLES = 3  # squared: rays of a pixel


@dataclass(frozen=True)
class Box:
    """A box that stands upright.

    Attributes:
        centre: in the world.
        half: half its sides, along its own axes.
        yaw: degrees by which it is turned around z.
        colour: index into :data:`COLOURS`.
    """

    centre: tuple[float, float, float]
    half: tuple[float, float, float]
    yaw: float
    colour: int

    @property
    def axes(self) -> Floats:
        """Its axes in the world, as columns."""
        turn = math.radians(self.yaw)
        return np.array(
            [
                [math.cos(turn), -math.sin(turn), 0.0],
                [math.sin(turn), math.cos(turn), 0.0],
                [0.0, 0.0, 1.0],
            ]
        )


def draw_object(rng: np.random.Generator) -> tuple[Box, ...]:
    """Draw 1 to 4 boxes of different colours: a larger one, and smaller ones at its sides.

    All lie within the ball of :data:`RADIUS`.
    """
    count = int(rng.integers(1, 5))
    colours = rng.permutation(len(COLOURS))[:count].tolist()
    first = Box((0.0, 0.0, 0.0), _three(rng.uniform(0.1, 0.26, 3)), _yaw(rng), colours[0])
    found = [first]
    while len(found) < count:
        half = rng.uniform(0.06, 0.15, 3)
        axis, side = int(rng.integers(3)), int(rng.choice((-1, 1)))
        # It touches one side of the first, somewhere on it; its own turn leaves it as it is.
        place = rng.uniform(-1, 1, 3) * first.half
        place[axis] = side * (first.half[axis] + half[axis])
        centre = first.axes @ place
        if np.linalg.norm(centre) + np.linalg.norm(half) < RADIUS:
            found.append(Box(_three(centre), _three(half), first.yaw, colours[len(found)]))
    return tuple(found)


def hits(boxes: tuple[Box, ...], origin: Floats, directions: Floats) -> tuple[Floats, ...]:
    """Return what rays meet first.

    Args:
        boxes: of the object.
        origin: (3,), where all rays start; outside of every box.
        directions: (n, 3), not zero.

    Returns:
        Depths (n,), in units of the directions' length, infinite where nothing is met; the box
        (n,) int64, −1 for none; and the face's normal (n, 3), 0 for none.
    """
    depth = np.full(len(directions), np.inf)
    box = np.full(len(directions), -1)
    normal = np.zeros_like(directions)
    for number, one in enumerate(boxes):
        along = directions @ one.axes
        start = (origin - one.centre) @ one.axes
        half = np.asarray(one.half)
        with np.errstate(divide="ignore", invalid="ignore"):
            a, b = (-half - start) / along, (half - start) / along
        # A ray within a plane is 0/0 there: it is between that pair of planes all along.
        within = np.isnan(a) | np.isnan(b)
        enter = np.where(within, -np.inf, np.minimum(a, b))
        leave = np.where(within, np.inf, np.maximum(a, b))
        axis = enter.argmax(axis=1)
        first = enter.max(axis=1)
        there = np.flatnonzero((first <= leave.min(axis=1)) & (first > 0) & (first < depth))
        depth[there], box[there] = first[there], number
        side = -np.sign(along[there, axis[there]])
        normal[there] = side[:, None] * one.axes[:, axis[there]].T
    return depth, box, normal


def render(
    boxes: tuple[Box, ...],
    pose: Floats,
    intrinsics: Floats,
    size: int,
    samples: int = _SAMPLES,
) -> NDArray[np.uint8]:
    """Return a picture of an object on white, uint8 (size, size, 3).

    Args:
        boxes: the object.
        pose: (4, 4), see :mod:`harness_plugins.generative.views.cameras`.
        intrinsics: (3, 3).
        size: pixels of a side.
        samples: each pixel is the mean of samples² rays.
    """
    directions = rays(pose, intrinsics, (size, size), samples).reshape(-1, 3)
    origin = pose[:3, 3]
    colour = np.full(directions.shape, 255.0)
    # Rays that pass by the ball of the object see white: most of them.
    nearest = directions @ -origin / np.einsum("ij,ij->i", directions, directions)
    near = np.linalg.norm(origin + nearest[:, None] * directions, axis=1) <= RADIUS
    _, box, normal = hits(boxes, origin, directions[near])
    paint = np.array([COLOURS[one.colour] for one in boxes], np.float64)
    light = _AMBIENT + (1 - _AMBIENT) * np.clip(normal @ _LIGHT, 0, None)
    colour[near] = np.where(box[:, None] >= 0, paint[box] * light[:, None], 255.0)
    mean = colour.reshape(size, size, samples**2, 3).mean(axis=2)
    return np.rint(mean).astype(np.uint8)


def _three(values: Floats) -> tuple[float, float, float]:
    x, y, z = (float(v) for v in values)
    return x, y, z


def _yaw(rng: np.random.Generator) -> float:
    return float(rng.uniform(0, 90))
