"""The dataset: the same for ever, exact about what is edited, and nobody learns from it."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from harness_plugins.generative.editing import DATASETS, moving_shapes
from harness_plugins.generative.editing.edits import Edits
from harness_plugins.generative.images import Images
from harness_plugins.generative.shape_rules import judge
from harness_plugins.generative.shapes import GROUND

DEFAULT = dict(DATASETS[0].params)


def items(**changes):
    return moving_shapes.index(**(DEFAULT | changes))


def loaded(**changes):
    return [moving_shapes.load(item, None) for item in items(**changes)]


def test_items_and_videos_are_the_ones_they_always_were():
    """Golden: whoever draws otherwise makes another dataset, and says so here."""
    assert [item.id for item in items()] == ["block0", "block1", "block2", "block3"]
    assert items()[0].sha256[:16] == "2d07546fe5649676"
    frames = loaded(videos=3, block=3)[0]["frames"]
    assert hashlib.sha256(frames.tobytes()).hexdigest()[:16] == "df955358c6402200"


def test_source_and_target_differ_inside_the_mask_and_nowhere_else(block):
    changed = (block["frames"] != block["target"]).any(axis=-1)
    assert not (changed & ~block["mask"]).any()
    assert changed.any(axis=(2, 3)).all()  # in every frame
    assert 0.1 < block["mask"].mean() < 0.3


def test_the_background_stays_and_the_shape_moves(block):
    for frames, mask in zip(block["frames"].astype(int), block["mask"], strict=True):
        seen = np.where(mask[..., None], -1, frames)
        assert (seen.max(axis=0) == np.where(seen < 0, 999, seen).min(axis=0))[
            ~mask.all(axis=0)
        ].all()
        assert (mask[0] != mask[-1]).any()


@pytest.mark.parametrize(("which", "prompts"), [("frames", "source_prompt"), ("target", "prompt")])
def test_rules_read_source_and_target_as_their_prompts_say(block, which, prompts):
    alone = np.where(block["mask"][..., None], block[which], np.array(GROUND, np.uint8))
    said = [text for text in block[prompts] for _ in range(8)]
    assert np.mean([v.right for v in judge(Images.of(alone.reshape(-1, 16, 16, 3)), said)]) > 0.99


def test_even_videos_are_recoloured_and_odd_ones_reshaped(block):
    pairs = zip(block["source_prompt"], block["prompt"], strict=True)
    for number, (before, after) in enumerate(pairs):
        same = [a == b for a, b in zip(before.split(), after.split(), strict=True)]
        assert same == ([True, False] if number % 2 else [False, True])


def test_more_videos_change_none_that_were_there():
    few, more = loaded(videos=2, block=2)[0], loaded(videos=5, block=5)[0]
    np.testing.assert_array_equal(more["frames"][:2], few["frames"])
    blocks = loaded(videos=5, block=2)
    assert [len(part["frames"]) for part in blocks] == [2, 2, 1]
    np.testing.assert_array_equal(np.concatenate([p["target"] for p in blocks]), more["target"])


@pytest.mark.parametrize("change", [{"seed": 1}, {"training": 5}, {"budget": 7}])
def test_what_changes_an_item_changes_its_digest(change):
    assert items()[0].sha256 != items(**change)[0].sha256


def test_nobody_learns_from_a_video_that_is_evaluated():
    test = {moving_shapes._clip(0, 0, n) for n in range(48)}
    learned = {moving_shapes._clip(1, 0, n) for n in range(1500)}
    assert len(test) == 48
    assert len(learned) == 1500
    assert not test & learned
    drawn = moving_shapes.training(videos=3, seed=0)
    assert drawn["videos"].shape == (3, 8, 16, 16, 3)
    assert drawn["masks"].shape == (3, 8, 16, 16)


def test_an_item_is_what_the_task_takes(block):
    edits = Edits.of(block)
    assert len(edits) == 16
    assert edits.training["budget"] == DEFAULT["budget"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"videos": 0}, "videos must be a whole number from 1 on, got 0"),
        ({"block": True}, "block must be a whole number from 1 on, got True"),
        ({"budget": 1.5}, "budget must be a whole number from 1 on, got 1.5"),
        ({"seed": -1}, "seed must be a whole number from 0 on, got -1"),
    ],
)
def test_numbers_out_of_range_are_said_in_one_line(change, message):
    with pytest.raises(ValueError) as caught:
        items(**change)
    assert str(caught.value) == message
