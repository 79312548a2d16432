"""The steps of the task: what each sees, what it refuses, and what goes into the next."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

from harness import trace
from harness_plugins.generative import learning
from harness_plugins.generative.editing import TASK, stages
from harness_plugins.generative.editing.edits import Edits, InvalidEditsError
from harness_plugins.generative.interface import InvalidOutputError, Lacking
from harness_plugins.generative.samples import Samples
from harness_plugins.generative.shape_rules import UnknownPromptError
from harness_plugins.generative_editing.references import CopyFrames, ExactRecolour

RNG = np.random.default_rng(0)


def item(videos=2, frames=3, size=8, **more):
    """Return a block of noise, any dataset's."""
    shape = (videos, frames, size, size)
    mask = np.zeros(shape, bool)
    mask[:, :, 2:5, 2:5] = True
    return {
        "frames": RNG.integers(0, 256, (*shape, 3), dtype=np.uint8),
        "mask": mask,
        "source_prompt": ["a cat"] * videos,
        "prompt": [f"a dog {n}" for n in range(videos)],
    } | more


def requested(given):
    return stages.show(None, {"edits": given}, None, None)["request"]


def edited(model, given, seed=5, inverted=None, point=None):
    inputs = {"checkpoint": b"", "request": requested(given), "inverted": inverted or {}}
    return stages.edit(model, inputs, point or {}, seed)["samples"]


class Recorder(CopyFrames):
    def __init__(self):
        self.calls = []

    def edit(self, *asked):
        self.calls.append(asked)
        return asked[0]


def test_no_stage_of_a_model_is_offered_the_target_or_the_item():
    for stage in TASK.stages:
        if stage.model:
            assert not {"target", "edits"} & {*stage.inputs, *stage.privileged}, stage.name


def test_inverting_and_editing_are_steps_of_their_own_and_timed():
    assert [s.name for s in TASK.stages if s.timed] == ["fit", "invert", "edit"]


def test_an_item_of_one_video_is_taken_as_davis_has_it():
    block = item(videos=1)
    single = {k: v[0] for k, v in block.items()}
    for name, array in requested(block).items():
        np.testing.assert_array_equal(requested(single)[name], array)
    assert edited(CopyFrames(), single).sequences.shape == (1, 3, 8, 8, 3)


def test_a_model_sees_each_video_with_its_own_prompt_mask_and_seed():
    model, one = Recorder(), item()
    samples = edited(model, one)
    assert samples.prompts == ("a dog 0", "a dog 1")
    assert samples.frames == 3
    for number, (frames, before, after, mask, _, point, inverted) in enumerate(model.calls):
        np.testing.assert_array_equal(frames, one["frames"][number])
        np.testing.assert_array_equal(mask, one["mask"][number])
        assert (before, after) == ("a cat", f"a dog {number}")
        assert (point, inverted) == ({}, {})
    seeds = {call[4] for call in model.calls}
    assert len(seeds) == 2
    # A video has its seed in any company, another one in another run.
    alone = Recorder()
    edited(alone, {k: v[1:] for k, v in one.items()})
    assert alone.calls[0][4] == model.calls[1][4]
    other = Recorder()
    edited(other, one, seed=6)
    assert not seeds & {call[4] for call in other.calls}


def test_what_was_inverted_reaches_its_own_video_and_its_time_is_that_of_one():
    model = Recorder()
    model.invert = lambda frames, before, mask, point: {
        "first": frames[0],
        "steps": point["steps"],
    }
    one, point = item(), {"steps": np.array(3)}
    trace.reset()
    inputs = {"checkpoint": b"", "request": requested(one)}
    inverted = stages.invert(model, inputs, point, 0)["inverted"]
    assert 0 < trace.taken()[0]["invert"] < 1
    edited(model, one, inverted=inverted, point=point)
    for number, call in enumerate(model.calls):
        assert set(call[6]) == {"first", "steps"}
        np.testing.assert_array_equal(call[6]["first"], one["frames"][number, 0])


def test_a_model_that_does_not_invert_has_no_time_for_it():
    trace.reset()
    inputs = {"checkpoint": b"", "request": requested(item())}
    assert stages.invert(CopyFrames(), inputs, {}, 0) == {"inverted": {}}
    spans, notes = trace.taken()
    assert math.isnan(spans["invert"])
    assert notes == {"inversion": "the model has none"}


@pytest.mark.parametrize(
    "change",
    [
        lambda v: v[:-1],
        lambda v: v[:, :-1],
        lambda v: v.astype(np.float32),
        lambda v: v[..., 0],
        lambda _: None,
    ],
)
def test_other_frames_than_asked_for_are_invalid(change):
    model = SimpleNamespace(edit=lambda frames, *_: change(frames))
    with pytest.raises(InvalidOutputError, match=r"must give uint8 \(3, 8, 8, 3\)") as caught:
        edited(model, item())
    assert caught.value.outcome == "invalid"
    assert "\n" not in str(caught.value)


def test_black_frames_are_invalid_unless_the_source_is_black():
    def black(frames, *_):
        frames[1] = 0
        return frames

    model = SimpleNamespace(edit=black)
    with pytest.raises(InvalidOutputError, match=r"frame 1 of video 0 is all black.*; 1 of 3 are"):
        edited(model, item())
    dark = item(frames=2)
    dark["frames"][:, 1] = 0
    assert not edited(model, dark).sequences[:, 1].any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"frames": np.zeros((2, 1, 8, 8, 3), np.uint8)}, "t from 2 on, got (2, 1, 8, 8, 3)"),
        ({"frames": np.zeros((2, 3, 8, 8, 3))}, "frames: expected uint8 in 0…255, got float64"),
        ({"mask": np.zeros((2, 3, 8, 8), bool)}, "mask: it is empty, there is nothing to edit"),
        ({"mask": np.ones((2, 3, 8, 7), bool)}, "mask: expected bool (2, 3, 8, 8) beside"),
        (
            {"target": np.zeros((2, 2, 8, 8, 3), np.uint8)},
            "target: expected uint8 (2, 3, 8, 8, 3)",
        ),
        ({"prompt": ["a dog"]}, "prompt: expected a text for each of 2 videos, got ('a dog',)"),
        ({"source_prompt": ["a", " "]}, "source_prompt: expected a text for each of 2 videos"),
    ],
)
def test_what_is_no_item_ends_the_first_step(change, message):
    with pytest.raises(ValueError) as caught:
        stages.show(None, {"edits": item() | change}, None, None)
    assert message in str(caught.value)
    assert caught.value.outcome == "invalid"
    assert "\n" not in str(caught.value)


def test_a_missing_key_is_named():
    broken = item()
    broken["source_promt"] = broken.pop("source_prompt")
    with pytest.raises(InvalidEditsError, match=r"no 'source_prompt'.*source_promt"):
        Edits.of(broken)


def test_what_nobody_knows_is_skipped_with_the_reason():
    unknown = item(mask=None)
    with pytest.raises(Lacking, match="does not know what the edited video should be"):
        stages.target(None, {"edits": unknown}, None, None)
    inputs = {"samples": edited(CopyFrames(), unknown), "request": requested(unknown)}
    with pytest.raises(Lacking, match="does not say where the edit belongs"):
        stages.verdicts(None, inputs, None, None)
    inputs = {"samples": edited(CopyFrames(), item()), "request": requested(item())}
    with pytest.raises(UnknownPromptError, match="does not say one of red"):
        stages.verdicts(None, inputs, None, None)


def test_where_there_is_nothing_to_learn_from_only_what_learns_is_skipped():
    training = stages.collect(None, {"lesson": [{}, {}]}, None, None)["training"]
    assert learning.fit(CopyFrames(), {"training": training}, None, 0) == {"checkpoint": b""}
    with pytest.raises(Lacking, match="nothing to learn from"):
        learning.fit(SimpleNamespace(fit=None), {"training": training}, None, 0)


def test_what_is_learned_from_is_made_by_the_dataset(block):
    lesson = block["training"] | {"params": {"videos": 2, "seed": 0}}
    training = stages.collect(None, {"lesson": [lesson]}, None, None)["training"]
    assert training["videos"].shape == (2, 8, 16, 16, 3)
    heard = []
    model = SimpleNamespace(fit=lambda *given: heard.append(given) or b"learned")
    assert learning.fit(model, {"training": training}, None, 7)["checkpoint"] == b"learned"
    ((data, seed, budget),) = heard
    assert (set(data), seed, budget) == ({"videos", "masks", "prompts"}, 7, lesson["budget"])


def test_verdicts_say_what_is_wrong_with_each_frame(block):
    def judged(model):
        inputs = {"samples": edited(model, block), "request": requested(block)}
        return stages.verdicts(None, inputs, None, None)["verdicts_of_edits"]

    copied, exact = judged(CopyFrames()), judged(ExactRecolour())
    assert not any(f["right"] for video in copied for f in video["frames"])
    first = copied[0]["frames"][0]["reason"]
    before, after = (block[name][0].split()[0] for name in ("source_prompt", "prompt"))
    assert first == f"colour: {before}, not {after}"
    assert all(f["right"] and not f["reason"] for video in exact for f in video["frames"])


def test_costs_are_of_the_video_whose_mask_is_the_median():
    one = item(videos=3)
    one["mask"][0, :, :6, :6] = True
    one["mask"][1, :, 2:5, 2:5] = [[False] * 3] * 2 + [[True] * 3]
    asked = stages._asked(requested(one))
    assert set(asked) == {"frames", "source_prompt", "prompt", "mask"}
    assert asked["prompt"] == "a dog 2"


def test_samples_are_kept_with_how_they_were_made():
    model = Recorder()
    model.settings = lambda point: {"steps": point["steps"]}
    samples = edited(model, item(), point={"steps": 4})
    assert Samples.load(Samples.dump(samples)).settings == {"steps": 4}
