"""Clockwork on a small UNet with real weights: what is exact, and whose the state is."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from diffusers import (
    AutoencoderKL,
    DPMSolverMultistepScheduler,
    StableDiffusionPipeline,
    UNet2DConditionModel,
    UNet2DModel,
)
from torch import Tensor

from harness.cost import count
from harness_plugins.generative_diffusers.clockwork import (
    Clockwork,
    HighResolution,
    ResNetAdaptor,
    kept_shape,
)


def noise(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


SMALL: Any = {
    "block_out_channels": (8,),
    "down_block_types": ("DownBlock2D",),
    "up_block_types": ("UpBlock2D",),
    "norm_num_groups": 4,
}
TWO_STAGES: Any = {
    "block_out_channels": (8, 16),
    "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
    "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
    "layers_per_block": 1,
    "cross_attention_dim": 12,
    "attention_head_dim": 2,
    "norm_num_groups": 4,
}

# diffusers 0.42.1 hands tensors to np.array, which NumPy 2 is not pleased with.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

TEXT = noise(2, 5, 12, seed=7)


@torch.inference_mode()
def sample(model: Any, *, steps: int = 6, size: int = 16, seed: int = 1) -> Tensor:
    """Sample by DPM++ with classifier-free guidance as one batch of two."""
    scheduler = DPMSolverMultistepScheduler()
    scheduler.set_timesteps(steps)
    latents = noise(1, 4, size, size, seed=seed)
    for t in scheduler.timesteps:
        both = torch.cat([latents, latents])
        plain, prompted = model(both, t, encoder_hidden_states=TEXT).sample.chunk(2)
        latents = scheduler.step(plain + 2.0 * (prompted - plain), t, latents).prev_sample
    return latents


@torch.inference_mode()
def run(model: Clockwork, timesteps: list[int], **keywords: Any) -> list[Tensor]:
    with model.trajectory():
        return [
            model(noise(2, 4, 16, 16, seed=t), t, TEXT, return_dict=False, **keywords)[0]
            for t in timesteps
        ]


@torch.inference_mode()
def one_trajectory(model: Clockwork, *samples: Tensor) -> None:
    with model.trajectory():
        for one in samples:
            model(one, 1, TEXT)


@pytest.mark.parametrize("cut", [1, 2])
@pytest.mark.parametrize("upsampled", [False, True])
def test_a_clock_of_one_is_the_base_bit_for_bit(
    tiny: UNet2DConditionModel, cut: int, upsampled: bool
) -> None:
    clockwork = Clockwork(tiny, 1, cut=cut, upsampled=upsampled)
    with clockwork.trajectory():
        assert torch.equal(sample(clockwork), sample(tiny))


@pytest.mark.parametrize("size", [16, 18, 15])
@pytest.mark.parametrize("cut", [1, 2])
@pytest.mark.parametrize("upsampled", [False, True])
def test_a_step_with_what_it_would_have_computed_is_the_base_bit_for_bit(
    tiny: UNet2DConditionModel, cut: int, upsampled: bool, size: int
) -> None:
    """The same call twice: the second gets the low-resolution features it left out."""
    clockwork = Clockwork(tiny, 2, cut=cut, upsampled=upsampled)
    x = noise(2, 4, size, size)
    with torch.inference_mode(), clockwork.trajectory():
        full = clockwork(x, 500, TEXT).sample
        reduced = clockwork(x, 500, TEXT).sample
    assert torch.equal(full, reduced)
    with torch.inference_mode():
        assert torch.equal(full, tiny(x, 500, TEXT).sample)


def test_conditions_reach_the_steps_between() -> None:
    """Of SDXL, of guidance distillation, of classes: again the same call twice."""
    torch.manual_seed(0)
    added = {"text_embeds": noise(2, 6), "time_ids": noise(2, 2)}
    cases: list[tuple[dict[str, Any], dict[str, Any]]] = [
        (
            {
                "addition_embed_type": "text_time",
                "addition_time_embed_dim": 4,
                "projection_class_embeddings_input_dim": 14,
            },
            {"added_cond_kwargs": added},
        ),
        ({"time_cond_proj_dim": 5}, {"timestep_cond": noise(2, 5)}),
        ({"num_class_embeds": 3}, {"class_labels": torch.tensor([0, 2])}),
        ({"encoder_hid_dim": 12, "center_input_sample": True}, {}),
        ({"time_embedding_act_fn": "silu"}, {}),
    ]
    x = noise(2, 4, 16, 16)
    for changes, given in cases:
        clockwork = Clockwork(UNet2DConditionModel(**TWO_STAGES, **changes).eval(), 2)
        with torch.inference_mode(), clockwork.trajectory():
            full, reduced = (clockwork(x, 500, TEXT, **given).sample for _ in range(2))
        assert torch.equal(full, reduced)
        if given:
            other = {"timestep_cond": noise(2, 5, seed=9), "class_labels": torch.tensor([1, 1])}
            other["added_cond_kwargs"] = {**added, "text_embeds": noise(2, 6, seed=9)}
            [name] = given
            with torch.inference_mode(), clockwork.trajectory():
                clockwork(x, 500, TEXT, **given)
                changed = clockwork(x, 500, TEXT, **{name: other[name]}).sample
            assert not torch.equal(changed, full), name


def test_full_passes_come_at_the_clock_and_others_differ(tiny: UNet2DConditionModel) -> None:
    steps = [900, 700, 500, 300, 100]
    with torch.inference_mode():
        plain = [tiny(noise(2, 4, 16, 16, seed=t), t, TEXT).sample for t in steps]
    for clock in (2, 3, 9):
        found = run(Clockwork(tiny, clock), steps)
        same = [torch.equal(a, b) for a, b in zip(found, plain, strict=True)]
        assert same == [step % clock == 0 for step in range(len(steps))]


def test_a_deeper_cut_is_nearer_to_the_base(tiny: UNet2DConditionModel) -> None:
    plain = sample(tiny)
    errors = []
    for cut in (1, 2):
        clockwork = Clockwork(tiny, 2, cut=cut)
        with clockwork.trajectory():
            errors.append(float((sample(clockwork) - plain).square().mean()))
    assert 0 < errors[1] < errors[0]


def test_the_second_trajectory_knows_nothing_of_the_first(tiny: UNet2DConditionModel) -> None:
    clockwork = Clockwork(tiny, 2)
    with clockwork.trajectory():
        first = sample(clockwork, steps=5, seed=1)  # ends within a period
    with clockwork.trajectory():
        second = sample(clockwork, steps=5, seed=2)
    fresh = Clockwork(tiny, 2)
    with fresh.trajectory():
        assert torch.equal(sample(fresh, steps=5, seed=2), second)
    with clockwork.trajectory():
        assert torch.equal(sample(clockwork, steps=5, seed=1), first)


@pytest.mark.parametrize("clock", [1, 3])
def test_state_ends_with_a_failed_trajectory(tiny: UNet2DConditionModel, clock: int) -> None:
    """In a full pass, and in one between."""
    clockwork = Clockwork(tiny, clock)
    x = noise(2, 4, 16, 16)
    with pytest.raises(RuntimeError, match="channels"):
        one_trajectory(clockwork, x, x[:, :3])
    [found] = run(clockwork, [700])
    with torch.inference_mode():
        assert torch.equal(found, tiny(noise(2, 4, 16, 16, seed=700), 700, TEXT).sample)
    assert not any(module._forward_hooks for module in tiny.modules())


def test_the_base_is_left_as_it_was(tiny: UNet2DConditionModel) -> None:
    before = {name: value.clone() for name, value in tiny.state_dict().items()}
    clockwork = Clockwork(tiny, 2)
    run(clockwork, [900, 500])
    assert all(torch.equal(value, before[name]) for name, value in tiny.state_dict().items())
    assert len(clockwork.state_dict()) == len(before)
    assert clockwork.config is tiny.config
    assert clockwork.dtype is torch.float32
    with pytest.raises(AttributeError):
        _ = clockwork.nothing_like_it
    twin = copy.deepcopy(clockwork)
    same = zip(run(twin, [900, 500]), run(clockwork, [900, 500]), strict=True)
    assert all(torch.equal(a, b) for a, b in same)


def test_misuse_is_one_line(tiny: UNet2DConditionModel) -> None:
    clockwork = Clockwork(tiny, 2)
    x = noise(2, 4, 16, 16)
    with pytest.raises(RuntimeError, match="with trajectory"):
        clockwork(x, 1, TEXT)
    with clockwork.trajectory():
        with pytest.raises(RuntimeError, match="has not ended"), clockwork.trajectory():
            pass
        clockwork(x, 900, TEXT)
        with pytest.raises(ValueError, match="1 samples, but the step before left 2"):
            clockwork(x[:1], 700, TEXT[:1])
        with pytest.raises(ValueError, match="does not take attention_mask"):
            clockwork(x, 700, TEXT, attention_mask=x)
        clockwork(x, 700, TEXT, cross_attention_kwargs=None)
    with pytest.raises(ValueError, match="clock must be at least 1, not 0"):
        Clockwork(tiny, 0)
    for cut in (0, 3):
        with pytest.raises(ValueError, match="cut must be 1 to 2"):
            Clockwork(tiny, 2, cut=cut)
    with pytest.raises(ValueError, match="UNet2DModel is no UNet2DConditionModel"):
        Clockwork(UNet2DModel(**SMALL), 2)
    hinted = UNet2DConditionModel(
        addition_embed_type="image_hint", encoder_hid_dim=12, in_channels=8, **TWO_STAGES
    )
    with pytest.raises(ValueError, match="image as a hint"):
        Clockwork(hinted, 2)
    with pytest.raises(ValueError, match="upsampled must be False"):
        Clockwork(tiny, 2, adaptor=torch.nn.Identity(), upsampled=True)


def adaptor(**changes: Any) -> ResNetAdaptor:
    torch.manual_seed(3)
    sizes = {"r_in": 8, "r_out": 16, "time": 32, "text": 10, "width": 8, "groups": 4}
    return ResNetAdaptor(**{**sizes, **changes}).eval()


@pytest.mark.parametrize("kernel", [2, 4])
def test_an_untrained_adaptor_that_adds_nothing_is_the_identity(
    tiny: UNet2DConditionModel, kernel: int
) -> None:
    """With its last layer at zero only the residual is left; with it as drawn, it is not."""
    prompt = noise(2, 10, seed=5)
    plain = run(Clockwork(tiny, 3), [900, 700, 500, 300])
    learned = adaptor(kernel=kernel)
    found = []
    for zero in (False, True):
        if zero:
            torch.nn.init.zeros_(learned.up.weight)
            torch.nn.init.zeros_(learned.up.bias)
        clockwork = Clockwork(tiny, 3, adaptor=learned)
        with torch.inference_mode(), clockwork.trajectory(prompt):
            found.append(
                [clockwork(noise(2, 4, 16, 16, seed=t), t, TEXT).sample for t in (900, 700, 500)]
            )
    assert all(torch.equal(a, b) for a, b in zip(found[1], plain[:3], strict=True))
    assert [torch.equal(a, b) for a, b in zip(found[0], plain[:3], strict=True)] == [
        True,
        False,
        False,
    ]


def test_an_adaptor_sees_time_text_and_what_it_gave_before(tiny: UNet2DConditionModel) -> None:
    learned = adaptor()
    r_in, r_out, time, text = noise(2, 8, 8, 8), noise(2, 16, 8, 8), noise(2, 32), noise(2, 10)
    with torch.inference_mode():
        base = learned(r_in, r_out, time, text)
        assert base.shape == r_out.shape
        for changed in (
            (r_in + 1, r_out, time, text),
            (r_in, r_out + 1, time, text),
            (r_in, r_out, time + 1, text),
            (r_in, r_out, time, text + 1),
        ):
            assert not torch.equal(learned(*changed), base)
    with pytest.raises(ValueError, match="trajectory"), torch.inference_mode():
        run(Clockwork(tiny, 2, adaptor=learned), [900, 700])

    class Recorder(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.seen: list[Tensor] = []

        def forward(self, r_in: Tensor, r_out: Tensor, time: Tensor, text: Any) -> Tensor:
            self.seen.append(r_out)
            assert r_in.shape == (2, 8, 8, 8)
            return r_out + 1

    recorder = Recorder()
    run(Clockwork(tiny, 3, adaptor=recorder), [900, 700, 500])
    assert torch.equal(recorder.seen[1], recorder.seen[0] + 1)


@pytest.mark.parametrize("cut", [1, 2])
@pytest.mark.parametrize("upsampled", [False, True])
def test_a_step_is_counted_with_weights_as_it_is_on_meta(
    tiny: UNet2DConditionModel, cut: int, upsampled: bool
) -> None:
    inputs = [(2, 4, 16, 16), 500, (2, 5, 12)]
    kept = kept_shape(tiny, inputs[0], cut=cut, upsampled=upsampled)
    clockwork = Clockwork(tiny, 2, cut=cut, upsampled=upsampled)
    with torch.inference_mode(), clockwork.trajectory():
        clockwork(noise(2, 4, 16, 16), 500, TEXT)
        assert clockwork._kept is not None
        assert tuple(clockwork._kept.shape) == kept
    part = count(HighResolution(tiny, cut=cut, upsampled=upsampled), [*inputs, kept])
    full = count(tiny, inputs)
    assert set(part.by_kind) == {"attention", "convolution", "linear"}
    assert 0 < part.macs < full.macs
    seam = clockwork.high.seam
    size = (16 >> cut) * 2
    saved = 2 * size * size * seam.conv.weight.numel()
    other = count(HighResolution(tiny, cut=cut), [*inputs, kept_shape(tiny, inputs[0], cut=cut)])
    assert other.macs - part.macs == (saved if upsampled else 0)


@pytest.mark.filterwarnings("ignore::FutureWarning")  # diffusers 0.42.1 of its own defaults
def test_a_pipeline_takes_it_in_its_unets_place(tiny: UNet2DConditionModel) -> None:
    vae = AutoencoderKL(block_out_channels=(8,), norm_num_groups=4)

    def images(unet: Any) -> Tensor:
        pipeline = StableDiffusionPipeline(
            vae=vae,
            text_encoder=None,
            tokenizer=None,
            unet=unet,
            scheduler=DPMSolverMultistepScheduler(steps_offset=1),
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        )
        pipeline.set_progress_bar_config(disable=True)
        found: Tensor = pipeline(
            prompt_embeds=TEXT[:1],
            negative_prompt_embeds=TEXT[1:],
            num_inference_steps=4,
            output_type="latent",
            generator=torch.Generator().manual_seed(1),
            height=16,
            width=16,
        ).images
        return found

    plain = images(tiny)
    for clock in (1, 2):
        clockwork = Clockwork(tiny, clock)
        with clockwork.trajectory():
            assert torch.equal(images(clockwork), plain) is (clock == 1)
