"""The small diffusion model: what it learns is the seed's, what it makes is the pair's."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from harness.cost import count
from harness_plugins.generative.images import Images
from harness_plugins.generative.interface import Diverged, Lacking
from harness_plugins.generative_diffusers.shapes_model import ShapesDiffusion

# diffusers 0.42.1 hands tensors to np.array, which NumPy 2 is not pleased with
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def test_a_checkpoint_follows_from_the_seed_alone(tiny, training, checkpoint):
    assert tiny().fit(training, 0, 80) == checkpoint
    assert tiny().fit(training, 1, 80) != checkpoint
    assert tiny().fit(training, 0, 72) != checkpoint


def test_a_loaded_model_is_the_learned_one(tiny, model, checkpoint, sample):
    again = tiny()
    again.load(checkpoint)
    np.testing.assert_array_equal(sample(again), sample(model))
    assert not any(p.requires_grad for p in again.unet.parameters())


def test_prompts_seeds_and_guidance_change_images(model, point):
    def one(prompt="red circle", seed=1, **other):
        return model.generate([prompt], [seed], point | other)

    same = one()
    np.testing.assert_array_equal(one(), same)
    for other in (one("blue circle"), one("red plus"), one(seed=2), one(guidance=3.0)):
        assert not np.array_equal(other, same)


@pytest.mark.parametrize("guidance", [1.0, 2.0])
@pytest.mark.parametrize("size", [1, 7, 8, 11])
def test_an_image_is_the_same_in_calls_of_any_size(model, sample, guidance, size):
    whole = sample(model, 22, guidance=guidance)
    parts = [
        sample(model, min(size, 22 - first), first, guidance=guidance)
        for first in range(0, 22, size)
    ]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


@pytest.mark.slow
def test_training_teaches_to_find_the_picture_in_the_noise(tiny, training, point):
    """By the definition of v alone: x = α (α x + σ ε) − σ v."""
    x = torch.from_numpy(Images.of(training["images"]).floats(-1, 1))
    error = torch.randn(x.shape, generator=torch.Generator().manual_seed(3))
    time = torch.tensor(300)

    def distance(budget):
        found = tiny()
        found.load(found.fit(training, 0, budget))
        level = found.solver(point).alphas_cumprod[time]
        alpha, sigma = level.sqrt(), (1 - level).sqrt()
        noisy = alpha * x + sigma * error
        with torch.no_grad():
            text, _ = found.conditions(training["prompts"], point)
            v = found.step(found.unet)(noisy, time, text)
        return float((alpha * noisy - sigma * v - x).square().mean())

    little, more = distance(8), distance(1600)
    assert more < 0.5 * little
    assert more < 0.5 * float(x.var())


def test_a_rate_that_is_too_high_diverges():
    data = {"images": np.full((4, 16, 16, 3), 50, np.uint8), "prompts": ["red plus"] * 4}
    with pytest.raises(Diverged, match="the loss is") as raised:
        ShapesDiffusion((8, 8, 8), batch=4, rate=float("inf")).fit(data, 0, 400)
    assert raised.value.outcome == "nonfinite"


def test_weights_that_are_no_numbers_end_nonfinite(model, sample):
    model.unet.conv_out.bias.fill_(float("nan"))
    with pytest.raises(Diverged, match="samples are not finite"):
        sample(model, 1)


def test_nothing_is_made_before_something_was_learned(tiny, point):
    with pytest.raises(RuntimeError, match="load a checkpoint"):
        tiny().generate(["red circle"], [0], point)


@pytest.mark.parametrize("text", ["a red circle", "red", "red cat", ""])
def test_other_prompts_are_skipped(model, point, text):
    with pytest.raises(Lacking, match="the model knows two words of red, green") as raised:
        model.generate([text], [0], point)
    assert raised.value.outcome == "skipped"


@pytest.mark.parametrize("guidance", [-0.5, "2", None, True])
def test_guidance_is_a_number(model, point, guidance):
    with pytest.raises(ValueError, match="guidance must be a number from 0 on"):
        model.generate(["red circle"], [0], point | {"guidance": guidance})


def test_guidance_of_zero_leaves_words_out(model, point):
    def unguided(prompt):
        return model.generate([prompt], [3], point | {"guidance": 0})

    np.testing.assert_array_equal(unguided("red circle"), unguided("blue plus"))


def test_settings_tell_how_samples_were_made(model, point):
    assert model.settings(point) == {
        "sampler": "dpm++",
        "steps": 4,
        "guidance": 1.0,
        "scheduler": "dpm++",
        "prediction": "v",
    }


def test_guided_steps_cost_twice_as_much(model, point):
    item = SimpleNamespace(prompts=("red circle",), seeds=(0,))

    def macs(**other):
        [part] = model.components(item, point | other)
        return part.calls * count(part.module, part.inputs).macs

    assert macs(guidance=2.0) == 2 * macs()
    assert macs(steps=12) == 3 * macs()
