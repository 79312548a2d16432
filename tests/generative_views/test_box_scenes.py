"""The dataset of boxes: the same for ever, objects of its own to learn from, sides that hide."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from harness_plugins.generative.views import DATASETS, box_scenes
from harness_plugins.generative.views.boxes import hits
from harness_plugins.generative.views.cameras import pinhole, project, rays
from harness_plugins.generative.views.scenes import KNOWN, Scenes

DEFAULT = dict(DATASETS[0].params)


def items(**changes):
    return box_scenes.index(**(DEFAULT | changes))


def loaded(**changes):
    return [box_scenes.load(item, None) for item in items(**changes)]


def test_items_and_pictures_are_the_ones_they_always_were():
    """Golden: whoever draws or renders otherwise makes another dataset, and says so here."""
    assert [item.id for item in items()] == ["block0", "block1", "block2", "block3"]
    assert items()[0].sha256[:16] == "cc929a6d061957d0"
    pictures = loaded(objects=3, block=3)[0]["images"]
    assert hashlib.sha256(pictures.tobytes()).hexdigest()[:16] == "26c4bf64c00a1d9c"


def test_an_item_is_what_the_task_takes():
    (item,) = loaded(objects=3, block=3, targets=2)
    scenes = Scenes.of(item)
    assert scenes.images.shape == (3, KNOWN + 2, 32, 32, 3)
    assert scenes.training["budget"] == DEFAULT["budget"]
    assert len(np.unique(scenes.images.reshape(18, -1), axis=0)) == 18


def test_more_objects_and_more_targets_change_nothing_that_was_there():
    few, more = loaded(objects=2, block=2, targets=1)[0], loaded(objects=5, block=5, targets=3)[0]
    np.testing.assert_array_equal(more["images"][:2, : KNOWN + 1], few["images"])
    np.testing.assert_array_equal(more["poses"][:2, : KNOWN + 1], few["poses"])
    blocks = loaded(objects=5, block=2, targets=3)
    assert [len(block["images"]) for block in blocks] == [2, 2, 1]
    np.testing.assert_array_equal(np.concatenate([b["images"] for b in blocks]), more["images"])


@pytest.mark.parametrize(
    "change", [{"seed": 1}, {"targets": 1}, {"size": 16}, {"training": 5}, {"budget": 7}]
)
def test_what_changes_an_item_changes_its_digest(change):
    assert items()[0].sha256 != items(**change)[0].sha256


def test_nobody_learns_from_an_object_that_is_evaluated():
    test = {box_scenes._scene(0, 0, n, 1)[0] for n in range(120)}
    training = {box_scenes._scene(1, 0, n, 1)[0] for n in range(600)}
    assert len(test) == 120
    assert len(training) == 600
    assert not test & training
    first = box_scenes.training(objects=2, seed=0, size=16)
    again = box_scenes.training(objects=3, seed=0, size=16)
    np.testing.assert_array_equal(first["images"], again["images"][:2])
    assert first["images"].shape == (2, KNOWN + 4, 16, 16, 3)


def test_targets_are_away_from_the_first_view_and_known_views_go_around():
    for number in range(40):
        _, poses = box_scenes._scene(0, 0, number, 3)
        assert len(poses) == KNOWN + 3
        ahead = np.stack(poses)[:, :3, 2]
        assert (ahead[KNOWN:] @ ahead[0] < 0.5 + 1e-12).all()
        level = np.degrees(np.arctan2(ahead[:KNOWN, 1], ahead[:KNOWN, 0]))
        turned = (level - level[0] - np.array([0, 180, 90, 270]) + 180) % 360 - 180
        assert np.abs(turned).max() <= 30


def seen_share(boxes, target, known, intrinsics):
    """Return the share of what a target shows that some known view shows too."""
    ways = rays(target, intrinsics, (32, 32))[:, 0]
    depth, _, _ = hits(boxes, target[:3, 3], ways)
    there = np.isfinite(depth)
    points = target[:3, 3] + depth[there, None] * ways[there]
    seen = np.zeros(len(points), bool)
    for pose in known:
        away = points - pose[:3, 3]
        first, _, _ = hits(boxes, pose[:3, 3], away)  # at 1 is the point itself
        places, ahead = project(points, pose, intrinsics)
        inside = ((places > 0) & (places < 32)).all(axis=1) & (ahead > 0)
        seen |= inside & (first > 1 - 1e-6)
    return seen.mean()


def test_one_view_leaves_much_hidden_that_further_views_show():
    intrinsics = pinhole(30.0, 32)
    shares = []
    for number in range(25):
        boxes, poses = box_scenes._scene(0, 0, number, 1)
        shares.append(
            [seen_share(boxes, poses[4], poses[:count], intrinsics) for count in (1, 2, 3, 4)]
        )
    mean = np.mean(shares, axis=0)
    assert mean[0] < 0.5
    assert (np.diff(mean) > 0.03).all()
    assert mean[3] > 0.9


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"objects": 0}, "objects must be a whole number from 1 on, got 0"),
        ({"size": 4}, "size must be a whole number from 8 on, got 4"),
        ({"seed": -1}, "seed must be a whole number from 0 on, got -1"),
        ({"targets": 1.5}, "targets must be a whole number from 1 on, got 1.5"),
        ({"block": True}, "block must be a whole number from 1 on, got True"),
    ],
)
def test_numbers_out_of_range_are_said_in_one_line(change, message):
    with pytest.raises(ValueError) as caught:
        items(**change)
    assert str(caught.value) == message
