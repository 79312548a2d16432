"""Models: references, what learning leaves, and edits that do not depend on anything else."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from harness.cost import NotMeasuredError, count
from harness.registry import resolve
from harness_plugins.generative.editing import moving_shapes, stages
from harness_plugins.generative.interface import Diverged, Lacking
from harness_plugins.generative_editing import harness_models, harness_variants, variants
from harness_plugins.generative_editing.references import CopyFrames, ExactRecolour
from harness_plugins.generative_editing.video_diffusion import VideoDiffusion

TINY = {"width": 32, "depth": 1, "batch": 4, "rate": 3e-3}
POINT = {"steps": 6, "guidance": 2.0, "blended": 0.8, "fresh": 0.3}


@pytest.fixture(scope="module")
def lessons():
    return moving_shapes.training(videos=8, seed=0)


@pytest.fixture(scope="module")
def model(lessons):
    """Return a model that learned next to nothing."""
    found = VideoDiffusion(**TINY)
    found.load(found.fit(lessons, seed=0, budget=40))
    return found


def asked(block, number=0):
    names = ("frames", "source_prompt", "prompt", "mask")
    return tuple(block[name][number] for name in names)


def edited(model, block, number=0, point=POINT, seed=0):
    frames, before, after, mask = asked(block, number)
    inverted = model.invert(frames, before, mask, point)
    return model.edit(frames, before, after, mask, seed, point, inverted)


def test_declared_models_and_variants_can_be_made():
    for declared in harness_models():
        assert resolve(declared.factory)(**declared.params)
    base = VideoDiffusion(**TINY)
    for variant in harness_variants():
        assert resolve(variant.wrap)(base, (), **variant.params).settings(POINT)["steps"] == 6


def test_a_rule_edits_nearly_exactly_and_leaves_the_background(block):
    for number in range(len(block["frames"])):
        frames, before, after, mask = asked(block, number)
        made = ExactRecolour().edit(frames, before, after, mask, 0, {}, {}).astype(int)
        assert (made == frames)[~mask].all()
        error = np.square(made - block["target"][number]).mean()
        assert 10 * np.log10(255**2 / error) > 28, (number, before, after)


def test_a_rule_needs_what_it_knows(block):
    frames, before, after, mask = asked(block)
    with pytest.raises(Lacking, match="'a cat' is not a colour and a shape"):
        ExactRecolour().edit(frames, before, "a cat", mask, 0, {}, {})
    with pytest.raises(Lacking, match="mask is needed"):
        ExactRecolour().edit(frames, before, after, None, 0, {}, {})


def test_one_seed_makes_one_checkpoint_whatever_torch_was_doing(lessons):
    made = []
    for seed, noise in ((0, 1), (0, 2), (1, 1)):
        torch.manual_seed(noise)
        before = torch.get_rng_state()
        made.append(VideoDiffusion(**TINY).fit(lessons, seed=seed, budget=12))
        assert torch.equal(torch.get_rng_state(), before)
    assert made[0] == made[1] != made[2]


def test_learning_that_leaves_the_finite_numbers_says_so(lessons):
    with pytest.raises(Diverged, match=r"the loss is (nan|inf) at step"):
        VideoDiffusion(**TINY | {"rate": 1e30}).fit(lessons, seed=0, budget=400)


def test_an_edit_is_the_same_again_and_another_with_another_seed(model, block):
    first = edited(model, block)
    np.testing.assert_array_equal(first, edited(model, block))
    frames, mask = block["frames"][0], block["mask"][0]
    assert first.shape == frames.shape
    assert (first != edited(model, block, seed=1))[mask].any()


def test_where_all_steps_are_blended_the_background_is_the_source(model, block):
    made = edited(model, block, point=POINT | {"blended": 1.0})
    frames, mask = block["frames"][0], block["mask"][0]
    np.testing.assert_array_equal(made[~mask], frames[~mask])
    assert (made != frames)[mask].any()


@pytest.mark.parametrize(
    "name", ["object-centric-merging", "object-centric-sampling", "object-centric"]
)
def test_a_saving_that_does_nothing_changes_nothing(model, block, name):
    variant = next(v for v in harness_variants() if v.name == name)
    cheap = resolve(variant.wrap)(model, (), **variant.params)
    plain, nothing = cheap.identity()
    assert plain is model
    np.testing.assert_array_equal(edited(plain, block), edited(nothing, block))
    assert (edited(plain, block) != edited(cheap, block)).any()


def work(model, block, point=POINT):
    names = ("frames", "source_prompt", "prompt", "mask")
    item = dict(zip(names, asked(block), strict=True))
    found = {"invert": 0, "edit": 0}
    for part in model.components(item, point):
        macs = count(part.module, part.inputs, convention="dense").by_kind
        found[part.step] += part.calls * sum(macs.values())
    return found


def test_an_edit_costs_twice_the_inversion_where_it_is_guided(model, block):
    plain = work(model, block)
    assert plain["edit"] == pytest.approx(2 * plain["invert"], rel=0.01)
    unguided = work(model, block, POINT | {"guidance": 1.0})
    assert unguided["edit"] == unguided["invert"] == plain["invert"]


def test_savings_are_of_tokens_that_are_not_computed(block):
    model = VideoDiffusion(64, 4, 16, 1e-3)
    model.net = model._network().eval()
    point = {"steps": 20, "guidance": 2.0, "blended": 0.9, "fresh": 0.0}
    plain = work(model, block, point)
    for wrap, least in (
        (variants.merging(model, (), 0.5, 0.1), 2.0),
        (variants.sampling(model, (), 6), 2.0),
        (variants.object_centric(model, (), 0.5, 0.1, 6), 2.5),
    ):
        cheap = work(wrap, block, point)
        for step in ("invert", "edit"):
            assert plain[step] / cheap[step] > least, (wrap.told, step)
    assert work(variants.merging(model, (), 0.0, 0.1), block, point) == plain
    assert work(variants.sampling(model, (), 1), block, point) == plain


def test_calls_counted_are_calls_made(model, block, monkeypatch):
    frames, before, after, mask = asked(block)
    item = {"frames": frames, "source_prompt": before, "prompt": after, "mask": mask}
    for cheap in (model, variants.sampling(model, (), 2)):
        made: list[torch.Size] = []
        hook = model.net.register_forward_hook(
            lambda _m, given, _o, made=made: made.append(given[0].shape)
        )
        edited(cheap, block)
        hook.remove()
        counted = [
            tuple(c.inputs[0].shape) for c in cheap.components(item, POINT) for _ in range(c.calls)
        ]
        assert sorted(map(tuple, made)) == sorted(counted)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: variants.merging(m, (), 0.8, 0.1), "ratio must be 0 to 0.75, got 0.8"),
        (lambda m: variants.merging(m, (), 0.5, 2.0), "object_first must be 0 to 1, got 2.0"),
        (lambda m: variants.sampling(m, (), 0), "every must be a whole number from 1 on, got 0"),
    ],
)
def test_settings_out_of_range_are_said_in_one_line(model, call, message):
    with pytest.raises(ValueError) as caught:
        call(model)
    assert str(caught.value) == message


def test_only_what_inverts_tokens_can_be_paced():
    with pytest.raises(NotMeasuredError, match="does not edit by inverting tokens"):
        variants.sampling(CopyFrames(), (), 2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"blended": 1.2}, "blended must be 0 to 1, got 1.2"),
        ({"guidance": -1}, "guidance must be"),
    ],
)
def test_operating_points_out_of_range_are_said(model, block, change, message):
    with pytest.raises(ValueError, match=message):
        edited(model, block, point=POINT | change)


def test_videos_of_another_size_and_other_words_are_skipped(model, block):
    frames, before, _, mask = asked(block)
    with pytest.raises(Lacking, match=r"8 frames of 16x16, not \(4, 16, 16\)"):
        model.invert(frames[:4], before, mask[:4], POINT)
    with pytest.raises(Lacking, match="'a cat': the model knows two words"):
        model.invert(frames, "a cat", mask, POINT)


def test_identity_is_a_step_of_the_task(model, block):
    request = stages.show(None, {"edits": block}, None, None)["request"]
    inputs = {"checkpoint": model.fit(moving_shapes.training(videos=4, seed=0), 0, 4)}
    inputs["request"] = request
    found = stages.identity(variants.sampling(model, (), 3), inputs, POINT, None)["identity"]
    assert found == {"kept": True, "images": 8, "most": 0}
    with pytest.raises(Lacking, match="no setting that does nothing"):
        stages.identity(variants.frames_apart(model, ()), inputs, POINT, None)
    with pytest.raises(Lacking, match="not accelerated"):
        stages.identity(model, inputs, POINT, None)
