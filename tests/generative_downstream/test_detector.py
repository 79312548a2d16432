"""The detector: it learns, it is the same again, and it refuses what is not finite."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from harness_plugins.generative.downstream import detector, problems
from harness_plugins.generative.downstream.precision import average_precision, matched
from harness_plugins.generative.downstream.scenes import Crops, drawer
from harness_plugins.generative.interface import Diverged


def real(problem, **changes):
    images, prompts = problems.real(problem | changes)
    return Crops.of(images, np.array([problems.label(text) for text in prompts]))


@pytest.mark.slow
def test_it_learns_to_find_shapes(problem):
    scenes = problems.test(problem | {"scenes": 60})
    truth = {"place": scenes.place, "boxes": scenes.boxes, "labels": scenes.labels, "scenes": 60}
    scores = []
    for steps in (1, 120):
        net = detector.train(drawer(real(problem, common=40, few=40), 0), 4, steps, 0)
        found = detector.detect(net, scenes.images)
        scores.append(np.mean([average_precision(matched(truth, found, k)) for k in range(4)]))
    assert scores[0] < 0.1
    assert scores[1] > 0.25


def test_one_seed_is_one_detector_whatever_the_threads(problem):
    before = torch.get_num_threads()
    nets = []
    for threads, seed in ((1, 0), (2, 0), (1, 1)):
        torch.set_num_threads(threads)
        nets.append(detector.train(drawer(real(problem), 0), 4, 3, seed))
        assert torch.get_num_threads() == threads
    torch.set_num_threads(before)
    assert nets[0] == nets[1] != nets[2]


def test_what_is_found_in_a_scene_does_not_depend_on_others(problem):
    net = detector.train(drawer(real(problem), 0), 4, 3, 0)
    images = problems.test(problem).images
    together = detector.detect(net, images)
    alone = detector.detect(net, images[4:5])
    own = together["place"] == 4
    assert own.any()
    assert set(together) == {"place", "boxes", "labels", "scores"}
    np.testing.assert_allclose(together["boxes"][own], alone["boxes"], atol=1e-4)
    np.testing.assert_allclose(together["scores"][own], alone["scores"], atol=1e-6)
    assert (np.diff(together["place"]) >= 0).all()


def test_a_loss_that_is_not_finite_ends_the_training(problem, monkeypatch):
    monkeypatch.setattr(detector, "_RATE", float("inf"))
    with pytest.raises(Diverged, match="the loss of the detector is nan at step") as caught:
        detector.train(drawer(real(problem), 0), 4, 3, 0)
    assert caught.value.outcome == "nonfinite"
