"""A small diffusion model of videos, trained by the suite, that edits by inverting.

It learns v = α ε − σ x of pairs of frames, then of whole videos and of boxes of their patches,
given the words and, as models of inpainting are, the mask (Rombach et al., CVPR 2022, section
4.5). Both are left out of one example in ten (Ho and Salimans, Classifier-free diffusion guidance,
2022). So it can be run on parts of a video, which object-centric sampling needs.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from harness.cost import Component
from harness.spec import Json
from harness_plugins.generative.editing.moving_shapes import FRAMES
from harness_plugins.generative.images import Images
from harness_plugins.generative.interface import Array, Diverged, Lacking, Point
from harness_plugins.generative.shapes import COLOURS, SHAPES, SIDE
from harness_plugins.generative_diffusers.sampling import finite, one_thread, steps_of
from harness_plugins.generative_editing.network import (
    PATCH,
    VideoTransformer,
    patches,
    unpatched,
)
from harness_plugins.generative_editing.sampling import Asked, Pace, Run, edited, inverted, whole

__all__ = ["VideoDiffusion"]

_WORDS = {word: number for number, word in enumerate([*COLOURS, *SHAPES], 1)}  # 0: no word
_GRID = (FRAMES // PATCH, SIDE // PATCH, SIDE // PATCH)
_BOX = 5  # patches along both sides of a box, through all frames
_PAIRS = 0.8  # share of training in which examples are pairs of frames alone, first
_CENTRE, _SPREAD = 0.3, 1.0  # of the logit of training levels
_DROPPED, _WARM_UP = 0.1, 50


class VideoDiffusion:
    """A model of videos of 8 frames of 16 × 16 pixels.

    Args:
        width: features of a patch.
        depth: blocks of the network.
        batch: videos of a training step.
        rate: the largest learning rate.
    """

    def __init__(self, width: int, depth: int, batch: int, rate: float) -> None:
        self.width, self.depth, self.batch, self.rate = width, depth, batch, rate
        self.net: VideoTransformer | None = None

    def fit(self, data: Mapping[str, Any], seed: int, budget: int) -> bytes:
        """Train; see :class:`harness_plugins.generative.interface.Learner`.

        Raises:
            Diverged: the loss is no longer finite.
        """
        from safetensors.torch import save

        tokens = torch.cat([_tokens(video) for video in data["videos"]])
        inside = torch.cat([_inside(mask) for mask in data["masks"]]).float()
        words = torch.cat([_words(text) for text in data["prompts"]])
        with one_thread(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            steps = max(1, budget // self.batch)
            kept = _train(
                self._network(), (tokens, inside, words), seed, steps, self.batch, self.rate
            )
        return save({name: value.contiguous() for name, value in kept.state_dict().items()})

    def load(self, checkpoint: bytes) -> None:
        """Become the model of a checkpoint."""
        from safetensors.torch import load

        self.net = self._network()
        self.net.load_state_dict(load(checkpoint))
        self.net.eval().requires_grad_(requires_grad=False)

    def invert(
        self,
        frames: Array,
        source_prompt: str,
        mask: NDArray[np.bool_] | None,
        point: Point,
        pace: Pace | None = None,
    ) -> dict[str, NDArray[np.float32]]:
        """Return ``trajectory``, the source at all levels of noise, (steps + 1, 256, 24)."""
        asked = _asked(frames, source_prompt, mask)
        with one_thread(), torch.no_grad():
            found = inverted(self._net, asked, pace or Pace(), steps_of(point), _free(point))
        return {"trajectory": finite(found, "inverted videos").numpy()}

    def edit(
        self,
        frames: Array,
        _source_prompt: str,
        prompt: str,
        mask: NDArray[np.bool_] | None,
        seed: int,
        point: Point,
        inverted: Mapping[str, NDArray[Any]],
        pace: Pace | None = None,
    ) -> Array:
        """Sample with the words of the edit, from what ``invert`` gave."""
        asked = _asked(frames, prompt, mask)
        noise = torch.randn(
            asked.tokens.shape, generator=torch.Generator().manual_seed(seed % 2**32)
        )
        with one_thread(), torch.no_grad():
            tokens = edited(
                self._net,
                asked,
                torch.from_numpy(inverted["trajectory"]),
                pace or Pace(),
                _free(point),
                _number(point, "guidance"),
                _number(point, "fresh"),
                noise,
            )
        video = finite(unpatched(tokens, _GRID)[0], "edited videos").clamp(-1, 1)
        return Images.of_floats(video.transpose(0, 1).numpy(), -1, 1, "NCHW").bytes_()

    def settings(self, point: Point) -> dict[str, Json]:
        """Return how edits are made at an operating point."""
        return {"sampler": "ddim", **dict(point), "prediction": "v"}

    def components(
        self, item: Mapping[str, Any], point: Point, pace: Pace | None = None
    ) -> list[Component]:
        """Return the network as one video's inversion and edit call it."""
        pace = pace or Pace()
        steps = steps_of(point)
        free = _free(point)
        full = sum(whole(pace, steps, free)) - free
        guided = 1 if _number(point, "guidance") == 1 else 2
        found = []
        for step, text, rows in (("invert", "source_prompt", 1), ("edit", "prompt", guided)):
            asked = _asked(item["frames"], item[text], item["mask"])
            run = Run(self._net, asked, pace)
            x, words = asked.tokens.expand(rows, -1, -1), asked.words.expand(rows, -1)
            kinds = (
                ("", full, {}),
                (", free", free, {"free": True}),
                (", object alone", steps - full - free, {"alone": True}),
            )
            found += [
                Component(
                    name=f"{step}{name}",
                    module=run.network,
                    inputs=list(run.given(x, math.pi / 4, words, **how)),
                    step=step,
                    calls=calls,
                )
                for name, calls, how in kinds
                if calls
            ]
        return found

    def _network(self) -> VideoTransformer:
        return VideoTransformer(self.width, self.depth, _GRID, len(_WORDS) + 1)

    @property
    def _net(self) -> VideoTransformer:
        if self.net is None:
            raise RuntimeError("the model has learned nothing yet: load a checkpoint")
        return self.net


def _train(
    net: VideoTransformer,
    data: tuple[Tensor, Tensor, Tensor],
    seed: int,
    steps: int,
    batch: int,
    rate: float,
) -> VideoTransformer:
    """Train a network; return the moving average of its weights.

    Args:
        net: it.
        data: tokens (n, 256, 24), masks (n, 256, 8), words (n, 2).
        seed: of all that is drawn.
        steps, batch, rate: as in :class:`VideoDiffusion`.
    """
    tokens, inside, words = data
    generator = torch.Generator().manual_seed(seed)
    kept, parameters = copy.deepcopy(net), list(net.parameters())
    optimiser = torch.optim.AdamW(
        parameters, rate, betas=(0.9, 0.99), weight_decay=0.0, fused=True
    )
    for step in range(steps):
        ramp = min(1.0, (step + 1) / _WARM_UP)
        optimiser.param_groups[0]["lr"] = rate * ramp * (1 + math.cos(math.pi * step / steps)) / 2
        drawn = torch.randint(len(tokens), (batch,), generator=generator)
        places = _places(batch, step < _PAIRS * steps, generator)
        x, mask = (_at(of[drawn], places) for of in (tokens, inside))
        shown = torch.rand(batch, 1, 1, generator=generator) >= _DROPPED
        mask = torch.where(shown, mask, 1.0)
        logit = _CENTRE + _SPREAD * torch.randn(batch, generator=generator)
        angle = torch.sigmoid(logit) * math.pi / 2
        alpha, sigma = angle.cos()[:, None, None], angle.sin()[:, None, None]
        error = torch.randn(x.shape, generator=generator)
        spoken = torch.rand(batch, 1, generator=generator) >= _DROPPED
        made = net(alpha * x + sigma * error, mask, places, angle, words[drawn] * spoken)
        loss = nn.functional.mse_loss(made, alpha * error - sigma * x)
        if not torch.isfinite(loss):
            raise Diverged(f"the loss is {loss.item()} at step {step} of {steps}")
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        share = min(0.99, (1 + step) / (10 + step))
        with torch.no_grad():
            torch._foreach_lerp_(list(kept.parameters()), parameters, 1 - share)
    return kept


def _at(values: Tensor, places: Tensor) -> Tensor:
    """Return the values (n, k, c) at places (n, k), of values (n, 256, c)."""
    return values.gather(1, places[..., None].expand(-1, -1, values.shape[-1]))


def _places(batch: int, pairs: bool, generator: torch.Generator) -> Tensor:
    """Draw which tokens of each video are learned from, (batch, k)."""
    times, height, width = _GRID
    grid = torch.arange(times * height * width).view(_GRID)
    if pairs:
        return grid.flatten(1)[torch.randint(times, (batch,), generator=generator)]
    if float(torch.rand((), generator=generator)) < 0.5:
        return grid.flatten()[None].expand(batch, -1)
    corners = torch.randint(height - _BOX + 1, (batch, 2), generator=generator).tolist()
    return torch.stack([grid[:, y : y + _BOX, x : x + _BOX].flatten() for y, x in corners])


def _asked(frames: Array, text: str, mask: NDArray[np.bool_] | None) -> Asked:
    whole_frame = np.ones(frames.shape[:-1], np.bool_)
    return Asked(_tokens(frames), _inside(whole_frame if mask is None else mask), _words(text))


def _inside(mask: NDArray[np.bool_]) -> Tensor:
    """Return whether the pixels of each token are inside a mask, bool (1, 256, 8)."""
    return patches(torch.from_numpy(mask)[None, None])


def _tokens(frames: Array) -> Tensor:
    """Return the tokens (1, 256, 24) of frames.

    Raises:
        Lacking: they are no video of the model's size.
    """
    if frames.shape != (FRAMES, SIDE, SIDE, 3):
        raise Lacking(f"the model edits {FRAMES} frames of {SIDE}x{SIDE}, not {frames.shape[:3]}")
    pixels = torch.from_numpy(Images.of(frames).floats(-1, 1))
    return patches(pixels.transpose(0, 1)[None])


def _words(text: str) -> Tensor:
    """Return the words of a prompt, (1, 2).

    Raises:
        Lacking: it is not a colour and a shape.
    """
    words = [_WORDS.get(word, 0) for word in str(text).split()]
    if len(words) != 2 or 0 in words:
        raise Lacking(f"{str(text)!r}: the model knows two words of {', '.join(_WORDS)}")
    return torch.tensor([words])


def _free(point: Point) -> int:
    """Return how many steps are free of the source, at the clean end."""
    return round((1 - _number(point, "blended")) * int(steps_of(point)))


def _number(point: Point, name: str) -> float:
    value = point[name]
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
        raise ValueError(f"{name} must be a number from 0 on, got {value!r}")
    if name != "guidance" and value > 1:
        raise ValueError(f"{name} must be 0 to 1, got {value!r}")
    return float(value)
