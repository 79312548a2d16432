"""Items of views: what is taken, and in which words anything else is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from harness_plugins.generative.images import InvalidImagesError
from harness_plugins.generative.views.cameras import around, pinhole
from harness_plugins.generative.views.scenes import InvalidScenesError, Scenes, silhouettes


def one_object(views=6, size=8):
    rng = np.random.default_rng(0)
    return {
        "images": rng.integers(0, 256, (views, size, size, 3), dtype=np.uint8),
        "poses": np.stack([around(40 * view, 20, 1.5) for view in range(views)]),
        "intrinsics": pinhole(50.0, size),
    }


def test_one_object_is_a_block_of_one():
    item = one_object()
    scenes = Scenes.of(item)
    assert len(scenes) == 1
    np.testing.assert_array_equal(scenes.images[0], item["images"])
    np.testing.assert_array_equal(scenes.poses[0], item["poses"])
    assert scenes.training == {}


def test_blocks_and_single_precision_are_taken():
    item = one_object()
    block = {
        "images": np.stack([item["images"]] * 3),
        "poses": np.stack([item["poses"]] * 3).astype(np.float32),
        "intrinsics": item["intrinsics"].astype(np.float32),
        "training": {"ref": "a:b", "params": {}, "budget": 1},
    }
    scenes = Scenes.of(block)
    assert len(scenes) == 3
    assert scenes.poses.dtype == scenes.intrinsics.dtype == np.float64
    assert scenes.training["budget"] == 1


def with_pose(change):
    item = one_object()
    item["poses"] = item["poses"].copy()
    change(item["poses"])
    return item


FAULTS = {
    "no poses": (
        {"images": 0, "pose": 0, "intrinsics": 0},
        "an item of views has no 'poses' (did you mean 'pose'?)",
    ),
    "too few": (
        one_object(views=4),
        "images: 4 views of an object; expected 4 that may be given and one to be asked for",
    ),
    "one picture": (
        one_object() | {"images": np.zeros((8, 8, 3), np.uint8)},
        "images: expected (v, H, W, 3) or (s, v, H, W, 3), got (8, 8, 3)",
    ),
    "a pose is missing": (
        one_object() | {"poses": one_object(views=5)["poses"]},
        "poses: expected floats (1, 6, 4, 4), one pose for each image, got float64 (1, 5, 4, 4)",
    ),
    "no homogeneous row": (
        one_object() | {"poses": one_object()["poses"][:, :3]},
        "poses: expected floats (1, 6, 4, 4), one pose for each image, got float64 (1, 6, 3, 4)",
    ),
    "NaN": (
        with_pose(lambda p: p.__setitem__((2, 0, 3), np.nan)),
        "poses: view 2 of object 0 has a NaN or an infinite number",
    ),
    "transposed": (
        with_pose(lambda p: p.__setitem__(1, p[1].T.copy())),
        "poses: view 1 of object 0 does not end with the row 0 0 0 1",
    ),
    "mirrored": (
        with_pose(lambda p: p.__setitem__((3, slice(0, 3), 0), -p[3, :3, 0])),
        "poses: view 3 of object 0 has axes that are no rotation: scaled, mirrored or skewed",
    ),
    "scaled": (
        with_pose(lambda p: p.__setitem__((5, slice(0, 3), slice(0, 3)), 2 * p[5, :3, :3])),
        "poses: view 5 of object 0 has axes that are no rotation: scaled, mirrored or skewed",
    ),
    "no focal length": (
        one_object() | {"intrinsics": np.array([[0.0, 0, 4], [0, 9, 4], [0, 0, 1]])},
        (
            "intrinsics: expected [[fx, 0, cx], [0, fy, cy], [0, 0, 1]], f > 0; "
            "got [[0.0, 0.0, 4.0], [0.0, 9.0, 4.0], [0.0, 0.0, 1.0]]"
        ),
    ),
    "a field of view": (
        one_object() | {"intrinsics": 49.1},
        "intrinsics: expected 9 finite numbers (3, 3), got 49.1",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_no_item_is_said_in_one_line(fault):
    item, message = FAULTS[fault]
    with pytest.raises(InvalidScenesError) as caught:
        Scenes.of(item)
    assert str(caught.value) == message
    assert caught.value.outcome == "invalid"


@pytest.mark.parametrize("images", [np.zeros((6, 8, 8, 3)), np.zeros((6, 8, 8, 4), np.uint8)])
def test_images_are_uint8_rgb(images):
    with pytest.raises(InvalidImagesError, match="images: expected"):
        Scenes.of(one_object() | {"images": images})


@given(arrays.arrays(np.uint8, (3, 4, 3)), st.integers(1, 255))
def test_silhouettes_are_what_some_channel_darkens(images, levels):
    found = silhouettes(images, levels)
    for row in range(3):
        for column in range(4):
            darkest = 255 - min(int(v) for v in images[row, column])
            assert found[row, column] == (darkest >= levels)
