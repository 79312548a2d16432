"""The ends of the scale: true pictures, repeated ones, noise."""

from __future__ import annotations

import numpy as np
import pytest

from harness_plugins.generative.downstream import problems
from harness_plugins.generative.images import Images
from harness_plugins.generative.interface import Lacking
from harness_plugins.generative.shape_rules import judge
from harness_plugins.generative_references import harness_models
from harness_plugins.generative_references.pictures import MoreReal, NoiseImages, Oversampled

PROMPTS = ["red circle", "blue plus", "green square", "blue plus"]
SEEDS = [3, 4, 5, 6]


@pytest.fixture
def oversampled(problem):
    model = Oversampled()
    model.load(model.fit(problems.learned(problem | {"pool": 40}), 0, 0))
    return model


def test_more_real_shows_what_is_asked_for():
    images = MoreReal().generate(PROMPTS, SEEDS, {})
    assert all(verdict.right for verdict in judge(Images.of(images), PROMPTS))
    assert (images[1] != images[3]).any()


def test_blurred_pictures_are_those_of_more_real_with_each_pixel_the_mean_around_it():
    sharp, blurred = (m.generate(PROMPTS, SEEDS, {}) for m in (MoreReal(), MoreReal(blur=3)))
    around = sharp[:, 4:7, 7:10].astype(float).mean(axis=(1, 2))
    np.testing.assert_array_equal(blurred[:, 5, 8], np.rint(around))
    assert (blurred != sharp).any()
    for wrong in (0, 17, 2.5):
        with pytest.raises(ValueError, match=f"blur is {wrong}, not pixels"):
            MoreReal(blur=wrong)


def test_oversampled_repeats_the_detectors_own_pictures_of_the_shape(problem, oversampled):
    real, prompts = problems.real(problem)
    made = oversampled.generate(PROMPTS, SEEDS, {})
    for picture, text in zip(made, PROMPTS, strict=True):
        same = [p for p, own in zip(prompts, real, strict=True) if (own == picture).all()]
        assert text.split()[1] in {p.split()[1] for p in same}


def test_oversampled_has_nothing_to_repeat_of_a_shape_it_never_saw(problem):
    data = problems.learned(problem)
    squares = [str(text).endswith("square") for text in data["prompts"]]
    model = Oversampled()
    model.load(model.fit({k: data[k][squares] for k in ("images", "prompts")}, 0, 0))
    with pytest.raises(Lacking, match="no real picture of a plus to repeat") as caught:
        model.generate(["blue plus"], [0], {})
    assert caught.value.outcome == "skipped"


@pytest.mark.parametrize("make", [MoreReal, NoiseImages, None])
def test_a_picture_depends_on_its_prompt_and_seed_alone(make, oversampled):
    model = make() if make else oversampled
    together = model.generate(PROMPTS, SEEDS, {})
    assert (together.shape, together.dtype) == ((4, 16, 16, 3), np.uint8)
    for number in range(4):
        alone = model.generate(PROMPTS[number : number + 1], SEEDS[number : number + 1], {})
        np.testing.assert_array_equal(alone[0], together[number])


def test_other_words_are_skipped(oversampled):
    for model in (MoreReal(), oversampled):
        with pytest.raises(Lacking, match="'a cat' does not say one of red"):
            model.generate(["a cat"], [0], {})


def test_the_models_are_declared_without_torch():
    assert {m.name for m in harness_models()} == {"more-real", "oversampled", "noise-images"}
    assert not any(m.requires for m in harness_models())
