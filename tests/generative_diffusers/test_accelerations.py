"""Accelerations as wrappers: their identity is exact, they keep no state, and they save work."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from harness.cost import NotMeasuredError, count
from harness_plugins.generative_diffusers.accelerations import clockwork, token_merging
from harness_plugins.generative_diffusers.distillation import guidance_distilled

# diffusers 0.42.1 hands tensors to np.array, which NumPy 2 is not pleased with
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

ITEM = SimpleNamespace(prompts=("red circle",), seeds=(0,))


@pytest.fixture(params=["clock 2", "clock 3, cut 2", "learned", "merged", "distilled"])
def fast(request, model, training):
    """Return an accelerated model that has learned what it needs."""
    made = {
        "clock 2": lambda: clockwork(model, (), 2, 1, "identity"),
        "clock 3, cut 2": lambda: clockwork(model, (), 3, 2, "identity"),
        "learned": lambda: clockwork(model, (), 2, 1, "learned"),
        "merged": lambda: token_merging(model, (), 0.5),
        "distilled": lambda: guidance_distilled(model, (), 2.0, 0.1),
    }[request.param]()
    adapt = getattr(made, "adapt", None)
    if adapt:
        told = few_steps(adapt, training)
        if told:
            made.load_adapted(told)
    return made


def few_steps(adapt, training):
    """Adapt with few steps of training an adaptor: a test of wrappers, not of learning."""
    from harness_plugins.generative_diffusers import adaptors

    before, adaptors._STEPS = adaptors._STEPS, 3
    try:
        return adapt(training, 0, 80)
    finally:
        adaptors._STEPS = before


@pytest.fixture(params=[1.0, 2.0])
def asked(request, fast, sample):
    """Return a function that samples at a guidance; a student knows its own alone."""
    guidance = getattr(fast, "guidance", request.param)
    return lambda *given: sample(*given, guidance=guidance)


def test_the_identity_is_the_base_bit_for_bit(fast, asked):
    plain, nothing = fast.identity()
    np.testing.assert_array_equal(asked(nothing, 5), asked(plain, 5))


def test_samples_are_others_than_the_bases(fast, model, asked):
    assert not np.array_equal(asked(fast, 5), asked(model, 5))


def test_nothing_of_a_call_reaches_the_next(fast, model, asked):
    base = asked(model, 3)
    first = asked(fast, 3)
    asked(fast, 6, 40)  # other prompts and seeds in between
    np.testing.assert_array_equal(asked(fast, 3), first)
    np.testing.assert_array_equal(asked(model, 3), base)


def test_an_image_is_the_same_in_any_company(fast, asked):
    whole = asked(fast, 11)
    np.testing.assert_array_equal(asked(fast, 1, 9), whole[9:10])
    np.testing.assert_array_equal(asked(fast, 7, 3), whole[3:10])


def test_a_fault_within_a_trajectory_leaves_no_state(fast, asked, point):
    first = asked(fast, 2)
    with pytest.raises(ValueError, match="steps must be"):
        fast.generate(["red circle"], [0], point | {"steps": 0, "guidance": 2.0})
    np.testing.assert_array_equal(asked(fast, 2), first)


def test_settings_say_what_was_changed(fast, model, point):
    more = set(fast.settings(point)) - set(model.settings(point))
    assert more in ({"clock", "cut", "adaptor"}, {"merged_tokens"}, {"distilled_guidance"})


def test_only_what_learns_adapts(model, training):
    assert not hasattr(token_merging(model, (), 0.5), "adapt")
    assert not hasattr(token_merging(model, (), 0.5), "load_adapted")
    assert clockwork(model, (), 2, 1, "identity").adapt(training, 0, 80) == b""


def work(model, point, **other):
    parts = model.components(ITEM, point | other)
    assert {part.step for part in parts} == {"denoise"}
    return sum(part.calls * count(part.module, part.inputs).macs for part in parts)


@pytest.mark.parametrize("steps", [1, 2, 5, 8])
@pytest.mark.parametrize("clock", [1, 2, 3, 9])
def test_full_passes_and_those_between_are_all_steps(model, point, steps, clock):
    parts = clockwork(model, (), clock, 1, "identity").components(ITEM, point | {"steps": steps})
    assert sum(part.calls for part in parts) == steps
    assert parts[0].calls == -(-steps // clock)
    assert len(parts) == 1 + (steps > parts[0].calls)


def test_work_is_counted_as_it_is_done(model, point, sample):
    """A trajectory's calls, recorded: full passes at each clock-th step, and no other."""
    seen = []
    handle = model.unet.mid_block.register_forward_hook(lambda *_: seen.append("low"))
    outer = model.unet.conv_out.register_forward_hook(lambda *_: seen.append("out"))
    sample(clockwork(model, (), 3, 1, "identity"), 1, steps=7)
    handle.remove()
    outer.remove()
    assert "".join(word[0] for word in seen) == "lo" + "oo" + "lo" + "oo" + "lo"


def test_work_falls_with_clock_cut_and_ratio(model, point):
    plain = work(model, point, steps=12)
    clocks = [work(clockwork(model, (), c, 1, "identity"), point, steps=12) for c in (1, 2, 3, 4)]
    assert clocks[0] == plain
    assert clocks == sorted(set(clocks), reverse=True)
    inner = work(clockwork(model, (), 2, 2, "identity"), point, steps=12)
    assert clocks[1] < inner < plain
    assert work(token_merging(model, (), 0.5), point, steps=12) < plain


def test_guided_work_is_twice_that_of_one_pass_whatever_makes_it_cheaper(model, point):
    for fast in (clockwork(model, (), 2, 1, "identity"), token_merging(model, (), 0.5)):
        assert work(fast, point, guidance=2.0) == 2 * work(fast, point)


def test_the_clock_is_kept_under_guidance(model, sample):
    fast = clockwork(model, (), 2, 1, "identity")
    guided = sample(fast, 3, guidance=2.0)
    assert not np.array_equal(guided, sample(fast, 3))
    np.testing.assert_array_equal(sample(fast, 1, 2, guidance=2.0), guided[2:])


def test_a_learned_adaptor_must_have_been_learned(model, sample):
    fast = clockwork(model, (), 2, 1, "learned")
    with pytest.raises(RuntimeError, match="the adaptor has not been learned"):
        sample(fast, 1)


def test_a_model_without_a_unet_is_not_accelerated():
    for wrap in (
        lambda m: clockwork(m, (), 2, 1, "identity"),
        lambda m: token_merging(m, (), 0.5),
    ):
        with pytest.raises(NotMeasuredError, match="does not sample by a UNet"):
            wrap(SimpleNamespace())
    with pytest.raises(NotMeasuredError, match="no training images"):
        guidance_distilled(SimpleNamespace(), (), 1.5, 0.1)


@pytest.mark.parametrize(("clock", "cut"), [(0, 1), (2, 0), (2, 3)])
def test_a_clock_or_a_cut_without_room_is_refused(model, sample, clock, cut):
    with pytest.raises(ValueError, match="must be"):
        sample(clockwork(model, (), clock, cut, "identity"), 1)


def test_what_a_wrapper_does_not_know_is_the_models(fast, model):
    assert fast.batch == model.batch
    assert fast.unet is model.unet
    with pytest.raises(AttributeError):
        fast.nothing_of_that_name  # noqa: B018


def test_accelerations_leave_the_weights_alone(fast, checkpoint, asked, tiny):
    asked(fast, 2)
    fresh = tiny()
    fresh.load(checkpoint)
    ours, theirs = fast.model.net.state_dict(), fresh.net.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
