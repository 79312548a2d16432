"""The steps of the task one after the other, and the numbers they lead to."""

from __future__ import annotations

import time

import numpy as np
import pytest
import trimesh

from harness import trace
from harness_plugins.generative.images import Images, InvalidImagesError
from harness_plugins.generative.interface import InvalidOutputError, Lacking
from harness_plugins.generative.prompts import Prompts, load, pair_seeds
from harness_plugins.generative.samples import Samples
from harness_plugins.generative.solids import scores, stages
from harness_plugins.generative.solids.artifact import Solids
from harness_plugins.generative.solids.dataset import index
from harness_plugins.generative.solids.reasons import reasons_by_view
from harness_plugins.generative_solids.references import AnyPrimitive, PrimitiveBuilder

BLOCK = load(index(count=12, block=12, size=32, train=6, heldout=0.2, budget=50, seed=0)[0], None)


def chain(model, block=BLOCK, seed=0):
    """Do what follows the fit, and return all that is left."""
    left = {"solid_prompts": block, "checkpoint": b""}
    left |= stages.shape(model, left, {}, seed)
    left |= stages.look(None, left, {}, seed)
    return left | stages.check(None, left, {}, seed)


class Own:
    """A model that gives what it is told to."""

    def __init__(self, solid):
        self.solid, self.asked = solid, []

    def shape(self, prompt, seed, point):
        self.asked.append((prompt, seed, point))
        return self.solid


def test_collect_leaves_meshes_and_their_views():
    left = stages.collect(None, {"solid_prompts": [BLOCK]}, None, None)
    solids, views = left["training_solids"], left["training_views"]
    assert len(solids) == len(views) == 6
    assert views.frames == 6
    assert views.prompts == solids.prompts
    assert left["lesson"] == {"budget": 50}
    assert not set(solids.prompts) & {
        p for p, c in zip(BLOCK.prompts, BLOCK.categories, strict=True) if c == "held out"
    }
    again = stages.look(None, {"solids": solids, "solid_prompts": BLOCK}, None, 0)["views"]
    assert np.array_equal(again.sequences, views.sequences)  # float32 moves no pixel here


def test_fit_gives_the_model_its_data_and_budget():
    class Learner:
        def fit(self, data, seed, budget):
            return f"{sorted(data)} {len(data['solids'])} {seed} {budget}".encode()

    left = stages.collect(None, {"solid_prompts": [BLOCK]}, None, None)
    found = stages.fit(Learner(), left, None, 3)["checkpoint"]
    assert found == b"['solids', 'views'] 6 3 50"
    assert stages.fit(PrimitiveBuilder(), left, None, 3)["checkpoint"] == b""


def test_a_model_is_asked_once_for_each_prompt_with_its_own_seed(made):
    model = Own(made("red cube"))
    solids = stages.shape(model, {"solid_prompts": BLOCK, "checkpoint": b""}, {"x": 1}, 5)[
        "solids"
    ]
    seeds = pair_seeds(BLOCK, 5)
    assert model.asked == [(p, s, {"x": 1}) for p, s in zip(BLOCK.prompts, seeds, strict=True)]
    assert (solids.prompts, solids.seeds) == (BLOCK.prompts, seeds)


def test_time_is_that_of_one_solid(made):
    class Slow(Own):
        def shape(self, *asked):
            time.sleep(0.02)
            return super().shape(*asked)

    trace.reset()
    stages.shape(Slow(made("red cube")), {"solid_prompts": BLOCK}, {}, 0)
    spans, _ = trace.taken()
    assert 0.02 <= spans["shape"] < 0.2  # of 12 solids together it would be 0.24 and more


def test_a_builder_is_right_and_chance_is_not():
    builder, chance = chain(PrimitiveBuilder()), chain(AnyPrimitive())
    assert scores.alignment()(builder["view_verdicts"]).mean() > 0.97
    assert scores.alignment()(chance["view_verdicts"]).mean() < 0.2
    assert (scores.view_consistency()(builder["views"]) == 1).all()


def test_rendered_views_have_the_size_of_the_dataset(made):
    for size, side in (((20, 20), 20), (None, 64)):
        block = Prompts(("red cube",), (1,), size)
        left = stages.look(
            None,
            {"solids": Solids.of([made("red cube")], ["red cube"], [1]), "solid_prompts": block},
            {},
            0,
        )
        assert left["views"].images.size == (side, side)


def test_views_of_a_model_are_taken_as_they_are(rng):
    six = rng.integers(0, 256, (6, 10, 10, 3), dtype=np.uint8)
    left = chain(Own(six))
    assert all(np.array_equal(own, six) for own in left["views"].sequences)
    with pytest.raises(Lacking, match="the model gives views: there is no mesh"):
        scores.watertight()(left["solids"])


def test_what_a_model_may_not_give_ends_as_invalid():
    with pytest.raises(InvalidOutputError, match="prompt 'red cube': the mesh has no face"):
        chain(Own(trimesh.Trimesh()))
    with pytest.raises(InvalidOutputError, match=r"got int64 \(6, 2, 2, 3\)"):
        chain(Own(np.zeros((6, 2, 2, 3), int)))


def test_a_prompt_without_rules_is_skipped_with_the_reason(views_of):
    views = Samples(Images.of(views_of("red cube")), ("a plush dragon toy",), (0,), frames=6)
    with pytest.raises(Lacking, match="no rules judge this: prompt 'a plush dragon toy'"):
        stages.check(None, {"views": views}, {}, 0)


VERDICTS = {
    "prompts": ["red cube", "blue cone"],
    "views": [
        [{"view": "front", "fault": "", "reason": ""}] * 6,
        [
            {"view": name, "fault": fault, "reason": f"why {name}"}
            for name, fault in zip(
                ("front", "back", "left", "right", "top", "bottom"),
                ("colour", "colour", "shape", "relation", "", ""),
                strict=True,
            )
        ],
    ],
}


def test_numbers_follow_from_verdicts():
    assert scores.alignment()(VERDICTS).tolist() == [1, pytest.approx(2 / 6)]
    assert scores.alignment("front")(VERDICTS).tolist() == [1, 0]
    assert scores.alignment("top")(VERDICTS).tolist() == [1, 1]
    assert scores.all_views_right()(VERDICTS).tolist() == [1, 0]
    parts = [scores.faults(fault)(VERDICTS)[1] for fault in ("colour", "shape", "relation")]
    assert parts == pytest.approx([2 / 6, 1 / 6, 1 / 6])


def test_one_category_leaves_others_out():
    block = Prompts(("red cube", "blue cone"), (0, 1), categories=("seen", "held out"))
    found = scores.alignment_in_category("held out")(block, VERDICTS)
    assert np.isnan(found[0])
    assert found[1] == pytest.approx(2 / 6)
    with pytest.raises(Lacking, match="no prompt of this block is single"):
        scores.alignment_in_category("single")(block, VERDICTS)


def test_meshes_are_watertight_and_bound_a_volume_or_not(made):
    whole = made("red cube")
    holed = trimesh.Trimesh(whole.vertices, whole.faces[1:], process=False)
    turned = trimesh.Trimesh(whole.vertices, whole.faces[:, ::-1], process=False)
    solids = Solids.of([whole, holed, turned], ["a"] * 3, [0] * 3)
    assert scores.watertight()(solids).tolist() == [1, 0, 1]
    assert scores.bounds_volume()(solids).tolist() == [1, 0, 0]


def test_consistency_is_of_six_views(rng):
    images = Images.of(rng.integers(0, 256, (4, 8, 8, 3), dtype=np.uint8))
    with pytest.raises(InvalidImagesError, match="views: expected 6 of each, got 4"):
        scores.view_consistency()(Samples(images, frames=4))


def test_the_board_is_told_what_is_wrong_and_where():
    lines = reasons_by_view(VERDICTS)
    assert [line["view"] for line in lines] == ["front", "back", "left", "right", "top", "bottom"]
    assert lines[0]["found"] == {"right": 1, "colour": 1, "shape": 0, "relation": 0}
    assert lines[0]["for example"] == "“blue cone”: why front"
    assert lines[2]["for example"] == "“blue cone”: why left"
    assert lines[4]["for example"] == ""
