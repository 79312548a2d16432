"""The plane sweep: a set of views, checkpoints that repeat, and scores that rise with views."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import torch

from harness.cost.stages import measure_cost
from harness_plugins.generative.interface import Diverged
from harness_plugins.generative.views import DATASETS, box_scenes
from harness_plugins.generative.views.cameras import around, pinhole, project
from harness_plugins.generative_views import harness_models
from harness_plugins.generative_views.copies import NearestView
from harness_plugins.generative_views.plane_sweep import Learned

SMALL = {"planes": 4, "width": 4, "channels": 4, "decoder": 8, "reach": 0.5}
K = pinhole(30.0, 16)


@pytest.fixture(scope="module")
def model(lessons):
    found = Learned(**SMALL)
    found.load(found.fit(lessons, 0, 24))
    return found


def test_one_seed_is_one_checkpoint_and_another_is_another(lessons):
    digests = [
        hashlib.sha256(Learned(**SMALL).fit(lessons, seed, 24)).hexdigest() for seed in (0, 0, 1)
    ]
    assert digests[0] == digests[1] != digests[2]


def test_a_checkpoint_makes_the_same_model(model, lessons):
    checkpoint = model.fit(lessons, 0, 24)
    other = Learned(**SMALL)
    other.load(checkpoint)
    images, poses = lessons["images"][0], lessons["poses"][0]
    one, two = (m.render(images[:3], poses[:3], K, poses[4:], 0, {}) for m in (model, other))
    np.testing.assert_array_equal(one, two)
    assert one.shape == (4, 16, 16, 3)
    assert one.dtype == np.uint8


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_views_are_a_set_and_targets_stand_alone(model, lessons, count):
    images, poses = lessons["images"][1], lessons["poses"][1]
    made = model.render(images[:count], poses[:count], K, poses[4:], 0, {})
    order = np.random.default_rng(count).permutation(count)
    turned = model.render(images[order], poses[order], K, poses[4:], 0, {})
    assert np.abs(made.astype(int) - turned).max() <= 1  # sums in another order
    for number, pose in enumerate(poses[4:]):
        alone = model.render(images[:count], poses[:count], K, pose[None], 0, {})
        assert np.abs(alone[0].astype(int) - made[number]).max() <= 1


def test_the_whole_scene_can_be_turned(model, lessons):
    """Only how cameras stand to each other matters, but for the light."""
    images, poses = lessons["images"][2], lessons["poses"][2]
    turn = around(37, 0, 1)
    turn[:3, 3] = 0
    made = model.render(images[:2], poses[:2], K, poses[4:5], 0, {})
    turned = model.render(images[:2], turn @ poses[:2], K, turn @ poses[4:5], 0, {})
    assert np.abs(made.astype(int) - turned).max() <= 1


def test_points_of_planes_fall_where_they_are_seen(model, lessons):
    poses = lessons["poses"][0]
    places, about = model._swept(poses[None, :2], poses[4:5], K, (16, 16))
    assert places.shape == (1, 2, 4, 256, 2)
    assert about.shape == (1, 2, 4)
    target, pixel = poses[4], (5, 11)
    for plane, part in enumerate((0.125, 0.375, 0.625, 0.875)):
        depth = 2.0 + (2 * part - 1) * 0.5
        local = [(11.5 - 8) / K[0, 0] * depth, (5.5 - 8) / K[1, 1] * depth, depth, 1]
        point = target @ local
        for view in (0, 1):
            expected, _ = project(point[:3], poses[view], K)
            found = (places[0, view, plane, 16 * pixel[0] + pixel[1]].numpy() + 1) * 8
            np.testing.assert_allclose(found, expected, atol=1e-4)


def test_sides_that_halve_unevenly_are_rendered(model):
    views = np.full((2, 10, 14, 3), 200, np.uint8)
    poses = np.stack([around(0, 0, 2), around(90, 0, 2)])
    made = model.render(views, poses, pinhole(30.0, 14), poses[:1], 0, {})
    assert made.shape == (1, 10, 14, 3)


def test_diverging_is_an_outcome(lessons):
    class Blown(Learned):
        def _swept(self, *args):
            places, about = super()._swept(*args)
            return places, about * torch.nan

    with pytest.raises(Diverged, match="the training loss is nan") as caught:
        Blown(**SMALL).fit(lessons, 0, 8)
    assert caught.value.outcome == "nonfinite"


def item_of(scenes, count):
    return {
        "views": scenes.images[0, :count],
        "poses": scenes.poses[0, :count],
        "intrinsics": scenes.intrinsics,
        "target_poses": scenes.poses[0, 4:5],
    }


def test_components_are_what_a_picture_runs(scenes):
    """Run one after the other they give the picture; what they cost grows with the views alone."""
    (declared,) = [m for m in harness_models() if m.name == "plane-sweep"]
    model = Learned(**declared.params)
    torch.manual_seed(0)
    model.load(model.fit(box_scenes.training(objects=2, seed=0, size=32), 0, 8))
    totals = []
    for count in (1, 2, 3, 4):
        item = item_of(scenes, count)
        parts = {c.name: c for c in model.components(item, {"views": count})}
        with torch.no_grad():
            features = parts["encoder"].module(*parts["encoder"].inputs)[None]
            torch.testing.assert_close(features, parts["attention"].inputs[0])
            planes = parts["attention"].module(*parts["attention"].inputs)
            torch.testing.assert_close(list(planes), parts["decoder"].inputs)
            picture = parts["decoder"].module(*parts["decoder"].inputs)
        levels = np.rint(picture[0].permute(1, 2, 0).double().numpy() * 255)
        made = model.render(*item.values(), 0, {})
        np.testing.assert_array_equal(levels.clip(0, 255).astype(np.uint8), made[0])
        counted = measure_cost(list(parts.values()))["components"]
        totals.append([sum(c["macs"]["dense"].values()) for c in counted])
    encoder, attention, decoder = np.array(totals).T
    pixels = 32 * 32
    assert encoder.tolist() == [
        n * pixels * (27 * 16 + 2 * 144 * 16 + 16 * 8) for n in (1, 2, 3, 4)
    ]
    # A score of each token, one embedding of each pose, and one mixing of what was pooled.
    points = 12 * pixels
    assert attention.tolist() == [n * (points * 8 + 4 * 8) + points * 22 * 8 for n in (1, 2, 3, 4)]
    assert len(set(decoder.tolist())) == 1
    assert sum(totals[3]) / sum(totals[0]) < 1.4


@pytest.mark.long
def test_it_learns_to_use_every_further_view():
    """A short training already beats the copies, and rises with each view."""
    (declared,) = [m for m in harness_models() if m.name == "plane-sweep"]
    params = dict(DATASETS[0].params) | {"objects": 40, "block": 40, "targets": 2}
    item = box_scenes.load(box_scenes.index(**params)[0], None)
    model = Learned(**declared.params)
    training = box_scenes.training(objects=150, seed=0, size=32)
    model.load(model.fit(training, 0, 1200))
    found = {"learned": [], "copied": []}
    for count in (1, 2, 3, 4):
        for name, one in (("learned", model), ("copied", NearestView())):
            errors = [
                (one.render(i[:count], p[:count], item["intrinsics"], p[4:], 0, {}) - i[4:] * 1.0)
                ** 2
                for i, p in zip(item["images"], item["poses"], strict=True)
            ]
            each = np.array(errors).mean(axis=(2, 3, 4))
            found[name].append(float((10 * np.log10(255**2 / each)).mean()))
    learned, copied = np.array(found["learned"]), np.array(found["copied"])
    assert (np.diff(learned) > 0.2).all(), learned
    assert (learned > copied + 1).all(), (learned, copied)
