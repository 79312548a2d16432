"""Blocks of prompts: seeds that make pairs, digests of all that an item holds."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.run.keys import digest
from harness.spec import Unavailable
from harness_plugins.generative.prompts import (
    Prompts,
    blocks,
    load,
    open_source,
    pair_seeds,
    prompt_seeds,
)

TEXTS = tuple(f"a {colour} cube, №{n}" for n in range(4) for colour in ("red", "blue", "grün"))
SOURCE = {"ref": "collections:Counter", "params": {"a": 2}}

counts = st.integers(1, 40)
seeds = st.integers(0, 2**40)


def whole(items) -> list[tuple[str, int]]:
    """Return every prompt of all blocks with its seed in run 3."""
    return [
        pair
        for block in map(load_generated, items)
        for pair in zip(block.prompts, pair_seeds(block, 3), strict=True)
    ]


def load_generated(item) -> Prompts:
    return load(item, None)


@given(counts, st.integers(1, 50), st.integers(1, 50), seeds)
def test_seeds_do_not_depend_on_the_size_of_a_block(count, one, other, seed):
    texts = [f"prompt {n}" for n in range(count)]
    assert whole(blocks(texts, seed=seed, block=one)) == whole(
        blocks(texts, seed=seed, block=other)
    )


@given(counts, seeds, seeds)
def test_seeds_are_numbers_that_every_generator_takes(count, seed, run):
    block = Prompts(("x",) * count, tuple(prompt_seeds(seed, count)))
    drawn = pair_seeds(block, run)
    assert all(0 <= n < 2**32 for n in (*drawn, *block.seeds))
    assert prompt_seeds(seed, count + 5)[:count] == list(block.seeds)


def test_seeds_stay_what_they_are():
    # The definition, written out once more: the first four bytes of a sha256.
    first = int.from_bytes(hashlib.sha256(b"prompt/7/0").digest()[:4], "big")
    assert prompt_seeds(7, 2) == [first, 1862142219]
    drawn = pair_seeds(Prompts(("x",), (first,)), 1)
    assert drawn == (int(hashlib.sha256(f"run/{first}/1".encode()).hexdigest()[:8], 16),)


def test_runs_and_prompts_are_sampled_from_seeds_of_their_own():
    block = Prompts(("x",) * 500, tuple(prompt_seeds(0, 500)))
    drawn = {seed for run in range(4) for seed in pair_seeds(block, run)}
    assert len(drawn) == 2000


def test_blocks_hold_all_prompts_in_order():
    items = blocks(TEXTS, seed=0, block=5, size=(48, 64), categories=TEXTS, source=SOURCE)
    assert [item.id for item in items] == ["p0000", "p0005", "p0010"]
    loaded = [load_generated(item) for item in items]
    assert [len(block) for block in loaded] == [5, 5, 2]
    assert sum((block.prompts for block in loaded), ()) == TEXTS
    assert sum((block.categories for block in loaded), ()) == TEXTS
    assert {block.size for block in loaded} == {(48, 64)}
    assert open_source(loaded[0]) == {"a": 2}


def test_a_digest_is_that_of_what_the_item_holds():
    def digests(**given):
        return [i.sha256 for i in blocks(**{"prompts": TEXTS, "seed": 0, "block": 6} | given)]

    plain = digests()
    held = dict(blocks(TEXTS, seed=0, block=6)[0].meta)
    held.pop("places")
    assert plain[0] == digest(held)  # the core's canonical JSON
    for change in (
        {"seed": 1},
        {"size": (8, 8)},
        {"categories": TEXTS},
        {"source": SOURCE},
        {"prompts": TEXTS[::-1]},
    ):
        assert not set(plain) & set(digests(**change)), change


def test_places_are_in_no_digest_and_reach_the_source():
    there, elsewhere = (
        blocks(TEXTS, seed=0, block=20, source=SOURCE, places={"b": n})[0] for n in (1, 2)
    )
    assert there.sha256 == elsewhere.sha256
    assert open_source(load_generated(elsewhere)) == {"a": 2, "b": 2}


def test_no_reference_is_unavailable():
    (item,) = blocks(TEXTS, seed=0, block=20)
    assert load_generated(item).size is None
    with pytest.raises(Unavailable, match="no reference images"):
        open_source(load_generated(item))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"prompts": []}, "there is no prompt"),
        ({"block": 0}, "block must be a whole number from 1 on, got 0"),
        ({"block": True}, "block must be"),
        ({"block": 2.0}, "block must be"),
        ({"seed": -1}, "seed must be a whole number from 0 on, got -1"),
        ({"seed": "x"}, "seed must be"),
        ({"size": (0, 8)}, "size must be height and width in pixels, got"),
        ({"size": (8,)}, "size must be"),
        ({"size": (8.0, 8)}, "size must be"),
    ],
)
def test_faults_are_one_line(given, said):
    with pytest.raises(ValueError, match=said) as raised:
        blocks(**{"prompts": TEXTS, "seed": 0, "block": 2} | given)
    assert "\n" not in str(raised.value)
