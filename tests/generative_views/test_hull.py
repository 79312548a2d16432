"""The visual hull: no smaller than the object, no larger than its outlines, painted by views."""

from __future__ import annotations

import numpy as np
import pytest

from harness_plugins.generative.views.boxes import Box, render
from harness_plugins.generative.views.cameras import around, pinhole, project
from harness_plugins.generative.views.scenes import silhouettes
from harness_plugins.generative_views.hull import VisualHull

K = pinhole(30.0, 32)
HULL = VisualHull(voxels=48, samples=2, levels=112)


def iou(one, other):
    a, b = silhouettes(one, 112), silhouettes(other, 112)
    return np.count_nonzero(a & b) / np.count_nonzero(a | b)


def error(one, other):
    return float(np.mean((one.astype(float) - other) ** 2))


def test_the_hull_holds_the_object_and_shows_its_outlines(scenes):
    """At the known poses the outlines are the known ones, up to a pixel's rim."""
    for images, poses in zip(scenes.images[:4], scenes.poses[:4], strict=True):
        made = HULL.render(images[:4], poses[:4], K, poses[:4], 0, {})
        for picture, known in zip(made, images[:4], strict=True):
            assert iou(picture, known) > 0.85
            assert error(picture, known) < 600
        outside = silhouettes(made, 112) & ~_grown(silhouettes(images[:4], 112))
        assert not outside.any()


def _grown(masks):
    padded = np.pad(masks, ((0, 0), (1, 1), (1, 1)))
    return np.any(
        [padded[:, 1 + y : 33 + y, 1 + x : 33 + x] for y in (-1, 0, 1) for x in (-1, 0, 1)],
        axis=0,
    )


def test_carving_keeps_exactly_the_voxels_that_every_view_shows(scenes):
    images, poses = scenes.images[0, :3], scenes.poses[0, :3]
    solid = VisualHull(16, 1, 112)._carved(images, poses, K)
    shown = silhouettes(images, 112)
    for index in np.ndindex(16, 16, 16):
        point = (np.array(index) + 0.5) / 16 - 0.5
        kept = True
        for view, pose in zip(shown, poses, strict=True):
            (x, y), _ = project(point, pose, K)
            column, row = int(np.floor(x)), int(np.floor(y))
            kept &= 0 <= row < 32 and 0 <= column < 32 and bool(view[row, column])
        assert solid[index] == kept


def test_more_views_never_add_to_the_hull(scenes):
    for images, poses in zip(scenes.images, scenes.poses, strict=True):
        before = np.ones((32, 32, 32), bool)
        for count in (1, 2, 3, 4):
            solid = VisualHull(32, 1, 112)._carved(images[:count], poses[:count], K)
            assert not (solid & ~before).any()
            before = solid


def test_a_box_among_many_views_comes_out_as_it_is():
    """A convex solid is its own hull: from all around, the pictures agree but at their rims."""
    box, fine = (Box((0, 0, 0), (0.2, 0.15, 0.25), 20.0, 1),), pinhole(30.0, 64)
    poses = np.stack([around(yaw, up, 2) for yaw in range(0, 360, 45) for up in (-40, 0, 40)])
    views = np.stack([render(box, pose, fine, 64) for pose in poses])
    target = around(70, 20, 2)
    (made,) = VisualHull(64, 2, 112).render(views, poses, fine, target[None], 0, {})
    truth = render(box, target, fine, 64)
    assert iou(made, truth) > 0.94
    assert 10 * np.log10(255**2 / error(made, truth)) > 25


def test_what_a_view_does_not_see_is_painted_by_another_that_does():
    """A red box hides a blue one from the front; from behind blue is seen, and never red."""
    boxes = (
        Box((0.15, 0, 0), (0.1, 0.2, 0.2), 0.0, 0),
        Box((-0.15, 0, 0), (0.1, 0.2, 0.2), 0.0, 2),
    )
    poses = np.stack([around(yaw, 0, 2) for yaw in (0, 180, 90, 270)])
    views = np.stack([render(boxes, pose, K, 32) for pose in poses])
    (made,) = HULL.render(views, poses, K, around(170, 0, 2)[None], 0, {})
    middle = made[12:20, 12:20].reshape(-1, 3).astype(int)
    assert (middle[:, 2] > middle[:, 0]).all()


def test_where_outlines_share_no_point_the_picture_is_white():
    views = np.full((2, 32, 32, 3), 255, np.uint8)
    views[0, 2:6, 2:6] = 0
    views[1, 26:30, 26:30] = 0
    poses = np.stack([around(0, 0, 2), around(10, 0, 2)])
    (made,) = HULL.render(views, poses, K, around(5, 0, 2)[None], 0, {})
    assert (made == 255).all()


@pytest.mark.parametrize("order", [[3, 1, 0, 2], [2, 3, 1, 0]])
def test_the_order_of_views_does_not_matter(order, scenes):
    images, poses = scenes.images[1], scenes.poses[1]
    one = HULL.render(images[:4], poses[:4], K, poses[4:], 0, {})
    other = HULL.render(images[order], poses[order], K, poses[4:], 0, {})
    np.testing.assert_array_equal(one, other)
