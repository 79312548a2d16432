"""Convolutional transforms: 5x5 convolutions of stride 2 with divisive normalisation."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own name

__all__ = ["GDN", "analysis", "hyper_analysis", "hyper_synthesis", "synthesis"]

_PEDESTAL = 2.0**-36


class GDN(nn.Module):
    """Generalised divisive normalisation of (N, C, H, W), or its inverse.

    ``y_i = x_i / sqrt(beta_i + sum_j gamma_ij x_j^2)`` (Ballé et al., Density modeling of images
    using a generalized normalization transformation, ICLR 2016, eq. 3); the inverse multiplies.
    Both parameters are kept as square roots, so that they stay positive.
    """

    def __init__(self, channels: int, *, inverse: bool = False) -> None:
        super().__init__()
        self.inverse = inverse
        self.beta = nn.Parameter(torch.sqrt(torch.ones(channels) + _PEDESTAL))
        self.gamma = nn.Parameter(torch.sqrt(0.1 * torch.eye(channels) + _PEDESTAL))

    def forward(self, x: Tensor) -> Tensor:
        beta = self.beta.clamp_min((1e-6 + _PEDESTAL) ** 0.5) ** 2 - _PEDESTAL
        gamma = self.gamma.clamp_min(_PEDESTAL**0.5) ** 2 - _PEDESTAL
        norm = F.conv2d(x * x, gamma[:, :, None, None], beta)
        return x * (torch.sqrt(norm) if self.inverse else torch.rsqrt(norm))


def _down(inputs: int, outputs: int) -> nn.Module:
    return nn.Conv2d(inputs, outputs, 5, stride=2, padding=2)


def _up(inputs: int, outputs: int) -> nn.Module:
    return nn.ConvTranspose2d(inputs, outputs, 5, stride=2, padding=2, output_padding=1)


def analysis(channels: int) -> nn.Sequential:
    """Return g_a: an image (N, 3, H, W) to latents (N, channels, H/16, W/16)."""
    layers: list[nn.Module] = [_down(3, channels)]
    for _ in range(3):
        layers += [GDN(channels), _down(channels, channels)]
    return nn.Sequential(*layers)


def synthesis(channels: int) -> nn.Sequential:
    """Return g_s: latents (N, channels, H/16, W/16) to an image (N, 3, H, W)."""
    layers: list[nn.Module] = []
    for _ in range(3):
        layers += [_up(channels, channels), GDN(channels, inverse=True)]
    return nn.Sequential(*layers, _up(channels, 3))


def hyper_analysis(channels: int, hyper: int) -> nn.Sequential:
    """Return h_a: latents to hyperlatents (N, hyper, H/64, W/64)."""
    return nn.Sequential(
        nn.Conv2d(channels, hyper, 3, padding=1),
        nn.ReLU(),
        _down(hyper, hyper),
        nn.ReLU(),
        _down(hyper, hyper),
    )


def hyper_synthesis(channels: int, hyper: int) -> nn.Sequential:
    """Return h_s: hyperlatents to means and scales (N, 2 x channels, H/16, W/16)."""
    return nn.Sequential(
        _up(hyper, hyper),
        nn.ReLU(),
        _up(hyper, hyper),
        nn.ReLU(),
        nn.Conv2d(hyper, 2 * channels, 3, padding=1),
    )
