"""Nearest and blended views: exact at known poses, and what they say in between."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness_plugins.generative.views.cameras import around, pinhole
from harness_plugins.generative_views.copies import BlendedViews, NearestView

K = pinhole(30.0, 4)
MODELS = [NearestView(), BlendedViews()]


def flat(*levels):
    return np.stack([np.full((4, 4, 3), level, np.uint8) for level in levels])


def poses(*yaws, pitch=0):
    return np.stack([around(yaw, pitch, 2) for yaw in yaws])


@pytest.mark.parametrize("model", MODELS, ids=lambda m: type(m).__name__)
def test_at_a_known_pose_the_known_view_comes_back_exactly(model, scenes):
    for images, cameras in zip(scenes.images, scenes.poses, strict=True):
        made = model.render(images[:4], cameras[:4], K, cameras[:4], 0, {})
        np.testing.assert_array_equal(made, images[:4])


@given(st.floats(-180, 180), st.permutations([0, 1, 2, 3]))
def test_the_nearest_view_is_the_one_of_the_least_angle(yaw, order):
    yaws = np.array([0.0, 80.0, 170.0, 260.0])
    apart = np.abs((yaws - yaw + 180) % 360 - 180)
    made = NearestView().render(
        flat(*(50 * n for n in order)), poses(*yaws[order]), K, poses(yaw), 0, {}
    )
    if np.sort(apart)[1] - apart.min() > 1e-6:
        assert made[0, 0, 0, 0] == 50 * int(apart.argmin())


def test_of_equally_near_views_the_first_is_taken():
    made = NearestView().render(flat(10, 20), poses(30, 30), K, poses(0), 0, {})
    assert made[0, 0, 0, 0] == 10


def test_blends_weigh_by_the_inverse_square_of_angles():
    made = BlendedViews().render(flat(0, 200), poses(0, 90), K, poses(30, 45), 0, {})
    assert made[0, 0, 0, 0] == 40  # 200 · (1/60²) / (1/30² + 1/60²)
    assert made[1, 0, 0, 0] == 100


@given(st.lists(st.floats(-180, 180), min_size=1, max_size=4), st.floats(-180, 180), st.data())
def test_blends_lie_between_the_views_in_any_order(yaws, target, data):
    levels = data.draw(st.lists(st.integers(0, 255), min_size=len(yaws), max_size=len(yaws)))
    made = BlendedViews().render(flat(*levels), poses(*yaws), K, poses(target), 0, {})
    assert min(levels) <= made.min() <= made.max() <= max(levels)
    turned = BlendedViews().render(
        flat(*levels[::-1]), poses(*yaws[::-1]), K, poses(target), 0, {}
    )
    assert np.abs(made.astype(int) - turned).max() <= 1
