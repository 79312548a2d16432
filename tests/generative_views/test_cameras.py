"""Poses, rays and projections: one convention, held to by hand, by scipy and by round trips."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from harness_plugins.generative.views.cameras import around, pinhole, project, rays, turns

YAW = st.floats(-720, 720)
PITCH = st.floats(-85, 85)
DISTANCE = st.floats(0.5, 10)
K = pinhole(30.0, 32)


@given(YAW, PITCH, DISTANCE)
def test_cameras_are_upright_and_look_at_the_origin(yaw, pitch, distance):
    pose = around(yaw, pitch, distance)
    axes, place = pose[:3, :3], pose[:3, 3]
    np.testing.assert_allclose(axes.T @ axes, np.eye(3), atol=1e-12)
    assert np.linalg.det(axes) == pytest.approx(1)
    assert np.linalg.norm(place) == pytest.approx(distance)
    np.testing.assert_allclose(axes[:, 2], -place / distance, atol=1e-12)  # forward
    assert axes[2, 0] == pytest.approx(0, abs=1e-12)  # its right is level
    assert axes[2, 1] < 0  # and its y points down
    assert pose[3].tolist() == [0, 0, 0, 1]


def test_a_camera_on_the_x_axis_sees_y_to_its_right_and_z_above():
    pose = around(0, 0, 2)
    places, depth = project([[0, 0, 0], [0, 0.1, 0], [0, 0, 0.1], [0.5, 0, 0]], pose, K)
    focal = 16 / math.tan(math.radians(15))
    assert K[0, 0] == pytest.approx(focal)
    shift = focal * 0.1 / 2
    np.testing.assert_allclose(
        places, [[16, 16], [16 + shift, 16], [16, 16 - shift], [16, 16]], atol=1e-9
    )
    np.testing.assert_allclose(depth, [2, 2, 2, 1.5])


def test_yaw_goes_from_x_to_y_and_pitch_upwards():
    np.testing.assert_allclose(around(90, 0, 2)[:3, 3], [0, 2, 0], atol=1e-12)
    np.testing.assert_allclose(
        around(0, 30, 2)[:3, 3], [2 * math.cos(math.pi / 6), 0, 1], atol=1e-12
    )


@given(YAW, PITCH, DISTANCE, st.integers(1, 3), st.floats(0.1, 5))
def test_what_lies_on_a_ray_falls_on_its_pixel(yaw, pitch, distance, samples, depth):
    pose, size = around(yaw, pitch, distance), (3, 5)
    intrinsics = np.array([[7.0, 0, 2.2], [0, 6.0, 1.4], [0, 0, 1]])
    ways = rays(pose, intrinsics, size, samples)
    assert ways.shape == (15, samples**2, 3)
    places, found = project(pose[:3, 3] + depth * ways, pose, intrinsics)
    np.testing.assert_allclose(found, depth)
    part = (np.arange(samples) + 0.5) / samples
    for pixel in range(15):
        row, column = divmod(pixel, 5)
        expected = [[column + x, row + y] for y in part for x in part]
        np.testing.assert_allclose(places[pixel], expected, atol=1e-7)


def test_behind_the_camera_the_depth_is_below_zero():
    _, depth = project([[3.0, 0, 0]], around(0, 0, 2), K)
    assert depth.tolist() == [-1.0]


@given(YAW, PITCH, YAW, PITCH)
def test_turns_are_the_angles_of_rotations(yaw, pitch, other, raised):
    one, two = around(yaw, pitch, 2), around(other, raised, 3)
    between = Rotation.from_matrix(one[:3, :3].T @ two[:3, :3]).magnitude()
    assert turns(one[None], two)[0] == pytest.approx(between, abs=1e-6)


def test_turns_know_directions_and_rolls():
    target = around(10, 0, 2)
    rolled = target.copy()
    rolled[:3, :3] = target[:3, :3] @ Rotation.from_euler("z", 40, degrees=True).as_matrix()
    found = np.degrees(
        turns(np.stack([target, around(55, 0, 2), around(190, 0, 2), rolled]), target)
    )
    np.testing.assert_allclose(found, [0, 45, 180, 40], atol=1e-5)
    assert found[0] < 1e-12
