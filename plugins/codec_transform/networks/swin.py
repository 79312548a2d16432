"""Swin-transformer transforms (Zhu et al., ICLR 2022, section 3.1 and appendix A).

Tensors between blocks are (N, H, W, C). Attention is written with ``@``, as in the code that the
paper was measured with: some counters of operations do not see it.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own name

__all__ = ["SwinBlock", "SwinDown", "SwinUp", "swin_analysis", "swin_synthesis"]

_HEAD = 32


class WindowAttention(nn.Module):
    """Attention inside windows of ``window`` x ``window``, with a bias by relative position.

    Liu et al., Swin transformer, ICCV 2021, eq. 4.
    """

    def __init__(self, channels: int, window: int) -> None:
        super().__init__()
        self.heads, self.window = channels // _HEAD, window
        self.qkv = nn.Linear(channels, 3 * channels)
        self.proj = nn.Linear(channels, channels)
        self.bias = nn.Parameter(torch.zeros((2 * window - 1) ** 2, self.heads))
        nn.init.trunc_normal_(self.bias, std=0.02)
        at = torch.arange(window)
        y, x = (one.flatten() for one in torch.meshgrid(at, at, indexing="ij"))
        rows, columns = y[:, None] - y[None], x[:, None] - x[None]
        place = (rows + window - 1) * (2 * window - 1) + columns + window - 1
        self.register_buffer("place", place, persistent=False)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Attend within each window of ``x`` (windows, positions p, channels); mask (k, p, p)."""
        windows, positions, channels = x.shape
        qkv = self.qkv(x).reshape(windows, positions, 3, self.heads, _HEAD)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        scores = (query * _HEAD**-0.5) @ key.transpose(-2, -1)
        scores = scores + self.bias[self.place].permute(2, 0, 1)
        if mask is not None:
            each = scores.view(-1, len(mask), self.heads, positions, positions)
            scores = (each + mask[:, None]).view_as(scores)
        out = (scores.softmax(-1) @ value).transpose(1, 2)
        return self.proj(out.reshape(windows, positions, channels))


class SwinBlock(nn.Module):
    """Window attention and a two-layer perceptron, each after a layer norm and with a shortcut."""

    def __init__(self, channels: int, window: int, shift: int) -> None:
        super().__init__()
        self.window, self.shift = window, shift
        self.norm1 = nn.LayerNorm(channels)
        self.attention = WindowAttention(channels, window)
        self.norm2 = nn.LayerNorm(channels)
        self.mlp = nn.Sequential(
            nn.Linear(channels, 4 * channels), nn.GELU(), nn.Linear(4 * channels, channels)
        )

    def forward(self, x: Tensor) -> Tensor:
        x = x + self._attend(self.norm1(x))
        return x + self.mlp(self.norm2(x))

    def _attend(self, x: Tensor) -> Tensor:
        _, height, width, channels = x.shape
        size = self.window
        x = F.pad(x, (0, 0, 0, -width % size, 0, -height % size))
        rows, columns = x.shape[1:3]
        # Along an axis of one window there is nothing to shift to.
        shifts = tuple(self.shift if n > size else 0 for n in (rows, columns))
        if any(shifts):
            x = torch.roll(x, tuple(-s for s in shifts), (1, 2))
        mask = self._mask(rows, columns, shifts, x.device) if any(shifts) else None
        windows = x.view(-1, rows // size, size, columns // size, size, channels)
        windows = windows.transpose(2, 3).reshape(-1, size * size, channels)
        out = self.attention(windows, mask)
        out = out.view(-1, rows // size, columns // size, size, size, channels)
        out = out.transpose(2, 3).reshape(-1, rows, columns, channels)
        if any(shifts):
            out = torch.roll(out, shifts, (1, 2))
        return out[:, :height, :width]

    def _mask(
        self, rows: int, columns: int, shifts: tuple[int, ...], device: torch.device
    ) -> Tensor:
        """Return -100 between positions that the shift brought together from opposite sides."""
        size = self.window

        def region(n: int, shift: int) -> Tensor:
            at = torch.arange(n, device=device)
            return (at >= n - size).long() + ((at >= n - shift).long() if shift else 0)

        regions = region(rows, shifts[0])[:, None] * 3 + region(columns, shifts[1])[None]
        regions = regions.view(rows // size, size, columns // size, size)
        regions = regions.transpose(1, 2).reshape(-1, size * size)
        return torch.where(regions[:, None] == regions[:, :, None], 0.0, -100.0)


def _blocks(channels: int, depth: int, window: int) -> nn.Sequential:
    return nn.Sequential(
        *(SwinBlock(channels, window, (i % 2) * (window // 2)) for i in range(depth))
    )


class SwinDown(nn.Module):
    """Merge patches of 2 x 2, then ``depth`` blocks: (N, H, W, C) to (N, H/2, W/2, outputs)."""

    def __init__(self, inputs: int, outputs: int, depth: int, window: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(4 * inputs)
        self.merge = nn.Linear(4 * inputs, outputs, bias=False)
        self.blocks = _blocks(outputs, depth, window)

    def forward(self, x: Tensor) -> Tensor:
        batch, height, width, channels = x.shape
        x = x.view(batch, height // 2, 2, width // 2, 2, channels).permute(0, 1, 3, 2, 4, 5)
        x = x.reshape(batch, height // 2, width // 2, 4 * channels)
        return self.blocks(self.merge(self.norm(x)))


class SwinUp(nn.Module):
    """``depth`` blocks, then split each position into 2 x 2: (N, H, W, C) to (N, 2H, 2W, out)."""

    def __init__(self, inputs: int, outputs: int, depth: int, window: int) -> None:
        super().__init__()
        self.blocks = _blocks(inputs, depth, window)
        self.norm = nn.LayerNorm(inputs)
        self.split = nn.Linear(inputs, 4 * outputs, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.split(self.norm(self.blocks(x)))
        batch, height, width, channels = x.shape
        x = x.view(batch, height, width, 2, 2, channels // 4).permute(0, 1, 3, 2, 4, 5)
        return x.reshape(batch, 2 * height, 2 * width, channels // 4)


class _ChannelsLast(nn.Sequential):
    """Run stages on (N, H, W, C), from and to (N, C, H, W)."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def swin_analysis(
    inputs: int, channels: Sequence[int], depths: Sequence[int], window: int
) -> nn.Module:
    """Return g_a or h_a: (N, inputs, H, W) to (N, channels[-1], H/2^k, W/2^k) in k stages."""
    before = (inputs, *channels[:-1])
    stages = zip(before, channels, depths, strict=True)
    return _ChannelsLast(*(SwinDown(a, b, depth, window) for a, b, depth in stages))


def swin_synthesis(
    channels: Sequence[int], outputs: int, depths: Sequence[int], window: int
) -> nn.Module:
    """Return g_s or h_s: (N, channels[0], H, W) to (N, outputs, 2^k H, 2^k W) in k stages."""
    after = (*channels[1:], outputs)
    stages = zip(channels, after, depths, strict=True)
    return _ChannelsLast(*(SwinUp(a, b, depth, window) for a, b, depth in stages))
