"""A student that guides itself: half the work, one guidance, and nearer to it than untaught."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from harness.cost import count
from harness_plugins.generative.interface import Diverged
from harness_plugins.generative_diffusers.distillation import guidance_distilled
from harness_plugins.generative_diffusers.sampling import guided

# diffusers 0.42.1 hands tensors to np.array, which NumPy 2 is not pleased with
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

ITEM = SimpleNamespace(prompts=("red circle",), seeds=(0,))
GUIDED = {"guidance": 2.0}


@pytest.fixture
def distilled(model):
    return guidance_distilled(model, (), 2.0, 1.0)


def test_a_student_is_made_by_its_seed_and_loaded_again(distilled, model, training, sample):
    first = distilled.adapt(training, 0, 32)
    assert distilled.adapt(training, 0, 32) == first
    assert distilled.adapt(training, 1, 32) != first
    distilled.load_adapted(first)
    images = sample(distilled, 3, **GUIDED)
    again = guidance_distilled(model, (), 2.0, 1.0)
    again.load_adapted(first)
    np.testing.assert_array_equal(sample(again, 3, **GUIDED), images)
    assert not np.array_equal(images, sample(model, 3, **GUIDED))


def test_distilling_leaves_the_teacher_as_it_was(distilled, model, training):
    before = {name: value.clone() for name, value in model.net.state_dict().items()}
    distilled.adapt(training, 0, 32)
    assert all(torch.equal(before[n], v) for n, v in model.net.state_dict().items())
    assert not any(p.requires_grad for p in model.unet.parameters())


def test_the_student_costs_half_of_the_guided_teacher(distilled, model, point, training):
    distilled.load_adapted(distilled.adapt(training, 0, 8))
    [own], [teacher] = (m.components(ITEM, point | GUIDED) for m in (distilled, model))
    assert own.inputs[0].shape[0] == 1
    assert teacher.inputs[0].shape[0] == 2
    assert own.calls == teacher.calls == point["steps"]
    assert 2 * count(own.module, own.inputs).macs == count(teacher.module, teacher.inputs).macs
    [plain] = model.components(ITEM, point)
    assert count(own.module, own.inputs).macs == count(plain.module, plain.inputs).macs


@pytest.mark.parametrize("asked", [1.0, 1.5, 3.0])
def test_another_guidance_than_the_students_is_refused(distilled, training, sample, asked):
    distilled.load_adapted(distilled.adapt(training, 0, 8))
    said = rf"distilled at guidance 2\.0, the operating point asks for {asked}"
    with pytest.raises(ValueError, match=said):
        sample(distilled, 1, guidance=asked)
    with pytest.raises(ValueError, match=said):
        distilled.components(ITEM, {"steps": 2, "guidance": asked, "scheduler": "ddim"})


def test_without_a_student_nothing_is_sampled(distilled, sample):
    with pytest.raises(RuntimeError, match="the student has not been distilled"):
        sample(distilled, 1, **GUIDED)


def test_a_teacher_that_is_no_number_diverges(distilled, model, training):
    model.unet.conv_out.bias.fill_(float("nan"))
    with pytest.raises(Diverged, match="the loss of the student is nan at step 0"):
        distilled.adapt(training, 0, 32)


def test_a_guidance_of_one_is_nothing_to_distil(model):
    with pytest.raises(ValueError, match="at guidance 1 the student is the model itself"):
        guidance_distilled(model, (), 1.0, 0.1)


@pytest.mark.slow
def test_the_student_comes_nearer_to_the_guided_teacher(distilled, model, training):
    """Under noise that it has not seen, and nearer than the teacher without guidance is."""
    distilled.load_adapted(distilled.adapt(training, 0, 1600))
    draw = model.noised(training, 77)
    teacher, student = model.step(model.unet), model.step(distilled.student)
    taught = untaught = 0.0
    with torch.no_grad():
        for _ in range(16):
            x, time, text = draw()
            target = guided(teacher, x, time.repeat(2), text, 2.0)
            taught += float((student(x, time, text[len(x) :]) - target).square().mean())
            untaught += float((teacher(x, time, text[len(x) :]) - target).square().mean())
    assert taught < 0.85 * untaught
