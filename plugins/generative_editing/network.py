"""A transformer over patches of space and time, which takes any of a video's patches.

A token is a patch of 2 frames × 2 × 2 pixels; it knows its place, so that any subset of a video's
tokens is an input: all of them, those of an object, those of some frames. Blocks are modulated by
time and words (Peebles and Xie, Scalable diffusion models with transformers, ICCV 2023, adaLN).
Tokens may be merged before a block and its result spread to all of them, while what goes past the
block stays each token's own (Bolya and Hoffman, Token merging for fast Stable Diffusion, CVPRW
2023).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from harness_plugins.generative_diffusers.token_merging import matching

__all__ = ["CHANNELS", "PATCH", "VideoTransformer", "patches", "unpatched"]

PATCH = 2  # frames, and pixels along both sides
CHANNELS = 3 * PATCH**3
_PIXELS = PATCH**3
_WAVES = 16  # of the time
_HEADS, _PLACE = 4, 5


def patches(video: Tensor) -> Tensor:
    """Return the tokens (n, tokens, 8 c) of videos (n, c, t, H, W), frames first, then rows."""
    n, channels, *sides = video.shape
    t, height, width = (side // PATCH for side in sides)
    parts = video.reshape(n, channels, t, PATCH, height, PATCH, width, PATCH)
    return parts.permute(0, 2, 4, 6, 1, 3, 5, 7).reshape(n, t * height * width, -1)


def unpatched(tokens: Tensor, grid: tuple[int, int, int]) -> Tensor:
    """Return the videos (n, 3, t, H, W) of all their tokens; ``grid`` is tokens along t, H, W."""
    n, (t, height, width) = len(tokens), grid
    parts = tokens.reshape(n, t, height, width, 3, PATCH, PATCH, PATCH)
    sides = (t * PATCH, height * PATCH, width * PATCH)
    return parts.permute(0, 4, 1, 5, 2, 6, 3, 7).reshape(n, 3, *sides)


class VideoTransformer(nn.Module):
    """Predicts v = α ε − σ x of tokens.

    Args:
        width: features of a token, a multiple of 4.
        depth: blocks.
        grid: tokens along time, height and width of a whole video.
        words: how many words there are, 0 for none included.
    """

    def __init__(self, width: int, depth: int, grid: tuple[int, int, int], words: int) -> None:
        super().__init__()
        self.grid = grid
        self.embed = nn.Linear(CHANNELS + _PIXELS, width)
        self.places = nn.ParameterList(
            nn.Parameter(0.2 * torch.randn(side, width)) for side in grid
        )
        self.words = nn.Embedding(words, width)
        self.time = nn.Sequential(nn.Linear(2 * _WAVES, width), nn.SiLU())
        self.blocks = nn.ModuleList(_Block(width, n) for n in range(depth))
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.out = nn.Linear(width, CHANNELS)
        nn.init.zeros_(self.out.weight)

    def forward(
        self,
        tokens: Tensor,
        inside: Tensor,
        places: Tensor,
        angle: Tensor,
        words: Tensor,
        merged: int = 0,
        weight: Tensor | None = None,
    ) -> Tensor:
        """Return the prediction (n, k, 24).

        Args:
            tokens: (n, k, 24), noisy.
            inside: (n, k, 8) or (1, k, 8), 1 for a pixel inside the mask and 0 for others.
            places: (n, k) or (1, k) numbers of the tokens among those of the video.
            angle: (n,) level of noise: σ is its sine and α its cosine.
            words: (n, 2) their numbers, 0 for none.
            merged: how many tokens are merged into others before each block, of all tokens.
            weight: (k,) what likeness is multiplied by; see :func:`matching`.
        """
        at = self._coordinates(places)
        x = self.embed(
            torch.cat([tokens, inside.expand(len(tokens), -1, -1)], dim=-1)
        ) + self._standing(places)
        waves = angle[:, None] * torch.exp2(torch.arange(_WAVES, device=x.device) / 3)
        told = self.time(torch.cat([waves.sin(), waves.cos()], dim=1))
        told = functional.silu(told + self.words(words).sum(dim=1))
        rows = self.grid[0] * self.grid[1]
        merge, spread = matching(x, rows, self.grid[2], merged, weight)
        at = merge(at.expand(len(x), -1, -1))
        for block in self.blocks:
            x = x + spread(block(merge(x), at, told))
        found: Tensor = self.out(self.norm(x))
        return found

    def _standing(self, places: Tensor) -> Tensor:
        """Return what tokens know of their places, (n, k, width)."""
        found: Tensor = sum(
            table[at] for table, at in zip(self.places, self._grid_places(places), strict=True)
        )
        return found

    def _grid_places(self, places: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        _, height, width = self.grid
        return places // (height * width), places // width % height, places % width

    def _coordinates(self, places: Tensor) -> Tensor:
        """Return where tokens are, (n, k, 3): time, row, column."""
        return torch.stack(self._grid_places(places), dim=-1).float()


class _Block(nn.Module):
    """What attention and two layers add to tokens."""

    def __init__(self, width: int, number: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.modulate = nn.Linear(width, 4 * width)
        self.attend = _Attention(width, number)
        self.wide = nn.Linear(width, 2 * width)
        self.narrow = nn.Linear(2 * width, width)
        nn.init.zeros_(self.modulate.weight)
        nn.init.zeros_(self.modulate.bias)

    def forward(self, x: Tensor, at: Tensor, told: Tensor) -> Tensor:
        """Return what is added to tokens (n, k, width) at (n, k, 3), given (n, width)."""
        scale, shift, wider, more = self.modulate(told)[:, None].chunk(4, dim=-1)
        attended = self.attend(self.norm(x) * (1 + scale) + shift, at)
        thought = self.norm(x + attended) * (1 + wider) + more
        found: Tensor = attended + self.narrow(functional.gelu(self.wide(thought)))
        return found


class _Attention(nn.Module):
    """Attention that knows where tokens are, by the square of how far they lie apart.

    A head's scores have −c |p − q − δ|² added, c and δ learned: a head that looks a step aside is
    a tap of a convolution (Cordonnier et al., On the relationship between self-attention and
    convolutional layers, ICLR 2020, section 3). The square is a product of five numbers of each
    token, which stand behind its features: so places need not be those of a grid.
    """

    def __init__(self, width: int, number: int) -> None:
        super().__init__()
        side = width // _HEADS
        self.sizes = (side - _PLACE, side - _PLACE, side)
        self.into = nn.Linear(width, _HEADS * sum(self.sizes))
        self.out = nn.Linear(width, width)
        ahead = (0.0, 1.0, 0.0) if number % 2 else (0.0, 0.0, 1.0)
        back = tuple(-step for step in ahead)
        self.aside = nn.Parameter(torch.tensor([ahead, back, (0.0,) * 3, (0.0,) * 3]))
        self.near = nn.Parameter(
            torch.tensor([[0.5, 1.0], [0.5, 1.0], [0.3, 0.3], [0.1, 0.02]]).log()
        )

    def forward(self, x: Tensor, at: Tensor) -> Tensor:
        """Return what tokens (n, k, width) at (n, k, 3) see."""
        n, k, _ = x.shape
        parts = self.into(x).view(n, k, _HEADS, -1).transpose(1, 2).split(self.sizes, dim=-1)
        query, key, value = parts
        near = self.near.exp()[:, [0, 1, 1]][:, None]  # (heads, 1, 3), of time, row, column
        wanted = 2 * near * (at[:, None] + self.aside[:, None])
        less = -self.near.exp()[:, None].expand(n, -1, k, -1)
        squares = torch.stack([at[..., 0] ** 2, (at[..., 1:] ** 2).sum(dim=-1)], dim=-1)
        stand = torch.cat([at, squares], dim=-1)[:, None].expand(-1, _HEADS, -1, -1)
        seen = functional.scaled_dot_product_attention(
            torch.cat([query / math.sqrt(self.sizes[0]), wanted, less], dim=-1),
            torch.cat([key, stand], dim=-1),
            value,
            scale=1.0,
        )
        found: Tensor = self.out(seen.transpose(1, 2).reshape(n, k, -1))
        return found
