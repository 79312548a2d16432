"""Six views of a prompt by a small latent diffusion model, and a mesh carved from them.

As HexaGen3D (Mercier et al., 2024), it first makes six views of a prompt at once and then the
solid; where HexaGen3D asks Stable Diffusion and a decoder of triplanes, here are principal
components, a perceptron that removes noise, and space carving.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
import trimesh
from numpy.typing import NDArray
from torch import Tensor, nn

from harness import note
from harness.cost import Component
from harness.errors import nearest
from harness_plugins.generative.interface import Diverged
from harness_plugins.generative.samples import Samples
from harness_plugins.generative.solids.hexaview import VIEWS
from harness_plugins.generative_solids.carving import carve
from harness_plugins.generative_solids.checkpoints import pack, unpack
from harness_plugins.generative_solids.latents import Latents

__all__ = ["Denoiser", "HexaviewDiffusion", "Vocabulary"]

_WAVES = 32  # frequencies that tell the time
_LATEST = 0.99  # of time 0…1: there is no signal at 1
_BATCH = 128


class Vocabulary:
    """The words of the training prompts, each with a number for each place in a prompt.

    Args:
        words: in alphabetical order.
        length: words of the longest prompt.
    """

    def __init__(self, words: Sequence[str], length: int) -> None:
        self.words, self.length = list(words), length

    @property
    def size(self) -> int:
        """How many numbers there are: of each word, and of none, at each place."""
        return self.length * (len(self.words) + 1)

    def tokens(self, prompts: Sequence[str]) -> Tensor:
        """Return the numbers of prompts, int64 (B, length).

        Raises:
            ValueError: a word was in no training prompt, or a prompt is longer than those were.
        """
        return torch.tensor([self._numbers(prompt) for prompt in prompts])

    def _numbers(self, prompt: str) -> list[int]:
        words = prompt.split()
        if len(words) > self.length:
            raise ValueError(f"prompt {prompt!r}: {len(words)} words; at most {self.length}")
        for word in words:
            if word not in self.words:
                hint = nearest(word, self.words)
                raise ValueError(f"prompt {prompt!r}: {word!r} is in no training prompt{hint}")
        own = [self.words.index(word) + 1 for word in words] + [0] * (self.length - len(words))
        return [place * (len(self.words) + 1) + number for place, number in enumerate(own)]


class Denoiser(nn.Module):
    """Predicts the codes of six views from noisy ones, the time and the words.

    Args:
        codes: numbers that six views are.
        tokens: numbers that words have.
        width: units of its layers.
        blocks: how many residual blocks.
    """

    def __init__(self, codes: int, tokens: int, width: int, blocks: int) -> None:
        super().__init__()
        self.words = nn.Embedding(tokens, width)
        self.time = nn.Linear(2 * _WAVES, width)
        self.condition = nn.Linear(width, width)
        self.enter = nn.Linear(codes, width)
        self.blocks = nn.ModuleList(_Block(width) for _ in range(blocks))
        self.leave = nn.Linear(width, codes)

    def forward(self, noisy: Tensor, time: Tensor, tokens: Tensor) -> Tensor:
        """Return clean codes (B, codes) for noisy ones, times (B,) in 0…1 and tokens (B, L)."""
        rates = torch.exp(-math.log(1000) / _WAVES * torch.arange(_WAVES, device=noisy.device))
        angles = 1000 * time[:, None] * rates
        waves = torch.cat([angles.sin(), angles.cos()], dim=1)
        told = nn.functional.silu(self.words(tokens).sum(dim=1) + self.time(waves))
        told = nn.functional.silu(self.condition(told))
        hidden = self.enter(noisy)
        for block in self.blocks:
            hidden = block(hidden, told)
        return self.leave(hidden)


class _Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.widen = nn.Linear(width, 2 * width)
        self.told = nn.Linear(width, 2 * width)
        self.narrow = nn.Linear(2 * width, width)

    def forward(self, hidden: Tensor, told: Tensor) -> Tensor:
        return hidden + self.narrow(
            nn.functional.silu(self.widen(self.norm(hidden)) + self.told(told))
        )


class HexaviewDiffusion:
    """Latent diffusion of six views, and a mesh that is carved from them.

    Noise grows as sine and signal falls as cosine of a quarter turn (Nichol and Dhariwal, ICML
    2021); the network predicts the clean codes, and is sampled without further noise (DDIM, Song
    et al., ICLR 2021). What is kept is the moving average of its weights.

    Operating points: ``steps`` of the sampler, and ``mesh``, whether a mesh is carved or the six
    views are given as they are.

    Args:
        codes: numbers that six views are compressed to.
        width: units of the network's layers.
        blocks: of the network.
        examples: how many to train on, if the budget allows.
    """

    def __init__(self, codes: int, width: int, blocks: int, examples: int) -> None:
        self._codes, self._width, self._blocks = codes, width, blocks
        self._examples = examples

    def fit(self, data: Mapping[str, Any], seed: int, budget: int) -> bytes:
        """Learn from the training views; see :class:`..generative.interface.Learner`."""
        torch.manual_seed(seed)
        views: Samples = data["views"]
        vocabulary = _vocabulary(views.prompts)
        pixels = views.sequences
        self._make(vocabulary, pixels.shape[2], min(self._codes, len(pixels) - 1))
        codes = self._latents.fit(pixels)
        batch = min(_BATCH, len(codes))
        steps = max(1, min(self._examples, budget) // batch)
        _train(self._denoiser, codes, vocabulary.tokens(views.prompts), steps, batch, seed)
        note("examples", steps * batch)
        about = {
            "words": vocabulary.words,
            "length": vocabulary.length,
            "side": self._side,
            "codes": codes.shape[1],
        }
        return pack(about, self._latents, self._denoiser)

    def load(self, checkpoint: bytes) -> None:
        """Become the model that a checkpoint holds."""
        about, (latents, denoiser) = unpack(checkpoint)
        self._make(Vocabulary(about["words"], about["length"]), about["side"], about["codes"])
        self._latents.load_state_dict(latents)
        self._denoiser.load_state_dict(denoiser)

    def shape(
        self, prompt: str, seed: int, point: Mapping[str, Any]
    ) -> trimesh.Trimesh | NDArray[np.uint8]:
        """Return the carved mesh of a prompt, or its six views."""
        views = self._views(prompt, seed, point["steps"])
        return carve(views) if point["mesh"] else views

    def settings(self, point: Mapping[str, Any]) -> dict[str, Any]:
        """Return how it is sampled."""
        return {"sampler": "ddim", "steps": point["steps"], "carved": point["mesh"]}

    def components(self, block: Any, point: Mapping[str, Any]) -> list[Component]:
        """Return what one solid runs: the network at each step, the views, the carving."""
        tokens = self._vocabulary.tokens(block.prompts[:1])
        codes = torch.zeros(1, self._denoiser.leave.out_features)
        inputs = (codes, torch.full((1,), _LATEST), tokens)
        found = [
            Component(
                name="denoiser",
                module=self._denoiser,
                inputs=inputs,
                step="shape",
                calls=point["steps"],
            ),
            Component(name="views", module=self._latents, inputs=(codes,), step="shape"),
        ]
        if point["mesh"]:
            views = self._views(block.prompts[0], block.seeds[0], point["steps"])
            found.append(Component(name="carving", module=carve, inputs=(views,), step="shape"))
        return found

    @torch.inference_mode()
    def _views(self, prompt: str, seed: int, steps: int) -> NDArray[np.uint8]:
        tokens = self._vocabulary.tokens([prompt])
        generator = torch.Generator().manual_seed(seed)
        codes = torch.randn(1, self._denoiser.leave.out_features, generator=generator)
        times = torch.linspace(_LATEST, 0.0, steps + 1)
        for time, after in pairwise(times):
            clean = self._denoiser(codes, time[None], tokens)
            signal, noise = _mixed(time)
            left = (codes - signal * clean) / noise
            signal, noise = _mixed(after)
            codes = signal * clean + noise * left
        levels = (self._latents(codes).clamp(-1, 1) + 1) * 127.5
        if not torch.isfinite(levels).all():
            raise Diverged(f"prompt {prompt!r}: the sampled views are not finite")
        return levels.round().byte().numpy().reshape(len(VIEWS), self._side, self._side, 3)

    def _make(self, vocabulary: Vocabulary, side: int, codes: int) -> None:
        self._vocabulary, self._side = vocabulary, side
        self._latents = Latents(len(VIEWS) * side * side * 3, codes)
        self._denoiser = Denoiser(codes, vocabulary.size, self._width, self._blocks).eval()


def _vocabulary(prompts: Sequence[str]) -> Vocabulary:
    split = [prompt.split() for prompt in prompts]
    return Vocabulary(sorted({word for words in split for word in words}), max(map(len, split)))


def _mixed(time: Tensor) -> tuple[Tensor, Tensor]:
    """Return how much signal and how much noise there is at a time."""
    return torch.cos(time * math.pi / 2), torch.sin(time * math.pi / 2)


def _train(
    network: Denoiser, codes: Tensor, tokens: Tensor, steps: int, batch: int, seed: int
) -> None:
    """Fit the network, and leave the moving average of its weights in it.

    Errors count by the signal over the noise, at most eightfold (after Hang et al., Efficient
    diffusion training via min-SNR weighting strategy, ICCV 2023).
    """
    rng = np.random.default_rng(seed)
    average = [weight.detach().clone() for weight in network.parameters()]
    optimiser = torch.optim.AdamW(network.parameters(), 2e-3, betas=(0.9, 0.99))
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, 2e-3, total_steps=steps + 1, pct_start=0.03, cycle_momentum=False
    )
    for step in range(steps):
        chosen = rng.integers(len(codes), size=batch)
        clean, words = codes[chosen], tokens[chosen]
        time = torch.rand(batch) * (_LATEST - 0.01) + 0.01
        signal, noise = (part[:, None] for part in _mixed(time))
        guess = network(signal * clean + noise * torch.randn_like(clean), time, words)
        weight = (1 / (noise**2 + 0.05)).clamp(max=8)
        loss = (weight * (guess - clean) ** 2).mean()
        if not torch.isfinite(loss):
            raise Diverged(f"the training loss is {loss.item()}")
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        kept = min(0.995, (step + 1) / (step + 10))
        with torch.no_grad():
            torch._foreach_lerp_(average, list(network.parameters()), 1 - kept)
    with torch.no_grad():
        for weight, mean in zip(network.parameters(), average, strict=True):
            weight.copy_(mean)
