"""Pictures, the scenes that are put together of them, and the problems they make."""

from __future__ import annotations

import numpy as np
import pytest

from harness_plugins.generative.downstream import DATASETS, problems
from harness_plugins.generative.downstream.scenes import Crops, boxes_of, drawer
from harness_plugins.generative.images import Images, InvalidImagesError
from harness_plugins.generative.shape_rules import judge
from harness_plugins.generative.shapes import GROUND, SHAPES

PARAMS = dict(DATASETS[0].params)


def crops(count=8, level=200):
    """Return pictures with a rectangle each, at places of their own."""
    images = np.tile(np.array(GROUND, np.uint8), (count, 16, 16, 1))
    for number in range(count):
        images[number, 2 : 9 + number % 4, 3 + number % 3 : 12] = level
    return Crops.of(Images.of(images), np.arange(count) % 4)


def test_boxes_are_of_what_stands_out():
    found = crops(2)
    assert found.boxes.tolist() == [[3, 2, 12, 9], [4, 2, 12, 10]]


def test_pictures_of_the_ground_alone_are_left_out():
    images = np.tile(np.array(GROUND, np.uint8), (3, 16, 16, 1))
    images[1, 4:8, 4:9] = 255
    assert boxes_of(Images.of(images))[[0, 2]].tolist() == [[0, 0, 0, 0]] * 2
    left = Crops.of(Images.of(images), np.array([0, 1, 2]))
    assert (len(left), left.labels.tolist()) == (1, [1])


def test_pictures_of_another_size_are_refused_in_one_line():
    with pytest.raises(InvalidImagesError, match="pictures of 16x16 are expected, not 8x16"):
        Crops.of(Images.of(np.zeros((2, 8, 16, 3), np.uint8)), np.zeros(2, int))


def test_a_thing_stands_where_its_box_says():
    scenes = drawer(crops(level=255), 0)(50)
    assert scenes.images.shape == (50, 40, 40, 3)
    assert 100 < len(scenes.place) < 200  # three quarters of 200
    for place, (left, top, right, bottom) in zip(scenes.place, scenes.boxes, strict=True):
        inside = scenes.images[place, top:bottom, left:right].astype(float).mean()
        around = scenes.images[place, top - 1 : bottom + 1, left - 1 : right + 1].astype(float)
        ring = (around.sum() - inside * 3 * (right - left) * (bottom - top)) / (
            around.size - 3 * (right - left) * (bottom - top)
        )
        assert inside > 130
        assert ring < 70


def test_added_pictures_change_nothing_but_the_pictures():
    real, added = crops(), crops(24, level=255)
    plain, more = drawer(real, 3)(40), drawer(real, 3, added)(40)
    np.testing.assert_array_equal(plain.place, more.place)
    same = (plain.boxes == more.boxes).all(1) & (plain.labels == more.labels)
    assert 0 < same.sum() < len(same)
    untouched = np.setdiff1d(np.arange(40), more.place)
    np.testing.assert_array_equal(plain.images[untouched], more.images[untouched])
    changed = np.abs(plain.images.astype(int) - more.images).max(axis=(1, 2, 3)) > 0
    assert changed.sum() > 30


def test_each_picture_of_both_sets_is_as_likely():
    real, added = crops(4), crops(12)
    added = Crops(added.images, np.full(12, 9), added.boxes)
    labels = drawer(real, 0, added)(1500).labels
    assert (labels == 9).mean() == pytest.approx(12 / 16, abs=0.03)


def test_nothing_added_is_as_nothing_at_all():
    none = Crops.of(Images.of(np.tile(np.array(GROUND, np.uint8), (1, 16, 16, 1))), np.zeros(1))
    for scenes in (drawer(crops(), 1, none), drawer(crops(), 1)):
        last = scenes(5)
    np.testing.assert_array_equal(last.images, drawer(crops(), 1, none)(5).images)


def test_a_problem_has_few_of_one_class(problem):
    images, prompts = problems.real(problem)
    counts = np.bincount([problems.label(text) for text in prompts])
    assert dict(zip(SHAPES, counts, strict=True)) == {
        "circle": 6,
        "square": 6,
        "triangle": 6,
        "plus": 2,
    }
    assert all(verdict.right for verdict in judge(images, prompts))


def test_what_is_asked_for_fills_each_class(problem):
    _, prompts = problems.real(problem)
    asked = problems.asked(problem)
    assert {text.split()[1] for text in asked.prompts[:6]} == {"plus"}
    both = np.bincount([problems.label(text) for text in (*prompts, *asked.prompts)])
    assert both.tolist() == [8] * 4
    assert asked.size == (16, 16)


def test_a_generator_learns_from_the_real_pictures_and_from_the_pool_it_is_said_to(problem):
    images, prompts = problems.real(problem)
    own = problems.learned(problem)
    np.testing.assert_array_equal(own["images"], images.bytes_())
    assert own["prompts"].tolist() == prompts
    assert own["own"].all()
    more = problems.learned(problem | {"pool": 50})
    assert (len(more["images"]), more["own"].sum()) == (70, 20)
    assert all(v.right for v in judge(Images.of(more["images"]), more["prompts"].tolist()))


def test_the_item_says_what_the_generator_sees():
    plain, pooled = (problems.index(**PARAMS | {"pool": n})[0] for n in (0, 500))
    assert plain.meta["generator_sees"] == "the detector's real pictures"
    assert pooled.meta["generator_sees"].endswith("and 500 others of all prompts")
    assert plain.sha256 != pooled.sha256


def test_scenes_of_the_test_show_other_pictures_of_all_classes(problem):
    scenes = problems.test(problem | {"scenes": 200})
    counts = np.bincount(scenes.labels)
    assert counts.min() > 100
    again = problems.test(problem | {"scenes": 200, "few": 5, "pool": 9})
    np.testing.assert_array_equal(scenes.images, again.images)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"few": 0}, "few must be at least 1, got 0"),
        ({"scenes": 3}, "scenes must be at least 20, got 3"),
        ({"filled": 40}, "filled must be more than the 40 pictures that a class has, got 40"),
        ({"rare": ["star"]}, "rare must be a list of circle, square, triangle, plus"),
        ({"rare": "plus"}, "rare must be a list of"),
        ({"rare": []}, "rare must be a list of"),
    ],
)
def test_numbers_out_of_range_are_refused_in_one_line(changed, said):
    with pytest.raises(ValueError, match=said):
        problems.index(**PARAMS | changed)
