"""The builder, chance, and retrieval."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness_plugins.generative.solids.artifact import Solids
from harness_plugins.generative.solids.checker import judge
from harness_plugins.generative.solids.rasteriser import render
from harness_plugins.generative.solids.scenes import parse
from harness_plugins.generative_solids.references import (
    AnyPrimitive,
    PrimitiveBuilder,
    Retrieval,
    distance,
)

WORDS = st.lists(st.sampled_from("abc"), max_size=6)
TRAINING = ["red cube", "blue sphere on a green cube", "red cube", "yellow cone beside a red cube"]


@pytest.fixture
def retrieval(made):
    model = Retrieval()
    solids = Solids.of([made(p) for p in TRAINING], TRAINING, range(len(TRAINING)))
    model.load(model.fit({"solids": solids}, 0, 0))
    return model, solids


@given(a=WORDS, b=WORDS, c=WORDS)
def test_the_edit_distance_is_a_metric(a, b, c):
    assert distance(a, b) == distance(b, a)
    assert (distance(a, b) == 0) == (a == b)
    assert distance(a, c) <= distance(a, b) + distance(b, c)
    assert abs(len(a) - len(b)) <= distance(a, b) <= max(len(a), len(b))


@given(a=WORDS, place=st.integers(0, 6), word=st.sampled_from("abc"))
def test_one_edit_is_a_distance_of_one_at_most(a, place, word):
    place = min(place, len(a))
    assert distance(a, [*a[:place], word, *a[place:]]) == 1
    if a:
        other = [*a]
        other[place - 1] = word
        assert distance(a, other) <= 1


def test_known_distances():
    assert distance("kitten", "sitting") == 3
    assert distance(["red", "cube"], ["red", "cube", "on", "a", "blue", "cube"]) == 4


def test_what_was_learned_is_returned(retrieval):
    model, solids = retrieval
    for number in (0, 1, 3):
        found = model.shape(TRAINING[number], 7, {})
        assert np.array_equal(found.vertices, solids.meshes[number].vertices)


def test_the_nearest_prompt_answers_for_others(retrieval):
    model, solids = retrieval
    found = model.shape("blue sphere on a red cube", 7, {})
    assert np.array_equal(found.vertices, solids.meshes[1].vertices)


def test_among_equals_the_seed_decides(retrieval):
    model, _ = retrieval
    sizes = {len(model.shape("yellow sphere on a red cube", seed, {}).faces) for seed in range(12)}
    assert len(sizes) == 2


def test_the_builder_draws_sizes_from_the_seed():
    builder = PrimitiveBuilder()
    a, b, c = (builder.shape("red cone", seed, {}) for seed in (1, 1, 2))
    assert np.array_equal(a.vertices, b.vertices)
    assert not np.allclose(a.extents, c.extents)
    with pytest.raises(ValueError, match="unknown shape 'horse'"):
        builder.shape("red horse", 0, {})


def test_chance_ignores_the_prompt():
    chance = AnyPrimitive()
    a, b = (chance.shape(prompt, 5, {}) for prompt in ("red cone", "a hippo wearing a sweater"))
    assert np.array_equal(a.vertices, b.vertices)
    right = [
        not verdict.fault
        for seed in range(150)
        for verdict in judge(render(chance.shape("", seed, {}), 32), parse("red cube"))
    ]
    assert np.mean(right) < 0.05
