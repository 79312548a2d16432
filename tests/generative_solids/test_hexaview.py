"""Which way the six views look."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from harness_plugins.generative.solids.hexaview import BACKGROUND, VIEWS, silhouettes
from harness_plugins.generative.solids.rasteriser import render

SIDES = {
    "front": (0, -1, 0),
    "back": (0, 1, 0),
    "left": (-1, 0, 0),
    "right": (1, 0, 0),
    "top": (0, 0, 1),
    "bottom": (0, 0, -1),
}


def test_the_views_have_their_order():
    assert list(VIEWS) == list(SIDES)


@pytest.mark.parametrize("view", SIDES)
def test_each_view_sees_the_side_it_is_called_by(view):
    cube = trimesh.creation.box(extents=(1, 1, 1))
    facing = cube.face_normals @ SIDES[view] > 0.9
    cube.visual.face_colors = np.where(facing[:, None], (255, 0, 0, 255), (0, 0, 255, 255))
    for name, seen in zip(VIEWS, render(cube, 16), strict=True):
        red = (seen == (255, 0, 0)).all(-1)
        assert red.any() == (name == view)
        assert red.sum() in (0, 64)


@pytest.mark.parametrize(
    ("place", "where"),
    [
        # the pixel (row, column) of a small ball, of 3 × 3, in each view; "m" is the middle
        ((0.6, 0, 0), ["mr", "ml", "mm", "mm", "mr", "mr"]),
        ((0, 0.6, 0), ["mm", "mm", "ml", "mr", "tm", "bm"]),
        ((0, 0, 0.6), ["tm", "tm", "tm", "tm", "mm", "mm"]),
    ],
)
def test_axes_run_as_the_table_says(place, where):
    ball = trimesh.creation.icosphere(radius=0.2).apply_translation(place)
    ball.visual.face_colors = (200, 0, 0, 255)
    row, column = {"t": 0, "m": 1, "b": 2}, {"l": 0, "m": 1, "r": 2}
    for seen, (r, c) in zip(silhouettes(render(ball, 30)), where, strict=True):
        rows, columns = np.nonzero(seen)
        assert (round(rows.mean()) // 10, round(columns.mean()) // 10) == (row[r], column[c])


def test_cameras_are_right_handed():
    for right, up, forward in VIEWS.values():
        assert np.array_equal(np.cross(right, forward), up)


@pytest.mark.parametrize(
    ("pixel", "shown"),
    [(BACKGROUND, False), ((235, 240, 250), False), ((255, 255, 190), True), ((0, 0, 0), True)],
)
def test_a_pixel_shows_something_where_it_is_far_from_the_background(pixel, shown):
    assert silhouettes(np.array([[pixel]], np.uint8)).item() is shown
