"""Shapes: what is drawn is what is said, and the same in every process."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness_plugins.generative.images import Images
from harness_plugins.generative.prompts import load, open_source, pair_seeds
from harness_plugins.generative.shapes import (
    COLOURS,
    GROUND,
    SHAPES,
    SIDE,
    Shapes,
    coverage,
    draw,
    index,
    prompt,
)

# shape of radius 1 → its area and the length of its outline
AREA = {
    "circle": (np.pi, 2 * np.pi),
    "square": (1.8**2, 4 * 1.8),
    "triangle": (1.9**2 / 1.9, 2 + 2 * np.hypot(1.0, 1.9)),
    "plus": (4 * 2 / 3 - 4 / 9, 12 * 2 / 3),
}
PARAMS = {"train": 64, "reference": 8, "budget": 640, "seed": 3}
GOLDEN = (
    "3cb7c407993a4e8f66016f1b47caca00628eb27a1515cbfcc13409277ad74b62",
    ["yellow triangle", "green plus", "blue square"],
)
PROMPTS = [prompt(c, s) for c in range(len(COLOURS)) for s in range(len(SHAPES))]

radii = st.floats(4.0, 6.0)
shares = st.floats(0.0, 1.0)


def placed(name: str, radius: float, x: float = 0.5, y: float = 0.5, side: int = SIDE):
    """Return the coverage of one shape at a share of the room that its radius leaves."""
    centre = radius + np.array([x, y]) * (side - 2 * radius)
    return coverage(np.array([SHAPES.index(name)]), centre[None], np.array([radius]), side)[0]


@pytest.mark.parametrize("name", SHAPES)
@given(radii, shares, shares)
def test_the_area_is_right_to_an_eighth_of_a_pixel_along_the_outline(name, radius, x, y):
    area, outline = AREA[name]
    found = placed(name, radius, x, y).sum()
    assert abs(found - area * radius**2) <= outline * radius / 8 + 1 / 16


@pytest.mark.parametrize("name", SHAPES)
def test_over_all_places_the_area_is_exact(name, rng):
    n = 4000
    radius, room = 5.2, SIDE - 2 * 5.2
    centres = radius + rng.uniform(size=(n, 2)) * room
    found = coverage(np.full(n, SHAPES.index(name)), centres, np.full(n, radius))
    area = found.sum(axis=(1, 2))
    error = area.std() / np.sqrt(n)
    assert abs(area.mean() - AREA[name][0] * radius**2) < 5 * error
    assert area.std() / area.mean() < 0.03


@pytest.mark.parametrize("name", SHAPES)
@given(radii, shares, shares)
def test_a_shape_lies_within_its_radius_and_reaches_it(name, radius, x, y):
    seen = placed(name, radius, x, y) > 0
    rows, columns = (np.flatnonzero(seen.any(axis=axis)) for axis in (1, 0))
    across = [len(rows), len(columns)]
    assert max(across) <= np.ceil(2 * radius) + 1
    assert min(across) >= np.floor(1.8 * radius) - 1


def test_shapes_stand_upright():
    triangle = placed("triangle", 6.0)
    rows = triangle.sum(axis=1)
    assert (np.diff(rows[2:13]) > -0.5).all()  # wider downwards
    assert rows[12] > 3 * rows[4]
    for name in ("circle", "square", "plus"):
        shape = placed(name, 6.0)
        np.testing.assert_array_equal(shape, shape[::-1])
        np.testing.assert_array_equal(shape, shape.T)
    np.testing.assert_array_equal(triangle, triangle[:, ::-1])


def test_a_pixel_is_mixed_by_the_share_that_is_covered():
    colours, shapes = np.array([2]), np.array([SHAPES.index("circle")])
    centre, radius = np.array([[7.3, 8.1]]), np.array([5.0])
    share = coverage(shapes, centre, radius)[0][..., None]
    found = draw(colours, shapes, centre, radius)[0]
    ink, ground = np.array(COLOURS["blue"]), np.array(GROUND)
    np.testing.assert_array_equal(found, np.rint(ground + share * (ink - ground)))
    np.testing.assert_array_equal(found[0, 0], ground)
    np.testing.assert_array_equal(found[8, 7], ink)


def test_more_points_a_pixel_would_draw_nearly_the_same():
    """Against a picture of 16 times the side, averaged: independent of points a pixel."""
    for name in SHAPES:
        centre, radius = np.array([[8.3, 7.9]]), np.array([4.7])
        number = np.array([SHAPES.index(name)])
        large = coverage(number, 16 * centre, 16 * radius, 16 * SIDE)[0]
        large = large.reshape(SIDE, 16, SIDE, 16).mean(axis=(1, 3))
        assert abs(coverage(number, centre, radius)[0] - large).max() < 0.25
        assert abs(coverage(number, centre, radius)[0] - large).mean() < 0.01


def test_the_training_set_stays_what_it_is():
    drawn = Shapes(200, 8, 640, 3).training()
    assert hashlib.sha256(drawn["images"].tobytes()).hexdigest() == GOLDEN[0]
    assert drawn["prompts"][:3] == GOLDEN[1]
    assert drawn["budget"] == 640


def test_training_reference_and_further_pictures_are_others():
    source = Shapes(300, 300, 0, 3)
    training = source.training()["images"]
    sets = [training, *(next(part()).bytes_() for part in (source.reference, source.further))]
    assert [s.shape for s in sets] == [(300, 16, 16, 3)] * 3
    every = {picture.tobytes() for pictures in sets for picture in pictures}
    assert len(every) > 890  # a large shape has few places to stand


def test_a_longer_training_set_and_another_seed_are_others():
    def digest(seed):
        return hashlib.sha256(Shapes(50, 2, 0, seed).training()["images"].tobytes()).hexdigest()

    assert digest(1) == digest(1)
    assert digest(1) != digest(2)


def test_colours_and_shapes_of_training_are_uniform():
    prompts = Shapes(8000, 2, 0, 0).training()["prompts"]
    counts = np.array([prompts.count(text) for text in PROMPTS])
    assert counts.sum() == 8000
    assert abs(counts - 500).max() < 5 * np.sqrt(500)


@given(st.integers(1, 200), st.integers(1, 60))
def test_each_prompt_is_asked_as_often_as_the_others(count, block):
    items = [load(item, None) for item in index(count=count, block=block, **PARAMS)]
    asked = [text for item in items for text in item.prompts]
    counts = [asked.count(text) for text in PROMPTS]
    assert sum(counts) == len(asked) == count
    assert max(counts) - min(counts) <= 1


@given(st.integers(1, 100), st.integers(1, 100), st.integers(1, 40), st.integers(1, 40))
def test_prompts_and_seeds_do_not_depend_on_their_number_or_on_blocks(few, more, one, other):
    def pairs(count, block):
        items = [load(i, None) for i in index(count=count, block=block, **PARAMS)]
        return [p for i in items for p in zip(i.prompts, pair_seeds(i, 7), strict=True)]

    shorter, longer = sorted((few, more))
    assert pairs(longer, one)[:shorter] == pairs(shorter, other)


def test_items_say_where_pictures_come_from_and_of_which_size():
    first, second = index(count=20, block=16, **PARAMS)
    block = load(first, None)
    assert block.size == (16, 16)
    assert block.categories == block.prompts
    source = open_source(block)
    assert isinstance(source, Shapes)
    assert source == Shapes(train=64, compared=8, budget=640, seed=3)
    assert len(load(second, None)) == 4
    assert sum(len(part) for part in source.reference()) == 8
    assert isinstance(next(source.further()), Images)
    assert "16 prompts" in source.signature


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"train": 15}, "train must be at least 16, got 15"),
        ({"reference": 1}, "reference must be at least 2, got 1"),
        ({"budget": -1}, "budget must be at least 0, got -1"),
        ({"count": 0}, "there is no prompt"),
        ({"block": 0}, "block must be a whole number from 1 on, got 0"),
        ({"seed": -1}, "seed must be at least 0, got -1"),
    ],
)
def test_numbers_out_of_range_are_one_line(changed, message):
    with pytest.raises(ValueError, match=message) as raised:
        index(**{"count": 16, "block": 4, **PARAMS, **changed})
    assert "\n" not in str(raised.value)
