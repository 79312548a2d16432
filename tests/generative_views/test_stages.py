"""The steps of the task: what each sees, what it refuses, and what goes into the next."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from harness.cost import Component, NotMeasuredError, Run
from harness_plugins.generative import learning
from harness_plugins.generative.interface import InvalidOutputError, Lacking
from harness_plugins.generative.samples import Samples
from harness_plugins.generative.views import TASK, stages
from harness_plugins.generative.views.cameras import around, pinhole
from harness_plugins.generative.views.scenes import InvalidScenesError

RNG = np.random.default_rng(0)


def item(objects=2, targets=3, size=12, **more):
    """Return a block of objects on noise, any dataset's."""
    views = 4 + targets
    return {
        "images": RNG.integers(0, 256, (objects, views, size, size, 3), dtype=np.uint8),
        "poses": np.stack([[around(50 * v, 10, 1.5) for v in range(views)]] * objects),
        "intrinsics": pinhole(50.0, size),
    } | more


def shown(given):
    return stages.show(None, {"objects": given}, None, None)


class Copies:
    """Gives the last known view, and remembers what it was shown."""

    def __init__(self):
        self.calls = []

    def render(self, views, poses, intrinsics, target_poses, seed, point):
        self.calls.append((views, poses, intrinsics, target_poses, seed, point))
        return np.stack([views[-1]] * len(target_poses))


def rendered(model, given, views=2, seed=5, checkpoint=b""):
    inputs = {"checkpoint": checkpoint, "given": shown(given)["given"]}
    return stages.render(model, inputs, {"views": views}, seed)["renderings"]


def test_four_views_are_given_and_the_rest_is_the_truth():
    one = item()
    found = shown(one)
    np.testing.assert_array_equal(found["given"]["images"], one["images"][:, :4])
    np.testing.assert_array_equal(found["given"]["poses"], one["poses"][:, :4])
    np.testing.assert_array_equal(found["given"]["target_poses"], one["poses"][:, 4:])
    np.testing.assert_array_equal(found["truth"].sequences, one["images"][:, 4:])
    assert found["lesson"] == {}


def test_an_item_of_one_object_is_taken_as_datasets_of_files_have_it():
    block = item(objects=1)
    single = block | {name: block[name][0] for name in ("images", "poses")}
    assert len(shown(single)["truth"]) == 1
    np.testing.assert_array_equal(
        shown(single)["truth"].sequences, shown(block)["truth"].sequences
    )
    assert rendered(Copies(), single).sequences.shape == (1, 3, 12, 12, 3)


def test_no_stage_of_a_model_is_offered_the_truth_or_the_item():
    for stage in TASK.stages:
        if stage.model:
            assert not {"truth", "objects"} & {*stage.inputs, *stage.privileged}, stage.name


@pytest.mark.parametrize("views", [1, 2, 3, 4])
def test_a_model_is_given_so_many_views_as_the_point_says(views):
    model, one = Copies(), item()
    found = rendered(model, one, views)
    assert found.settings == {"views": views}
    assert found.frames == 3
    for number, (images, poses, intrinsics, targets, seed, point) in enumerate(model.calls):
        np.testing.assert_array_equal(images, one["images"][number, :views])
        np.testing.assert_array_equal(poses, one["poses"][number, :views])
        np.testing.assert_array_equal(targets, one["poses"][number, 4:])
        np.testing.assert_array_equal(intrinsics, one["intrinsics"])
        assert (seed, point) == (5, {"views": views})
        np.testing.assert_array_equal(found.sequences[number, 0], images[-1])


def test_renderings_do_not_tell_seeds_apart_that_made_none():
    dumps = {Samples.dump(rendered(Copies(), one, seed=s)) for one in (item(),) for s in (0, 1)}
    assert len(dumps) == 1


@pytest.mark.parametrize("views", [0, 5, None, "2", True])
def test_other_numbers_of_views_are_skipped(views):
    with pytest.raises(Lacking, match=rf"views must be 1 to 4, got {views!r}") as caught:
        rendered(Copies(), item(), views)
    assert caught.value.outcome == "skipped"


@pytest.mark.parametrize(
    "made",
    [
        np.zeros((3, 12, 12, 3), np.float32),
        np.zeros((2, 12, 12, 3), np.uint8),
        np.zeros((3, 3, 12, 12), np.uint8),
        np.zeros((3, 24, 24, 3), np.uint8),
        None,
    ],
)
def test_other_images_than_asked_for_are_invalid(made):
    model = SimpleNamespace(render=lambda *_: made)
    with pytest.raises(InvalidOutputError, match=r"must give uint8 \(3, 12, 12, 3\)") as caught:
        rendered(model, item())
    assert caught.value.outcome == "invalid"


def test_what_is_no_item_ends_the_first_stage():
    broken = item()
    broken["poses"][1, 2, 0, 3] = np.nan
    with pytest.raises(InvalidScenesError, match="view 2 of object 1 has a NaN"):
        shown(broken)


def lesson(objects):
    return item(objects=objects, targets=2)


def test_what_is_learned_from_is_made_by_the_dataset():
    ref = {"ref": f"{__name__}:lesson", "params": {"objects": 3}, "budget": 40}
    one = shown(item(training=ref))
    training = stages.collect(None, {"lesson": [one["lesson"]] * 2}, None, None)["training"]
    assert training["images"].shape == (3, 6, 12, 12, 3)
    assert training["budget"] == 40
    heard = []

    def fit(data, seed, budget):
        heard.append((set(data), seed, budget))
        return b"learned"

    loads = []
    model = SimpleNamespace(fit=fit, load=loads.append, render=Copies().render)
    checkpoint = learning.fit(model, {"training": training}, None, 7)["checkpoint"]
    assert heard == [({"images", "poses", "intrinsics"}, 7, 40)]
    rendered(model, item(), checkpoint=checkpoint)
    assert loads == [b"learned"]


def test_where_there_is_nothing_to_learn_from_only_what_learns_is_skipped():
    training = stages.collect(None, {"lesson": [{}, {}]}, None, None)["training"]
    assert training == {}
    assert learning.fit(Copies(), {"training": training}, None, 0) == {"checkpoint": b""}
    model = SimpleNamespace(fit=None)
    with pytest.raises(Lacking, match="the dataset has nothing to learn from"):
        learning.fit(model, {"training": training}, None, 0)


class Bench:
    def measure(self, components):
        outputs = {c.name: np.zeros(1, np.float32) for c in components}
        return Run(record={"components": [{"name": c.name} for c in components]}, outputs=outputs)

    def compare(self, first, second):
        return {"first": [c.name for c in first], "second": [c.name for c in second]}


def test_components_are_asked_for_the_first_picture():
    torch = pytest.importorskip("torch")
    asked = []

    def components(one, point):
        asked.append(one)
        views = torch.zeros(len(one["views"]), 3, 12, 12)
        conv = torch.nn.Conv2d(3, 2, 1, bias=False)
        return [Component(name=f"by {point['views']}", module=conv, inputs=[views])]

    model = SimpleNamespace(components=components)
    inputs = {"checkpoint": b"", "given": shown(item())["given"]}
    cost = stages.cost(model, inputs, {"views": 3}, None)["cost"]["components"]
    assert [sum(c["macs"]["dense"].values()) for c in cost] == [3 * 144 * 6]
    assert asked[0]["views"].shape == (3, 12, 12, 3)
    assert asked[0]["target_poses"].shape == (1, 4, 4)
    run = stages.device(model, inputs, {"views": 1}, None, Bench())["device_run"]
    assert run["components"] == [{"name": "by 1"}]
    pairs = stages.pair(model, inputs, {"views": 1}, None, Bench(), (model, inputs, {"views": 2}))
    assert pairs["device_pairs"] == {"first": ["by 2"], "second": ["by 1"]}
    with pytest.raises(NotMeasuredError):
        stages.cost(Copies(), inputs, {"views": 1}, None)
