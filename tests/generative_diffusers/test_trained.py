"""A model that was trained as the suite does it: known answers, and what accelerations cost it."""

from __future__ import annotations

import numpy as np
import pytest

from harness.cost import count
from harness_plugins.generative.images import Images
from harness_plugins.generative.metrics.frechet import frechet_distance
from harness_plugins.generative.prompts import load, pair_seeds
from harness_plugins.generative.shape_rules import judge
from harness_plugins.generative.shapes import Shapes, index
from harness_plugins.generative.text_to_image import classifier
from harness_plugins.generative_diffusers.accelerations import clockwork
from harness_plugins.generative_references.pictures import MoreReal, NoiseImages

pytestmark = [
    pytest.mark.long,
    # diffusers 0.42.1 hands tensors to np.array, which NumPy 2 is not pleased with
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]

FULL = {"steps": 20, "guidance": 1.0, "scheduler": "dpm++"}
COUNT = 500


@pytest.fixture(scope="module")
def asked(declared):
    return load(index(**declared | {"count": COUNT, "block": COUNT})[0], None)


@pytest.fixture(scope="module")
def fid():
    """Return a function: FID of images against 2000 real ones, by the suite's classifier."""
    source = Shapes(8000, 2000, 0, 0)
    drawn = source.training()
    learned = classifier.learn(Images.of(drawn["images"]), drawn["prompts"])
    reference = classifier.features(learned, next(source.reference()))
    return lambda images: frechet_distance(classifier.features(learned, images), reference)


@pytest.fixture(scope="module")
def full(trained, asked):
    return Images.of(trained.generate(asked.prompts, pair_seeds(asked, 0), FULL))


def accuracy(images, asked):
    return np.mean([v.right for v in judge(images, asked.prompts[: len(images)])])


def work(model, asked):
    parts = model.components(asked, FULL)
    return sum(part.calls * count(part.module, part.inputs).macs for part in parts)


def test_samples_look_like_real_pictures_and_show_what_was_asked(fid, full, asked):
    given = asked.prompts, pair_seeds(asked, 0), {}
    models = MoreReal(), MoreReal(blur=3), NoiseImages()
    real, blurred, noise = (fid(Images.of(model.generate(*given))) for model in models)
    assert real < fid(full) <= 0.6 < blurred < noise
    assert accuracy(full, asked) >= 0.8


def test_a_clock_of_two_saves_a_quarter_of_the_work_and_little_is_lost(trained, asked, fid, full):
    fast = clockwork(trained, (), 2, 1, "identity")
    assert work(trained, asked) >= 1.3 * work(fast, asked)
    images = Images.of(fast.generate(asked.prompts, pair_seeds(asked, 0), FULL))
    assert fid(images) <= 2 * fid(full)
    assert accuracy(images, asked) >= accuracy(full, asked) - 0.15


def test_a_single_step_is_worse_in_both(trained, asked, fid, full):
    few = Images.of(trained.generate(asked.prompts, pair_seeds(asked, 0), FULL | {"steps": 1}))
    assert fid(few) > 2 * fid(full)
    assert accuracy(few, asked) < accuracy(full, asked)


def test_guidance_follows_the_prompt(trained, asked, full):
    n = 250
    seeds = pair_seeds(asked, 0)[:n]
    guided = Images.of(trained.generate(asked.prompts[:n], seeds, FULL | {"guidance": 2.0}))
    assert accuracy(guided, asked) > accuracy(Images.of(full.bytes_()[:n]), asked)
