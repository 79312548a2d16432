"""The steps of the task: what each sees, what it refuses, what goes into the next."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from harness_plugins.generative.downstream import TASK, stages
from harness_plugins.generative.images import Images, InvalidImagesError
from harness_plugins.generative.interface import InvalidOutputError
from harness_plugins.generative.samples import Samples
from harness_plugins.generative.text_to_image.stages import generate
from harness_plugins.generative_references.pictures import MoreReal


@pytest.fixture(scope="module")
def drawn(problem):
    return stages.draw(None, {"problem": problem}, None, None)


def sampled(drawn, made=None):
    model = MoreReal() if made is None else SimpleNamespace(generate=lambda *_: made)
    return generate(model, {"prompts": drawn["prompts"]}, {}, 0)["samples"]


def test_no_step_sees_more_than_it_should():
    for stage in TASK.stages:
        if stage.model:
            assert not {"problem", "real", "test", "truth"} & set(stage.inputs), stage.name
        if stage.name.startswith(("train", "detect")):
            assert "truth" not in stage.inputs
            assert stage.name.startswith("detect") or "test" not in stage.inputs


def test_prompts_survive_their_file(drawn):
    again = stages.PromptsFile.load(stages.PromptsFile.dump(drawn["prompts"]))
    assert again == drawn["prompts"]


def test_the_detector_without_generated_pictures_is_that_with_none_that_show_anything(drawn):
    inputs = {"real": drawn["real"]}
    alone = stages.train_real(None, inputs, None, 0)["detector_real"]
    ground = np.tile(np.array([28, 28, 36], np.uint8), (len(drawn["prompts"]), 16, 16, 1))
    nothing = inputs | {"samples": sampled(drawn, ground)}
    assert stages.train_augmented(None, nothing, {}, 0)["detector_augmented"] == alone
    more = inputs | {"samples": sampled(drawn)}
    assert stages.train_augmented(None, more, {}, 0)["detector_augmented"] != alone


def test_what_is_found_lies_among_the_scenes(drawn):
    net = stages.train_real(None, {"real": drawn["real"]}, None, 0)
    found = stages.detect_real(None, net | {"test": drawn["test"]}, None, 0)["found_real"]
    assert 0 <= found["place"].min() <= found["place"].max() < len(drawn["test"]["images"])
    same = {"detector_augmented": net["detector_real"], "test": drawn["test"]}
    again = stages.detect_augmented(None, same, {}, 0)["found_augmented"]
    for name, values in found.items():
        np.testing.assert_array_equal(values, again[name])


@pytest.mark.parametrize(
    ("change", "fault", "said"),
    [
        (lambda x: x[1:], InvalidOutputError, "gave 11 images for 12 prompts"),
        (lambda x: x[:, :8, :8], InvalidOutputError, "gave images of 8x8, not 16x16"),
        (lambda x: x * 0, InvalidOutputError, "is all black"),
        (lambda x: x * np.nan, InvalidImagesError, "expected uint8 in 0…255, got float"),
    ],
)
def test_other_pictures_than_were_asked_for_are_invalid(drawn, change, fault, said):
    made = MoreReal().generate(drawn["prompts"].prompts, drawn["prompts"].seeds, {})
    with pytest.raises(fault, match=said) as caught:
        sampled(drawn, change(made))
    assert caught.value.outcome == "invalid"


def test_samples_of_another_size_are_refused_where_nobody_said_the_size(drawn):
    samples = Samples(Images.of(np.full((1, 8, 8, 3), 200, np.uint8)), ("red plus",), (0,))
    with pytest.raises(InvalidImagesError, match="pictures of 16x16 are expected, not 8x8"):
        stages.train_augmented(None, {"real": drawn["real"], "samples": samples}, {}, 0)
