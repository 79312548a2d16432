"""What samplers share: schedulers by name, noise by seed, batches that change nothing."""

from __future__ import annotations

from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from harness_plugins.generative.interface import Diverged
from harness_plugins.generative_diffusers.sampling import (
    SCHEDULERS,
    Step,
    batches,
    finite,
    guided,
    noise,
    one_thread,
    sampled,
    scheduler,
    steps_of,
)

# diffusers 0.42.1 hands tensors to np.array, which NumPy 2 is not pleased with
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
CONFIG = {"num_train_timesteps": 1000, "beta_schedule": "squaredcos_cap_v2"}


@pytest.mark.parametrize("name", SCHEDULERS)
@pytest.mark.parametrize("steps", [1, 2, 5])
def test_each_scheduler_samples_and_an_image_depends_on_its_own_pair_alone(
    model, sample, name, steps
):
    point = {"scheduler": name, "steps": steps}
    whole = sample(model, 11, **point)
    assert whole.shape == (11, 16, 16, 3)
    assert whole.dtype == np.uint8
    assert len({image.tobytes() for image in whole}) == 11
    np.testing.assert_array_equal(sample(model, 11, **point), whole)
    np.testing.assert_array_equal(sample(model, 1, 4, **point), whole[4:5])
    np.testing.assert_array_equal(sample(model, 7, 2, **point), whole[2:9])


@pytest.mark.parametrize("name", SCHEDULERS)
def test_sampling_draws_from_the_seeds_and_from_nothing_else(model, sample, name):
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    first = sample(model, 3, scheduler=name)
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(4)
    np.testing.assert_array_equal(sample(model, 3, scheduler=name), first)
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("name", SCHEDULERS)
def test_components_say_how_often_the_network_is_called(model, name):
    point = {"scheduler": name, "steps": 5, "guidance": 1.0}
    calls, step = [], model.step(model.unet)

    class Counting(torch.nn.Module):
        def forward(self, *given, **conditions):
            calls.append(1)
            return model.unet(*given, **conditions)

    model.sample(Counting(), ["red circle"], [0], point)
    item = SimpleNamespace(prompts=("red circle",), seeds=(0,))
    [part] = model.components(item, point)
    assert part.calls == len(calls)
    assert part.step == "denoise"
    assert type(step) is type(part.module)


@pytest.mark.parametrize("name", SCHEDULERS)
@pytest.mark.parametrize("steps", [2, 8, 20])
def test_sampling_begins_where_there_is_nothing_but_noise(name, steps):
    found = scheduler(name, CONFIG)
    found.set_timesteps(steps)
    first = int(found.timesteps[0])
    assert float(found.alphas_cumprod[first]) < 0.01 or first >= 990


def test_keywords_of_a_model_win_and_unknown_ones_are_left_out():
    found = scheduler("ddim", CONFIG | {"timestep_spacing": "leading", "lower_order_final": True})
    assert found.config.timestep_spacing == "leading"
    assert scheduler("ddim", CONFIG).config.timestep_spacing == "trailing"


@pytest.mark.parametrize(
    ("name", "said"),
    [("dpm+", "'dpm++'"), ("ddmi", "'dd"), ("heun-karras", "known are ddim, ddpm, dpm++")],
)
def test_an_unknown_scheduler_is_named_with_the_nearest(name, said):
    with pytest.raises(ValueError, match="unknown scheduler") as raised:
        scheduler(name, CONFIG)
    assert repr(name) in str(raised.value)
    assert said in str(raised.value)


@pytest.mark.parametrize("steps", [0, -1, 2.0, "4", True, None])
def test_steps_are_a_whole_number(steps):
    with pytest.raises(ValueError, match="whole number from 1 on"):
        steps_of({"steps": steps})


@given(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=6), st.integers(0, 5))
def test_noise_follows_its_own_seed(seeds, place):
    rows, generators = noise((3, 4, 4), seeds)
    one = seeds[place % len(seeds)]
    alone, [after] = noise((3, 4, 4), [one])
    assert torch.equal(rows[place % len(seeds)], alone[0])
    own = generators[place % len(seeds)]
    assert torch.equal(torch.randn(5, generator=own), torch.randn(5, generator=after))


def test_noise_is_normal():
    rows, _ = noise((3, 16, 16), range(200))
    assert abs(float(rows.mean())) < 0.01
    assert float(rows.std()) == pytest.approx(1, abs=0.01)
    assert len({row.numpy().tobytes() for row in rows}) == 200


@given(st.integers(1, 40), st.integers(1, 16))
def test_batches_are_full_and_hold_each_pair_once(count, size):
    prompts, seeds = [f"p{n}" for n in range(count)], list(range(count))
    found = []
    for part, own, used in batches(prompts, seeds, size):
        assert len(part) == len(own) == size
        assert [p[1:] for p in part] == [str(s) for s in own]
        found += own[:used]
    assert found == seeds


def test_guidance_is_by_the_difference_that_words_make():
    class Linear(torch.nn.Module):
        def forward(self, x, time, text):
            return (x * text,)

    step = Step(Linear(), lambda text: {})
    x, text = torch.full((2, 1), 3.0), torch.tensor([[0.0], [0.0], [1.0], [2.0]])
    time = torch.tensor(1)
    torch.testing.assert_close(guided(step, x, time, text, 2.5), 2.5 * x * text[2:])
    torch.testing.assert_close(guided(step, x, time, text[2:], 1.0), x * text[2:])


def test_each_batch_is_one_trajectory_with_its_prompts():
    heard = []

    @contextmanager
    def trajectory(prompts):
        heard.append(("begin", list(prompts)))
        yield
        heard.append(("end", list(prompts)))

    def sample(unet, prompts, seeds, _point):
        heard.append(unet)
        return np.array(seeds, np.uint8).reshape(-1, 1, 1, 1)

    model = SimpleNamespace(batch=2, unet="own", sample=sample)
    found = sampled(model, ["a", "b", "c"], [7, 8, 9], {}, None, trajectory)
    assert found.ravel().tolist() == [7, 8, 9]
    assert heard == [
        ("begin", ["a", "b"]),
        "own",
        ("end", ["a", "b"]),
        ("begin", ["c", "c"]),
        "own",
        ("end", ["c", "c"]),
    ]


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_what_is_not_finite_has_an_outcome(bad):
    with pytest.raises(Diverged, match="latents are not finite") as raised:
        finite(torch.tensor([1.0, bad]), "latents")
    assert raised.value.outcome == "nonfinite"


def test_one_thread_is_undone_after_a_fault():
    before = torch.get_num_threads()
    torch.set_num_threads(before + 1)
    try:
        with pytest.raises(ZeroDivisionError), one_thread():
            1 // (torch.get_num_threads() - 1)
        assert torch.get_num_threads() == before + 1
    finally:
        torch.set_num_threads(before)
