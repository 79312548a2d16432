"""A small text-to-image diffusion model of diffusers' parts, trained by the suite.

A UNet of three stages predicts v = α ε − σ x (Salimans and Ho, Progressive distillation for fast
sampling, ICLR 2022, appendix D) under the cosine schedule; the words of a prompt reach it by
attention and by its time embedding, and are left out of one training image in ten, so that
guidance can be had (Ho and Salimans, Classifier-free diffusion guidance, 2022). Times of training
are logit-normal (Esser et al., Scaling rectified flow transformers, ICML 2024, section 3.1): most
of them where the shape is decided.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from harness.cost import Component
from harness.spec import Json
from harness_plugins.generative.images import Images
from harness_plugins.generative.interface import Array, Diverged, Lacking, Point
from harness_plugins.generative.prompts import Prompts
from harness_plugins.generative.shapes import COLOURS, SHAPES, SIDE
from harness_plugins.generative_diffusers.sampling import (
    Step,
    finite,
    guided,
    noise,
    one_thread,
    sampled,
    scheduler,
    steps_of,
)

__all__ = ["ShapesDiffusion", "TextUNet", "train"]

_WORDS = {word: number for number, word in enumerate([*COLOURS, *SHAPES], 1)}  # 0: no word
_TEXT = 32
_TIMES = 1000
_SPREAD = 0.8  # of the logit of training times
_DROPPED = 0.1
_WARM_UP = 50
_SCHEDULE = {
    "num_train_timesteps": _TIMES,
    "beta_schedule": "squaredcos_cap_v2",
    "prediction_type": "v_prediction",
}


class TextUNet(nn.Module):
    """The UNet and the embedding of the two words of a prompt.

    Args:
        widths: channels of the three stages, multiples of 8.
    """

    def __init__(self, widths: Sequence[int]) -> None:
        from diffusers import UNet2DConditionModel

        super().__init__()
        plain = len(widths) - 1
        self.words = nn.Embedding(len(_WORDS) + 1, _TEXT)
        self.unet = UNet2DConditionModel(
            sample_size=SIDE,
            in_channels=3,
            out_channels=3,
            layers_per_block=1,
            block_out_channels=tuple(widths),
            down_block_types=("DownBlock2D",) * plain + ("CrossAttnDownBlock2D",),
            up_block_types=("CrossAttnUpBlock2D",) + ("UpBlock2D",) * plain,
            cross_attention_dim=_TEXT,
            attention_head_dim=8,
            norm_num_groups=8,
            class_embed_type="projection",
            projection_class_embeddings_input_dim=2 * _TEXT,
        )

    def text(self, words: Tensor) -> Tensor:
        """Return the embeddings (n, 2, 32) of words (n, 2)."""
        found: Tensor = self.words(words)
        return found


class ShapesDiffusion:
    """A text-to-image model of 16 × 16 pixels.

    Args:
        widths: channels of the three stages.
        batch: images of a training step, and of a sampling batch.
        rate: the largest learning rate.
    """

    def __init__(
        self, widths: Sequence[int] = (16, 32, 64), batch: int = 32, rate: float = 3e-3
    ) -> None:
        self.widths, self.batch, self.rate = tuple(widths), batch, rate
        self.net: TextUNet | None = None

    @property
    def unet(self) -> nn.Module:
        """The denoising network."""
        found: nn.Module = self._net.unet
        return found

    @property
    def _net(self) -> TextUNet:
        if self.net is None:
            raise RuntimeError("the model has learned nothing yet: load a checkpoint")
        return self.net

    def fit(self, data: Mapping[str, Any], seed: int, budget: int) -> bytes:
        """Train; see :class:`harness_plugins.generative.interface.Learner`."""
        from safetensors.torch import save

        x = torch.from_numpy(Images.of(data["images"]).floats(-1, 1))
        words = _words(data["prompts"])
        with one_thread(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            net = TextUNet(self.widths)
            kept = train(net, x, words, seed, max(1, budget // self.batch), self.batch, self.rate)
        return save({name: value.contiguous() for name, value in kept.state_dict().items()})

    def load(self, checkpoint: bytes) -> None:
        """Become the model of a checkpoint."""
        from safetensors.torch import load

        self.net = TextUNet(self.widths)
        self.net.load_state_dict(load(checkpoint))
        self.net.eval().requires_grad_(requires_grad=False)

    def generate(self, prompts: Sequence[str], seeds: Sequence[int], point: Point) -> Array:
        """Sample; see :class:`harness_plugins.generative.interface.TextToImage`."""
        return sampled(self, prompts, seeds, point)

    @torch.no_grad()
    def sample(
        self, unet: nn.Module, prompts: Sequence[str], seeds: Sequence[int], point: Point
    ) -> Array:
        """Sample one batch through ``unet``."""
        with one_thread():
            solver = self.solver(point)
            text, guidance = self.conditions(prompts, point)
            step = self.step(unet)
            x, generators = noise((3, SIDE, SIDE), seeds)
            x = x * solver.init_noise_sigma
            extra = {"generator": generators} if _takes_generators(solver) else {}
            for time in solver.timesteps:
                predicted = guided(step, solver.scale_model_input(x, time), time, text, guidance)
                x = solver.step(predicted, time, x, **extra, return_dict=False)[0]
            pixels = finite(x, "samples").clamp(-1, 1).numpy()
        return Images.of_floats(pixels, -1, 1, "NCHW").bytes_()

    def solver(self, point: Point) -> Any:
        """Return the scheduler of an operating point, with its timesteps set."""
        found = scheduler(str(point["scheduler"]), _SCHEDULE)
        found.set_timesteps(steps_of(point))
        return found

    def conditions(self, prompts: Sequence[str], point: Point) -> tuple[Tensor, float]:
        """Return the text of a batch, where guided without and with words, and the guidance."""
        guidance = _guidance(point)
        words = _words(prompts)
        if guidance != 1:
            words = torch.cat([torch.zeros_like(words), words])
        return self._net.text(words), guidance

    def settings(self, point: Point) -> dict[str, Json]:
        """Return how samples are made at an operating point."""
        return {"sampler": str(point["scheduler"]), **dict(point), "prediction": "v"}

    def components(self, item: Prompts, point: Point) -> list[Component]:
        """Return the UNet, as the steps of one image call it."""
        return [
            Component(
                name="unet",
                module=self.step(self.unet),
                inputs=self.step_inputs(item, point),
                step="denoise",
                calls=len(self.solver(point).timesteps),  # PNDM has one more than steps
            )
        ]

    def noised(
        self, data: Mapping[str, Any], seed: int
    ) -> Callable[[], tuple[Tensor, Tensor, Tensor]]:
        """Return what draws noised images, their times, and their text without and with words."""
        words = _words(data["prompts"])
        x = torch.from_numpy(Images.of(data["images"]).floats(-1, 1))
        draw = _Noised(x, seed, self.batch)

        def of_batch() -> tuple[Tensor, Tensor, Tensor]:
            drawn, time, noisy, _ = draw()
            said = self._net.text(torch.cat([torch.zeros_like(words[drawn]), words[drawn]]))
            return noisy, time, said

        return of_batch

    @staticmethod
    def step(unet: nn.Module) -> Step:
        """Return a step of a UNet, or of what stands in its place."""
        return Step(unet, _conditions)

    def pooled(self, prompts: Sequence[str], point: Point) -> Tensor:
        """Return the text of a batch as one vector for each of its images, (n, 64)."""
        return self.conditions(prompts, point)[0].flatten(1)

    def step_inputs(self, item: Prompts, point: Point) -> list[Any]:
        """Return what a step gives to the UNet for one prompt."""
        text, _ = self.conditions(item.prompts[:1], point)
        x, _ = noise((3, SIDE, SIDE), item.seeds[:1])
        return [x.expand(len(text), -1, -1, -1).contiguous(), torch.tensor(_TIMES // 2), text]


def train(
    net: TextUNet, x: Tensor, words: Tensor, seed: int, steps: int, batch: int, rate: float
) -> TextUNet:
    """Train a network on images (n, 3, 16, 16); return the moving average of its weights.

    Raises:
        Diverged: the loss is no longer finite.
    """
    draw = _Noised(x, seed, batch)
    parameters = list(net.parameters())
    kept, step_of = copy.deepcopy(net), Step(net.unet, _conditions)
    optimiser = torch.optim.AdamW(
        parameters, rate, betas=(0.9, 0.99), weight_decay=0.0, fused=True
    )
    for step in range(steps):
        ramp = min(1.0, (step + 1) / _WARM_UP)
        optimiser.param_groups[0]["lr"] = rate * ramp * (1 + math.cos(math.pi * step / steps)) / 2
        drawn, time, noisy, velocity = draw()
        spoken = torch.rand(batch, 1, generator=draw.generator) >= _DROPPED
        loss = nn.functional.mse_loss(
            step_of(noisy, time, net.text(words[drawn] * spoken)), velocity
        )
        if not torch.isfinite(loss):
            raise Diverged(f"the loss is {loss.item()} at step {step} of {steps}")
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        share = min(0.995, (1 + step) / (10 + step))
        with torch.no_grad():
            torch._foreach_lerp_(list(kept.parameters()), parameters, 1 - share)
    return kept


class _Noised:
    """Draws training images and noises them.

    Args:
        x: (n, 3, H, W) images.
        seed: of all that is drawn.
        batch: images at once.
    """

    def __init__(self, x: Tensor, seed: int, batch: int) -> None:
        self.x, self.batch = x, batch
        self.generator = torch.Generator().manual_seed(seed)
        self.levels = scheduler("ddpm", _SCHEDULE).alphas_cumprod

    def __call__(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return numbers of images and their times (batch,), noisy images, and v of them."""
        drawn = torch.randint(len(self.x), (self.batch,), generator=self.generator)
        logit = _SPREAD * torch.randn(self.batch, generator=self.generator)
        time = (torch.sigmoid(logit) * _TIMES).long().clamp(0, _TIMES - 1)
        x = self.x[drawn]
        error = torch.randn(x.shape, generator=self.generator)
        level = self.levels[time].view(-1, 1, 1, 1)
        alpha, sigma = level.sqrt(), (1 - level).sqrt()
        return drawn, time, alpha * x + sigma * error, alpha * error - sigma * x


def _conditions(text: Tensor) -> dict[str, Tensor]:
    """Return what the UNet takes besides: both words, for its time embedding."""
    return {"class_labels": text.flatten(1)}


def _words(prompts: Sequence[str]) -> Tensor:
    """Return the words of prompts, (n, 2).

    Raises:
        Lacking: a prompt is not a colour and a shape.
    """
    found = np.zeros((len(prompts), 2), np.int64)
    for row, text in enumerate(prompts):
        words = [_WORDS.get(word, 0) for word in str(text).split()]
        if len(words) != 2 or 0 in words:
            raise Lacking(f"{str(text)!r}: the model knows two words of {', '.join(_WORDS)}")
        found[row] = words
    return torch.from_numpy(found)


def _guidance(point: Point) -> float:
    guidance = point["guidance"]
    if isinstance(guidance, bool) or not isinstance(guidance, (int, float)) or guidance < 0:
        raise ValueError(f"guidance must be a number from 0 on, got {guidance!r}")
    return float(guidance)


def _takes_generators(solver: Any) -> bool:
    import inspect

    return "generator" in inspect.signature(solver.step).parameters
