"""Entropy models: the factorised prior of the hyperlatents, and the context model of latents."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own name

__all__ = ["ChannelContext", "FactorizedPrior", "SliceContext", "gaussian_likelihood"]

# Widths of the two hidden layers of the context model, slice by slice.
_HIDDEN = (
    (64, 64, 85, 106, 128, 149, 170, 192, 213, 234),
    (32, 32, 42, 53, 64, 74, 85, 96, 106, 117),
)
_SLICE = 32
_SMALLEST_SCALE = 0.11
_SMALLEST_LIKELIHOOD = 1e-9


class FactorizedPrior(nn.Module):
    """A learned density for each channel, by its cumulative (Ballé et al., ICLR 2018, 6.1).

    Four steps ``h_k(x) = g_k(softplus(H_k) x + b_k)`` of width 3, then a sigmoid.
    ``quantiles`` (channels, 3) are the lower tail, the median and the upper tail.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        widths = (1, 3, 3, 3, 3, 1)
        scale = 10.0 ** (1 / (len(widths) - 1))
        self.matrices, self.biases, self.factors = (nn.ParameterList() for _ in range(3))
        for a, b in pairwise(widths):
            start = torch.full((channels, b, a), 1 / scale / b).expm1().log()
            self.matrices.append(nn.Parameter(start))
            self.biases.append(nn.Parameter(torch.rand(channels, b, 1) - 0.5))
        for b in widths[1:-1]:
            self.factors.append(nn.Parameter(torch.zeros(channels, b, 1)))
        self.quantiles = nn.Parameter(torch.tensor([-10.0, 0.0, 10.0]).repeat(channels, 1))

    @property
    def medians(self) -> Tensor:
        """The median of each channel, (1, channels, 1, 1)."""
        return self.quantiles[None, :, 1, None, None]

    def _logits(self, values: Tensor) -> Tensor:
        for k, (matrix, bias) in enumerate(zip(self.matrices, self.biases, strict=True)):
            values = F.softplus(matrix) @ values + bias
            if k < len(self.factors):
                values = values + torch.tanh(self.factors[k]) * torch.tanh(values)
        return values

    def forward(self, z: Tensor) -> Tensor:
        """Return the probability of each integer-spaced value of ``z`` (N, C, H, W)."""
        flat = z.transpose(0, 1).reshape(z.shape[1], 1, -1)
        lower, upper = self._logits(flat - 0.5), self._logits(flat + 0.5)
        # On the side where the sigmoid does not saturate the difference keeps its digits.
        sign = -torch.sign(lower + upper)
        likelihood = (torch.sigmoid(sign * upper) - torch.sigmoid(sign * lower)).abs()
        shape = (z.shape[1], z.shape[0], *z.shape[2:])
        return likelihood.view(shape).transpose(0, 1).clamp_min(_SMALLEST_LIKELIHOOD)


def gaussian_likelihood(values: Tensor, means: Tensor, scales: Tensor) -> Tensor:
    """Return the probability of each value under a normal density, over a bin of width 1."""
    distance = (values - means).abs()
    scales = scales.clamp_min(_SMALLEST_SCALE)
    upper = torch.special.ndtr((0.5 - distance) / scales)
    lower = torch.special.ndtr((-0.5 - distance) / scales)
    return (upper - lower).clamp_min(_SMALLEST_LIKELIHOOD)


class SliceContext(nn.Module):
    """Two networks for one slice: its means, and its scales."""

    def __init__(self, index: int) -> None:
        super().__init__()
        first, second = (widths[index] for widths in _HIDDEN)
        self.mean, self.scale = (
            nn.Sequential(
                nn.Conv2d(_SLICE * (index + 1), first, 3, padding=1),
                nn.ReLU(),
                nn.Conv2d(first, second, 3, padding=1),
                nn.ReLU(),
                nn.Conv2d(second, _SLICE, 3, padding=1),
            )
            for _ in range(2)
        )

    def forward(self, mean: Tensor, scale: Tensor, *before: Tensor) -> tuple[Tensor, Tensor]:
        """Return means and scales of the slice, each (N, 32, H, W).

        Args:
            mean, scale: of this slice, by the hyperprior; (N, 32, H, W).
            before: the decoded slices before it, each (N, 32, H, W).
        """
        return self.mean(torch.cat([mean, *before], 1)), self.scale(torch.cat([scale, *before], 1))


class ChannelContext(nn.Module):
    """Channel-wise autoregressive context (ChARM) on 10 slices of 32 channels.

    Minnen and Singh, Channel-wise autoregressive entropy models for learned image compression,
    ICIP 2020; here without their latent residual prediction.
    """

    def __init__(self) -> None:
        super().__init__()
        self.slices = nn.ModuleList(SliceContext(i) for i in range(len(_HIDDEN[0])))

    def forward(
        self, index: int, means: Tensor, scales: Tensor, before: list[Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Return means and scales of slice ``index``, each (N, 32, H, W).

        Args:
            means, scales: of all channels, by the hyperprior.
            before: the decoded slices 0 … index - 1.
        """
        here = slice(index * _SLICE, (index + 1) * _SLICE)
        return self.slices[index](means[:, here], scales[:, here], *before)
