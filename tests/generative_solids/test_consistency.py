"""Silhouettes of one solid agree; those of several do not."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from hypothesis import given
from hypothesis import strategies as st

from harness_plugins.generative.solids.consistency import consistency
from harness_plugins.generative.solids.primitives import build
from harness_plugins.generative.solids.rasteriser import render
from harness_plugins.generative.solids.scenes import every_scene

WHITE = np.full((6, 12, 12, 3), 255, np.uint8)


@given(
    scene=st.sampled_from(every_scene()),
    seed=st.integers(0, 99),
    size=st.sampled_from([9, 16, 32]),
    away=st.tuples(*[st.floats(-0.05, 0.05)] * 3),
)
def test_views_of_a_solid_are_consistent(scene, seed, size, away):
    mesh = build(scene, np.random.default_rng(seed))
    assert consistency(render(mesh.apply_translation(away), size)) == 1


@pytest.mark.parametrize("form", ["torus", "box", "capsule"])
def test_turned_solids_too(form, rng):
    for _ in range(5):
        mesh = {
            "torus": trimesh.creation.torus(0.6, 0.2),
            "box": trimesh.creation.box(extents=(1, 0.7, 0.4)),
            "capsule": trimesh.creation.capsule(0.6, 0.2),
        }[form]
        mesh.apply_transform(trimesh.transformations.random_rotation_matrix(rng.random(3)))
        assert consistency(render(mesh, 48)) >= 0.995  # corners thinner than a pixel


def plate(rows, columns):
    view = WHITE[0].copy()
    view[rows[0] : rows[1], columns[0] : columns[1]] = (200, 0, 0)
    return view


def test_the_number_by_hand():
    views = np.stack([plate((2, 10), (2, 10))] * 6)
    assert consistency(views) == 1
    views[0] = plate((2, 10), (2, 6))
    # front and back share 32 of 96 pixels: the front is 2…6, the mirrored back still 2…10
    mirror = 32 / 64
    x = 1 - (4 - 1) / 8  # ends at 6, elsewhere at 10, a pixel free, over a length of 8
    assert consistency(views) == pytest.approx((mirror + 1 + 1 + x + 1 + 1) / 6)
    views[0] = plate((2, 10), (2, 9))
    assert consistency(views) == pytest.approx((7 / 8 + 5) / 6)


def test_the_highest_and_lowest_rows_are_the_z_axis():
    views = np.stack([plate((2, 10), (2, 10))] * 6)
    views[2] = views[3] = plate((2, 4), (2, 10))  # two pixels high
    z = 1 - (6 - 1) / 8
    assert consistency(views) == pytest.approx((5 + z) / 6)


def test_swapped_views_are_noticed():
    mesh = trimesh.creation.box(extents=(1.6, 0.8, 0.4))
    mesh.visual.face_colors = (200, 0, 0, 255)
    views = render(mesh, 32)
    for order in ([2, 1, 0, 3, 4, 5], [4, 1, 2, 3, 0, 5], [0, 1, 4, 3, 2, 5]):
        assert consistency(views[order]) < 0.9


def test_views_that_are_not_mirrored_are_noticed(rng):
    mesh = trimesh.creation.cone(0.5, 0.8).apply_transform(
        trimesh.transformations.rotation_matrix(1, (0, 1, 0))
    )
    mesh.visual.face_colors = (200, 0, 0, 255)
    views = render(mesh, 32)
    assert consistency(views) == 1
    views[1] = views[1][:, ::-1]
    assert consistency(views) < 0.98


def test_nothing_is_consistent_with_nothing():
    assert consistency(WHITE) == 0
    views = np.stack([plate((2, 10), (2, 10))] * 6)
    views[5] = 255  # no bottom: its pair has nothing in common, x and y no end there
    assert consistency(views) == pytest.approx(3 / 6)


@given(seed=st.integers(0, 10**6), share=st.floats(0, 1))
def test_it_lies_between_0_and_1(seed, share):
    rng = np.random.default_rng(seed)
    shown = rng.random((6, 8, 8, 1)) < share
    views = np.where(shown, np.uint8(0), np.uint8(255)).repeat(3, axis=-1)
    assert 0 <= consistency(views) <= 1
