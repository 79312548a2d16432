"""Token merging: self-attention over fewer tokens, those most alike being one.

Bolya and Hoffman, *Token merging for fast Stable Diffusion*, CVPR 2023 workshops: of each window
of 2 × 2 tokens one is a destination, the others are sources; the sources that are most like a
destination, by the cosine of their features, are merged into it by their mean before attention,
and take its result afterwards. Here the destination is the upper left token of its window, not a
random one, so that equal inputs give equal images.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["TokenMerging", "matching"]

Merge = Callable[[Tensor], Tensor]
_LARGEST = 0.75  # all that are no destinations


class TokenMerging(nn.Module):
    """A UNet of diffusers whose self-attention merges tokens, to be called in its place.

    The UNet is shared and left as it is: merging holds within a call.

    Args:
        unet: the base.
        ratio: share of the tokens that are merged into others, 0 … 0.75; 0 is the base itself.

    Raises:
        ValueError: for another ratio.
    """

    def __init__(self, unet: nn.Module, ratio: float) -> None:
        super().__init__()
        if not 0 <= ratio <= _LARGEST:
            raise ValueError(f"ratio must be 0 to {_LARGEST}, not {ratio}")
        self.unet, self.ratio = unet, ratio

    def __getattr__(self, name: str) -> Any:
        """Return what pipelines ask a UNet for: ``config``, ``dtype``, …."""
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("unet"), name)

    def forward(self, sample: Tensor, *given: Any, **conditions: Any) -> Any:
        """Return what the UNet returns, with fewer tokens on the way."""
        if self.ratio == 0:
            return self.unet(sample, *given, **conditions)
        with self._merging(sample.shape[-2], sample.shape[-1]):
            return self.unet(sample, *given, **conditions)

    @contextmanager
    def _merging(self, height: int, width: int) -> Iterator[None]:
        changed = []
        for block in self.unet.modules():
            attention = getattr(block, "attn1", None)
            if attention is not None:
                changed.append(attention)
                attention.forward = _merged(attention.forward, height, width, self.ratio)
        try:
            yield
        finally:
            for attention in changed:
                del attention.forward


def _merged(forward: Any, height: int, width: int, ratio: float) -> Any:
    def attend(hidden: Tensor, *given: Any, **conditions: Any) -> Tensor:
        shape = _grid(hidden.shape[1], height, width)
        merge, spread = matching(hidden, *shape, round(ratio * hidden.shape[1]))
        found: Tensor = spread(forward(merge(hidden), *given, **conditions))
        return found

    return attend


def _grid(tokens: int, height: int, width: int) -> tuple[int, int]:
    """Return height and width of the grid of tokens of an image."""
    factor = math.isqrt(height * width // tokens)
    return -(-height // factor), -(-width // factor)


def matching(
    features: Tensor, height: int, width: int, merged: int, weight: Tensor | None = None
) -> tuple[Merge, Merge]:
    """Return functions that merge tokens and spread results to all of them again.

    Args:
        features: (n, height · width, d) by which tokens are alike.
        height, width: of the grid of tokens; both even, else nothing is merged.
        merged: how many tokens of each row are merged, at most three quarters.
        weight: (height · width,) factors of the likeness of a token to its destination: those with
            larger ones are merged first. Likenesses are taken from −1 … 1 to 0 … 2 for it.

    Returns:
        ``merge`` from (n, tokens, c) to (n, tokens − merged, c), and ``spread`` back.
    """
    tokens = height * width
    if height % 2 or width % 2 or merged < 1:
        return (lambda x: x), (lambda x: x)
    own = [y * width + x for y in range(0, height, 2) for x in range(0, width, 2)]
    others = sorted(set(range(tokens)) - set(own))
    merged = min(merged, len(others))
    unit = nn.functional.normalize(features, dim=-1)
    alike, best = (unit[:, others] @ unit[:, own].transpose(1, 2)).max(dim=-1)  # (n, others)
    if weight is not None:
        alike = (alike + 1) * weight[others]
    order = alike.argsort(dim=-1, descending=True, stable=True)
    gone, stay = order[:, :merged], order[:, merged:]
    target = best.gather(1, gone)  # place among the destinations

    def merge(x: Tensor) -> Tensor:
        sources, kept = x[:, others], x[:, own]
        moving = sources.gather(1, _wide(gone, x))
        summed = kept.scatter_add(1, _wide(target, x), moving)
        count = torch.ones_like(kept[..., :1]).scatter_add(
            1, target[..., None], torch.ones_like(moving[..., :1])
        )
        return torch.cat([sources.gather(1, _wide(stay, x)), summed / count], dim=1)

    def spread(x: Tensor) -> Tensor:
        staying = len(others) - merged
        single, shared = x[:, :staying], x[:, staying:]
        sources = x.new_empty((x.shape[0], len(others), x.shape[2]))
        sources = sources.scatter(1, _wide(stay, x), single)
        sources = sources.scatter(1, _wide(gone, x), shared.gather(1, _wide(target, x)))
        found = x.new_empty((x.shape[0], tokens, x.shape[2]))
        found[:, own], found[:, others] = shared, sources
        return found

    return merge, spread


def _wide(index: Tensor, x: Tensor) -> Tensor:
    return index[..., None].expand(-1, -1, x.shape[-1])
