"""The classifier whose features compare sets: the same every time, and its distances mean much."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.torch import load
from scipy.ndimage import uniform_filter

from harness import trace
from harness_plugins.generative.images import Images
from harness_plugins.generative.interface import Lacking
from harness_plugins.generative.metrics.frechet import frechet_distance
from harness_plugins.generative.metrics.kernel import kid
from harness_plugins.generative.shapes import Shapes
from harness_plugins.generative.text_to_image import classifier, features

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def source():
    return Shapes(train=2000, compared=1000, budget=0, seed=5)


@pytest.fixture(scope="module")
def training(source):
    drawn = source.training()
    return Images.of(drawn["images"]), drawn["prompts"]


@pytest.fixture(scope="module")
def learned(training):
    return classifier.learn(*training)


@pytest.fixture(scope="module")
def sets(source):
    """Return a reference and sets that are worse and worse."""
    reference, further = next(source.reference()), next(source.further())
    rng = np.random.default_rng(0)
    pixels = further.bytes_()
    blurred = uniform_filter(pixels, (0, 3, 3, 0))
    worse = {
        "real": pixels,
        "half blurred": (pixels // 2 + blurred // 2).astype(np.uint8),
        "blurred": blurred,
        "noise": rng.integers(0, 256, pixels.shape, dtype=np.uint8),
    }
    return reference, {name: Images.of(made) for name, made in worse.items()}


def test_the_step_of_the_task_learns_the_same_whatever_was_drawn_and_on_however_many_threads(
    learned, training
):
    images, prompts = training
    told = {"images": images.bytes_(), "prompts": np.array(prompts), "budget": np.int64(0)}
    threads = torch.get_num_threads()
    torch.set_num_threads(threads % 2 + 1)
    torch.manual_seed(77)
    state = torch.get_rng_state()
    trace.reset()
    try:
        step = features.learn_classifier(None, {"training": told}, None, None)
        assert torch.get_num_threads() == threads % 2 + 1
    finally:
        torch.set_num_threads(threads)
    assert step == {"classifier": learned}
    assert torch.equal(torch.get_rng_state(), state)
    assert trace.taken()[1]["classifier_accuracy_on_training"] > 0.98
    trace.reset()


def test_without_pictures_there_is_nothing_to_learn_from():
    with pytest.raises(Lacking, match="nothing to learn from"):
        features.learn_classifier(None, {"training": {"budget": np.int64(0)}}, None, None)


def test_features_tell_held_out_prompts_apart(learned, training):
    held = Shapes(1000, 2, 0, 99).training()
    found = classifier.features(learned, Images.of(held["images"]))
    ours, names = classifier.features(learned, training[0]), sorted(set(held["prompts"]))
    centres = np.array([ours[np.array(training[1]) == name].mean(0) for name in names])
    nearest = np.linalg.norm(found[:, None] - centres, axis=2).argmin(1)
    told = [names[n] == text for n, text in zip(nearest, held["prompts"], strict=True)]
    assert np.mean(told) > 0.9


def test_features_are_standardised_over_the_training_images(learned, training):
    found = classifier.features(learned, training[0])
    assert found.shape == (2000, 64)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.mean(0), 0, atol=1e-4)
    assert (found.std(0) < 1.01).all()
    assert np.median(found.std(0)) == pytest.approx(1, abs=0.01)


def test_a_feature_that_is_dead_on_real_images_counts_at_most_ten_times(learned, training, sets):
    scale = load(learned)["std"].numpy()
    deviation = (classifier.features(learned, training[0]) * scale).std(0, ddof=1)
    least = 0.1 * deviation.mean()
    np.testing.assert_allclose(scale, np.maximum(deviation, least), rtol=1e-3)
    assert np.isfinite(classifier.features(learned, sets[1]["noise"])).all()


def test_features_do_not_depend_on_the_company_of_an_image(learned, sets):
    images = sets[1]["real"]
    whole = classifier.features(learned, images)
    alone = classifier.features(learned, Images.of(images.bytes_()[40:41]))
    np.testing.assert_allclose(whole[40:41], alone, atol=1e-5)


def test_distances_grow_from_real_to_noise(learned, sets):
    reference, worse = sets
    against = classifier.features(learned, reference)
    by_fid, by_kid = [], []
    for images in worse.values():
        found = classifier.features(learned, images)
        by_fid.append(frechet_distance(found, against))
        by_kid.append(kid(found, against).value)
    assert by_fid == sorted(by_fid)
    assert by_kid == sorted(by_kid)
    assert by_fid[0] < 0.5  # the floor at 1000 against 1000
    assert abs(by_kid[0]) < 0.01
    assert by_fid[-1] > 10 * by_fid[-2] > 10 * by_fid[0]
