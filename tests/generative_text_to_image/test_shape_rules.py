"""Rules for shapes: right on real pictures, at chance on noise, and they say what is wrong."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import uniform_filter

from harness_plugins.generative.images import Images
from harness_plugins.generative.shape_rules import UnknownPromptError, judge
from harness_plugins.generative.shapes import COLOURS, GROUND, SHAPES, SIDE, Shapes, draw, prompt

numbers = st.integers(0, 3)
shares = st.floats(0.0, 1.0)


def right(images, prompts) -> float:
    return float(np.mean([verdict.right for verdict in judge(Images.of(images), prompts)]))


def drawn(
    colour: int, shape: int, radius: float, x: float = 0.5, y: float = 0.5, side: int = SIDE
):
    centre = radius + np.array([x, y]) * (side - 2 * radius)
    picture = draw(
        np.array([colour]), np.array([shape]), centre[None], np.array([float(radius)]), side
    )
    return Images.of(picture)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_real_pictures_are_right(seed):
    made = Shapes(2000, 2, 0, seed).training()
    assert right(made["images"], made["prompts"]) >= 0.99


def test_real_pictures_of_another_prompt_are_wrong(real):
    images, prompts = real
    assert right(images.bytes_(), prompts[1:] + prompts[:1]) == pytest.approx(1 / 16, abs=0.03)


def test_noise_is_right_by_chance(rng):
    n = 3200
    asked = [prompt(k // 4 % 4, k % 4) for k in range(n)]
    noise = rng.integers(0, 256, (n, SIDE, SIDE, 3), dtype=np.uint8)
    found = right(noise, asked)
    assert found == pytest.approx(1 / 16, abs=4 * np.sqrt(15 / 256 / n))


def test_blurred_pictures_are_less_often_right_and_keep_their_colour(real):
    images, prompts = real
    blurred = uniform_filter(images.bytes_(), (0, 5, 5, 0))
    verdicts = judge(Images.of(blurred), prompts)
    assert 0.2 < np.mean([v.right for v in verdicts]) < 0.9
    colours = [v.colour == text.split()[0] for v, text in zip(verdicts, prompts, strict=True)]
    assert np.mean(colours) > 0.95


@given(numbers, numbers, st.floats(4.5, 6.0), shares, shares)
def test_where_a_shape_stands_and_how_large_it_is_changes_nothing(colour, shape, radius, x, y):
    [verdict] = judge(drawn(colour, shape, radius, x, y), [prompt(colour, shape)])
    assert verdict.right, verdict.reason


@given(numbers, numbers, st.floats(5.0, 15.0), shares, shares)
def test_the_rules_hold_on_larger_pictures(colour, shape, radius, x, y):
    [verdict] = judge(drawn(colour, shape, radius, x, y, 32), [prompt(colour, shape)])
    assert verdict.right, verdict.reason


@given(numbers, numbers, numbers, numbers)
def test_the_reason_names_each_attribute_that_is_wrong(colour, shape, other, another):
    [verdict] = judge(drawn(colour, shape, 5.5), [prompt(other, another)])
    assert (verdict.colour, verdict.shape) == (list(COLOURS)[colour], SHAPES[shape])
    expected = []
    if colour != other:
        expected.append(f"colour: {list(COLOURS)[colour]}, not {list(COLOURS)[other]}")
    if shape != another:
        expected.append(f"shape: {SHAPES[shape]}, not {SHAPES[another]}")
    assert verdict.reason == "; ".join(expected)
    assert verdict.right is (not expected)


def test_an_empty_ground_shows_nothing():
    picture = np.full((1, SIDE, SIDE, 3), GROUND, np.uint8)
    picture[0, 3, 3:6] = 255  # three pixels are no shape
    [verdict] = judge(Images.of(picture), ["red circle"])
    assert (verdict.colour, verdict.shape, verdict.right) == ("nothing", "nothing", False)
    assert verdict.reason == "nothing stands on the ground"


@given(st.integers(0, 12), numbers, numbers)
def test_a_little_noise_changes_nothing(level, colour, shape):
    picture = drawn(colour, shape, 5.5).bytes_().astype(int)
    noise = np.random.default_rng(level).integers(-level, level + 1, picture.shape)
    noisy = Images.of((picture + noise).clip(0, 255).astype(np.uint8))
    assert judge(noisy, [prompt(colour, shape)])[0].right


@pytest.mark.parametrize(
    "text", ["a red circle", "red", "circle red", "Red circle", "", "red cat"]
)
def test_a_prompt_of_another_kind_is_skipped_with_what_is_known(text):
    with pytest.raises(UnknownPromptError) as raised:
        judge(drawn(0, 0, 5.0), [text])
    assert raised.value.outcome == "skipped"
    message = str(raised.value)
    assert message.startswith(repr(text))
    assert all(word in message for word in [*COLOURS, *SHAPES])
    assert "\n" not in message


def test_each_picture_has_a_prompt_of_its_own():
    with pytest.raises(ValueError, match="shorter"):
        judge(drawn(0, 0, 5.0), [])
