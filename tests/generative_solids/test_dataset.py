"""What is asked for, and what is held out of the training data."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness_plugins.generative.prompts import load, open_source
from harness_plugins.generative.solids.dataset import CATEGORIES, HELD_OUT, Primitives, index
from harness_plugins.generative.solids.scenes import every_scene, parse

PARAMS = {
    "count": 24,
    "block": 8,
    "size": 16,
    "train": 400,
    "heldout": 0.2,
    "budget": 1000,
    "seed": 0,
}


def asked(**changes):
    blocks = [load(item, None) for item in index(**PARAMS | changes)]
    return [pair for b in blocks for pair in zip(b.prompts, b.categories, b.seeds, strict=True)]


def learned(**changes):
    params = PARAMS | changes
    return Primitives(
        params["train"], params["size"], params["heldout"], params["budget"], params["seed"]
    ).training()


def test_what_is_held_out_is_in_no_training_data():
    found = learned()
    known = set(found["prompts"])
    of = {
        category: {p for p, c, _ in asked(count=600) if c == category} for category in CATEGORIES
    }
    assert len(of["single"]) == 16
    assert len(of[HELD_OUT]) == round(0.2 * 384)
    assert not of[HELD_OUT] & known
    assert of["seen"] <= known
    assert of["single"] <= known
    assert known | of[HELD_OUT] == set(map(str, every_scene()))


def test_training_solids_are_what_their_prompts_say():
    found = learned(train=30)
    assert found["views"].shape == (30, 6, 16, 16, 3)
    assert found["budget"] == 1000
    for prompt, mesh in zip(found["prompts"], found["meshes"], strict=True):
        assert mesh.body_count == len(parse(prompt).primitives)


@settings(max_examples=20)
@given(count=st.integers(1, 60), more=st.integers(0, 30), block=st.integers(1, 40))
def test_more_prompts_and_other_blocks_change_none_that_were_there(count, more, block):
    few, many = asked(count=count), asked(count=count + more, block=block)
    assert many[:count] == few
    assert [category for _, category, _ in few] == [
        CATEGORIES[n % len(CATEGORIES)] for n in range(count)
    ]


def test_each_prompt_has_a_seed_of_its_own_and_another_dataset_seed_asks_for_others():
    found = asked(count=96)
    assert len({seed for _, _, seed in found}) == 96
    assert [p for p, _, _ in asked(seed=1)] != [p for p, _, _ in asked()]


def test_digests_cover_what_is_learned_and_asked():
    base = [item.sha256 for item in index(**PARAMS)]
    assert [item.sha256 for item in index(**PARAMS)] == base
    for change in ({"train": 401}, {"heldout": 0.3}, {"size": 24}, {"seed": 2}, {"budget": 7}):
        other = [item.sha256 for item in index(**PARAMS | change)]
        assert not set(other) & set(base)


def test_the_item_opens_its_own_training_data():
    block = load(index(**PARAMS | {"train": 3})[0], None)
    assert block.size == (16, 16)
    assert open_source(block).training()["prompts"] == learned(train=3)["prompts"]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"count": 0}, "count must be a whole number from 1 on, got 0"),
        ({"size": 4}, "size must be a whole number from 8 on, got 4"),
        ({"train": True}, "train must be a whole number from 1 on, got True"),
        ({"budget": -1}, "budget must be a whole number from 0 on, got -1"),
        ({"heldout": 0}, "heldout must lie between 0 and 1, got 0"),
        ({"heldout": 1.0}, "heldout must lie between 0 and 1, got 1.0"),
        ({"block": 0}, "block must be a whole number from 1 on, got 0"),
        ({"seed": -1}, "seed must be a whole number from 0 on, got -1"),
    ],
)
def test_numbers_out_of_range_are_told_in_one_line(change, fault):
    with pytest.raises(ValueError, match=fault):
        index(**PARAMS | change)
