"""From six views to a mesh."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from harness_plugins.generative.interface import InvalidOutputError
from harness_plugins.generative.solids.artifact import plain_mesh
from harness_plugins.generative.solids.checker import judge
from harness_plugins.generative.solids.hexaview import silhouettes
from harness_plugins.generative.solids.primitives import build
from harness_plugins.generative.solids.rasteriser import render
from harness_plugins.generative.solids.scenes import every_scene
from harness_plugins.generative_solids.carving import carve, occupancy


def test_carved_meshes_still_show_what_the_prompt_says(rng):
    found = []
    for scene in every_scene()[::8]:
        mesh = carve(render(build(scene, rng), 32))
        found.append([not v.fault for v in judge(render(mesh, 32), scene)])
    assert np.mean(found) >= 0.98


def test_the_hull_has_the_silhouettes_it_was_made_of(rng):
    for scene in every_scene()[::40]:
        views = render(build(scene, rng), 24)
        mesh = carve(views)
        assert plain_mesh(mesh).is_volume
        assert np.mean(silhouettes(render(mesh, 24)) != silhouettes(views)) < 0.02


@pytest.mark.parametrize("place", [(0.5, 0, 0), (0, 0.5, 0), (0, 0, 0.5), (-0.5, 0.4, 0.3)])
def test_things_stay_where_they_are(place):
    ball = trimesh.creation.icosphere(radius=0.3).apply_translation(place)
    ball.visual.face_colors = (30, 30, 200, 255)
    mesh = carve(render(ball, 40))
    assert np.allclose(mesh.bounds.mean(axis=0), place, atol=0.03)
    assert np.allclose(mesh.extents, 0.6, atol=0.06)


def test_a_box_keeps_its_volume_and_the_colours_of_its_sides():
    box = trimesh.creation.box(extents=(1.0, 0.8, 1.2))
    sides = np.array([[200, 0, 0], [0, 200, 0], [0, 0, 200]], np.uint8)
    axis = np.abs(box.face_normals).argmax(axis=1)
    box.visual.face_colors = np.column_stack([sides[axis], np.full(12, 255, np.uint8)])
    views = render(box, 40)
    grey = views.copy()
    grey[silhouettes(views)] = (90, 90, 90)
    assert carve(grey).volume == pytest.approx(box.volume, rel=0.05)
    mesh = carve(grey)
    flat = np.abs(mesh.face_normals).max(axis=1) > 0.99
    assert flat.mean() > 0.8
    assert (mesh.visual.face_colors[:, :3] == 90).all()


def test_colour_tells_apart_what_silhouettes_cannot():
    """From the side a ball hides in the silhouette of the cube behind it."""
    ball = trimesh.creation.icosphere(radius=0.4).apply_translation((-0.42, 0, 0))
    cube = trimesh.creation.box(extents=(0.8, 0.8, 0.8)).apply_translation((0.42, 0, 0))
    ball.visual.face_colors, cube.visual.face_colors = (200, 0, 0, 255), (0, 0, 200, 255)
    views = render(trimesh.util.concatenate([ball, cube]), 32)
    grey = views.copy()
    grey[silhouettes(views)] = (90, 90, 90)
    hull, carved = carve(grey).volume, carve(views).volume
    # Two cylinders share 16/3 r³, the ball has 4/3 π r³; the half that is seen is carved away.
    assert hull - carved == pytest.approx((8 / 3 - 2 / 3 * np.pi) * 0.4**3, rel=0.3)


def test_opposite_views_vote_together():
    views = np.full((6, 8, 8, 3), 255, np.uint8)
    views[:, 2:6, 2:6] = (200, 0, 0)
    assert occupancy(views)[3, 3, 3] == 1
    views[1] = 255  # the back sees nothing: half of the votes
    assert occupancy(views)[3, 3, 3] == 0.5
    assert occupancy(views).shape == (8, 8, 8)


def test_silhouettes_that_do_not_meet_are_told():
    views = np.full((6, 8, 8, 3), 255, np.uint8)
    views[:2, :4] = views[2:4, 4:] = views[4:] = (200, 0, 0)  # up here, down there
    with pytest.raises(InvalidOutputError, match="the silhouettes do not meet"):
        carve(views)
