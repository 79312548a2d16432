"""Inverting and editing a video by DDIM, all of it or the object more often than the rest.

Levels of noise are angles: σ is the sine, α the cosine. A step of DDIM turns (x, v) by the
difference of two angles (Salimans and Ho, Progressive distillation for fast sampling, ICLR 2022,
appendix D): x' = cos δ x + sin δ v, with v = α ε − σ x at x; δ > 0 adds noise and δ < 0 takes it
away. Levels are shifted towards noise, where a video's content is decided (Esser et al., ICML
2024, section 5.3.2).

An edit begins with the inverted source. Outside the mask the inverted trajectory is put back after
each step (Avrahami et al., Blended diffusion, CVPR 2022; FateZero, Qi et al., ICCV 2023, blends
what attention makes in the same way). The last steps are free everywhere, so that seams close.

Object-centric sampling (Kahatapitiya et al., Object-centric diffusion for efficient video editing,
arXiv 2401.05735, section 3.2): outside of the free steps all tokens go through the network at each
k-th step only, and at the others those of the object alone. The background moves on along the
direction it was last given. Merging (section 3.3) stops at the free steps too, in which the
background gets its details.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["Asked", "Pace", "Run", "edited", "inverted", "levels", "whole"]

_SHIFT = 2.0


@dataclass(frozen=True)
class Pace:
    """What is left out.

    Attributes:
        merged: share of all tokens that are merged into others, those outside the mask first; not
            in the free steps.
        object_first: what likeness of a token of the object is multiplied by, for that.
        every: all tokens are computed at each ``every``-th step, 1 for each.
        apart: whether the frames of each token are computed without any others.
    """

    merged: float = 0.0
    object_first: float = 0.1
    every: int = 1
    apart: bool = False


@dataclass(frozen=True)
class Asked:
    """A video and what is wanted of it.

    Attributes:
        tokens: (1, k, 24) of the source.
        mask: bool (1, k, 8), whether each pixel is where the edit belongs.
        words: (1, 2) of what the network shall see.
    """

    tokens: Tensor
    mask: Tensor
    words: Tensor

    @property
    def object(self) -> Tensor:
        """Whether each token has a pixel inside the mask, (k,)."""
        return self.mask.any(dim=-1)[0]


def levels(steps: int) -> list[float]:
    """Return ``steps`` + 1 angles from 0, clean, to π/2, noise alone."""
    at = [n / steps for n in range(steps + 1)]
    return [math.pi / 2 * _SHIFT * u / (1 + (_SHIFT - 1) * u) for u in at]


def whole(pace: Pace, steps: int, free: int) -> list[bool]:
    """Say of each step, from the clean end on, whether all tokens are computed."""
    return [n < free or (n - free) % pace.every == 0 for n in range(steps)]


def inverted(network: nn.Module, asked: Asked, pace: Pace, steps: int, free: int) -> Tensor:
    """Return the source at all levels, (steps + 1, k, 24), the clean one first."""
    run, at = Run(network, asked, pace), levels(steps)
    x = asked.tokens
    found, last, given, began = [x], x, x, 0.0
    for n, every_token in enumerate(whole(pace, steps, free)):
        if every_token:
            given = run.all(x, at[n], asked.words, free=n < free)
            last, began = x, at[n]
            x = _turned(x, given, at[n + 1] - at[n])
        else:
            made = run.object(x, at[n], asked.words)
            own = _turned(x[:, run.places], made, at[n + 1] - at[n])
            x = _turned(last, given, at[n + 1] - began)
            x[:, run.places] = own
        found.append(x)
    return torch.cat(found)


def edited(
    network: nn.Module,
    asked: Asked,
    trajectory: Tensor,
    pace: Pace,
    free: int,
    guidance: float,
    fresh: float,
    noise: Tensor,
) -> Tensor:
    """Return the tokens (1, k, 24) of the edit.

    Args:
        network: of v.
        asked: the words are those of the edit.
        trajectory: of the source, as :func:`inverted` gives it.
        pace: what is left out.
        free: last steps, in which nothing is put back.
        guidance: weight of the words inside the mask; outside they have 1.
        fresh: share of noise inside the mask that is new, 0…1, as an angle of π/2.
        noise: (1, k, 24) it.
    """
    steps = len(trajectory) - 1
    run, at = Run(network, asked, pace), levels(steps)
    inside = asked.mask.repeat(1, 1, 3)  # of all three channels
    weight = torch.where(inside, guidance, 1.0)
    begun = trajectory[-1:]
    x = torch.where(inside, _turned(begun, noise, fresh * math.pi / 2), begun)
    every_token = whole(pace, steps, free)
    for n in reversed(range(steps)):
        by = at[n] - at[n + 1]
        if every_token[n]:
            x = _turned(x, run.guided(x, at[n + 1], asked.words, weight, free=n < free), by)
        else:
            made = run.guided(x, at[n + 1], asked.words, weight, alone=True)
            own = _turned(x[:, run.places], made, by)
            x = trajectory[n : n + 1].clone()
            x[:, run.places] = own
        if n >= free:
            x = torch.where(inside, x, trajectory[n : n + 1])
    return x


class Run:
    """A network on all tokens, or on those of the object."""

    def __init__(self, network: nn.Module, asked: Asked, pace: Pace) -> None:
        self.network = _Apart(network) if pace.apart else network
        chosen = asked.object
        self.inside = asked.mask.float()
        self.places = chosen.nonzero()[:, 0]
        self.merged = round(pace.merged * len(chosen))
        self.weight = torch.where(chosen, pace.object_first, 1.0) if self.merged else None

    def all(self, x: Tensor, angle: float, words: Tensor, *, free: bool) -> Tensor:
        """Return v of all tokens (n, k, 24)."""
        found: Tensor = self.network(*self.given(x, angle, words, free=free))
        return found

    def object(self, x: Tensor, angle: float, words: Tensor) -> Tensor:
        """Return v of the object's tokens alone (n, m, 24), of all tokens (n, k, 24)."""
        found: Tensor = self.network(*self.given(x, angle, words, alone=True))
        return found

    def guided(
        self,
        x: Tensor,
        angle: float,
        words: Tensor,
        weight: Tensor,
        *,
        free: bool = False,
        alone: bool = False,
    ) -> Tensor:
        """Return v with the words weighted, by one batch without and with words.

        Where the weight is 1 everywhere there is one pass, with words.
        """
        if bool((weight == 1).all()):
            return self.network(*self.given(x, angle, words, free=free, alone=alone))
        said = torch.cat([torch.zeros_like(words), words])
        both = self.network(*self.given(torch.cat([x, x]), angle, said, free=free, alone=alone))
        without, with_words = both.chunk(2)
        own = weight[:, self.places] if alone else weight
        found: Tensor = without + own * (with_words - without)
        return found

    def given(
        self,
        x: Tensor,
        angle: float,
        words: Tensor,
        *,
        free: bool = False,
        alone: bool = False,
    ) -> tuple[Any, ...]:
        """Return the arguments of the network.

        Args:
            x: (n, k, 24) all tokens of a video.
            angle: level of noise.
            words: (n, 2).
            free: whether the step is one of those in which nothing is left out.
            alone: whether the object's tokens alone are computed.
        """
        at = torch.full((len(x),), angle)
        if alone:
            own = self.places
            return x[:, own], self.inside[:, own], own[None], at, words
        places = torch.arange(x.shape[1])[None]
        if self.weight is None or free:
            return x, self.inside, places, at, words
        return x, self.inside, places, at, words, self.merged, self.weight


class _Apart(nn.Module):
    """A network that sees the frames of each token, and no others."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(
        self, x: Tensor, inside: Tensor, places: Tensor, angle: Tensor, words: Tensor
    ) -> Tensor:
        """Return v of all tokens of a video (n, k, 24)."""
        count = self.network.grid[0]
        parts = zip(*(of.chunk(count, dim=1) for of in (x, inside, places)), strict=True)
        return torch.cat([self.network(*part, angle, words) for part in parts], dim=1)


def _turned(x: Tensor, v: Tensor, by: float) -> Tensor:
    return math.cos(by) * x + math.sin(by) * v
