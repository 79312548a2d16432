"""Coloured primitives as meshes: cube, sphere, cylinder and cone, alone or in pairs."""

from __future__ import annotations

import numpy as np
import trimesh
from numpy.typing import NDArray

from harness_plugins.generative.solids.scenes import COLOURS, Primitive, Scene

__all__ = ["build"]

_SECTIONS = 32  # of the circles of a cylinder or cone


def build(scene: Scene, rng: np.random.Generator) -> trimesh.Trimesh:
    """Return the scene as a mesh with a colour for each face, in the middle of the volume.

    Sizes are drawn. Each primitive fills a cube: radius and half of the height are equal. Of two

    - ``on``: the first stands on the middle of the second, 0.62 to 0.70 times as large, so that
      it hides behind the second from below and leaves a rim of it to be seen from above;
    - ``beside``: both stand on the same ground along x, at most 0.04 apart, the first at the left
      or at the right.
    """
    if scene.second is None:
        parts = [(scene.first, rng.uniform(0.45, 0.8), np.zeros(3))]
    elif scene.relation == "on":
        parts = _on(scene.first, scene.second, rng)
    else:
        parts = _beside(scene.first, scene.second, rng)
    mesh = trimesh.util.concatenate([_primitive(*part) for part in parts])
    mesh.apply_translation(-mesh.bounds.mean(axis=0))
    return mesh


_Part = tuple[Primitive, float, NDArray[np.float64]]


def _on(first: Primitive, second: Primitive, rng: np.random.Generator) -> list[_Part]:
    below = rng.uniform(0.5, 0.55)
    above = below * rng.uniform(0.62, 0.7)
    return [(first, above, np.array([0, 0, below + above])), (second, below, np.zeros(3))]


def _beside(first: Primitive, second: Primitive, rng: np.random.Generator) -> list[_Part]:
    sizes = rng.uniform(0.38, 0.45, 2)
    apart = sizes.sum() + rng.uniform(0, 0.04)
    side = rng.choice([-1, 1])
    return [
        (first, sizes[0], np.array([0, 0, sizes[0]])),
        (second, sizes[1], np.array([side * apart, 0, sizes[1]])),
    ]


def _primitive(what: Primitive, size: float, centre: NDArray[np.float64]) -> trimesh.Trimesh:
    """Return a primitive that fills the cube of half-extent ``size`` around ``centre``."""
    make = trimesh.creation
    if what.shape == "cube":
        mesh = make.box(extents=(2, 2, 2))
    elif what.shape == "sphere":
        mesh = make.icosphere(subdivisions=2)
    elif what.shape == "cylinder":
        mesh = make.cylinder(radius=1, height=2, sections=_SECTIONS)
    else:
        mesh = make.cone(radius=1, height=2, sections=_SECTIONS)
        mesh.apply_translation((0, 0, -1))
    mesh.apply_scale(size)
    mesh.apply_translation(centre)
    mesh.visual.face_colors = (*COLOURS[what.colour], 255)
    return mesh
