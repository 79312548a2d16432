"""Whole networks: transforms and entropy models together, and the part that decodes."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from harness_plugins.codec_transform.networks import convolutional
from harness_plugins.codec_transform.networks.priors import (
    ChannelContext,
    FactorizedPrior,
    gaussian_likelihood,
)
from harness_plugins.codec_transform.networks.swin import swin_analysis, swin_synthesis

__all__ = [
    "Coded",
    "CompressionNetwork",
    "Decoder",
    "Latents",
    "conv_charm",
    "conv_hyperprior",
    "swint_charm",
    "swint_hyperprior",
]

_LATENTS, _HYPER = 320, 192
_CHANNELS, _DEPTHS = (128, 192, 256, 320), (2, 2, 6, 2)
_HYPER_CHANNELS, _HYPER_DEPTHS = (192, 192), (5, 1)
_WINDOW, _HYPER_WINDOW = 8, 4


class Coded(NamedTuple):
    """What a network makes of images.

    Attributes:
        x_hat: the reconstruction, (N, 3, H, W), nominally 0…1.
        y_likelihoods: probabilities of the rounded latents, (N, 320, H/16, W/16).
        z_likelihoods: of the rounded hyperlatents, (N, 192, H/64, W/64).
    """

    x_hat: Tensor
    y_likelihoods: Tensor
    z_likelihoods: Tensor


class Latents(NamedTuple):
    """What a decoder knows of images once their bits are read, means and scales of the latents."""

    y_hat: Tensor
    means: Tensor
    scales: Tensor
    z_hat: Tensor


class CompressionNetwork(nn.Module):
    """Transforms ``g_a``, ``g_s``, ``h_a``, ``h_s``, a prior, and a context model or none."""

    def __init__(
        self,
        g_a: nn.Module,
        g_s: nn.Module,
        h_a: nn.Module,
        h_s: nn.Module,
        context: ChannelContext | None,
    ) -> None:
        super().__init__()
        self.g_a, self.g_s, self.h_a, self.h_s = g_a, g_s, h_a, h_s
        self.prior = FactorizedPrior(_HYPER)
        self.context = context

    def quantise(self, x: Tensor) -> Latents:
        """Return the rounded latents of images (N, 3, H, W), and what they are coded by."""
        y = self.g_a(x)
        medians = self.prior.medians
        z_hat = torch.round(self.h_a(y) - medians) + medians
        means, scales = self.h_s(z_hat).chunk(2, 1)
        if self.context is None:
            return Latents(torch.round(y - means) + means, means, scales, z_hat)
        decoded: list[Tensor] = []
        found: list[tuple[Tensor, Tensor]] = []
        for i, part in enumerate(y.chunk(len(self.context.slices), 1)):
            mean, scale = self.context(i, means, scales, decoded)
            decoded.append(torch.round(part - mean) + mean)
            found.append((mean, scale))
        means, scales = (torch.cat(one, 1) for one in zip(*found, strict=True))
        return Latents(torch.cat(decoded, 1), means, scales, z_hat)

    def forward(self, x: Tensor) -> Coded:
        """Code images (N, 3, H, W) in 0…1, height and width multiples of 64.

        Latents are rounded, not written to bits; the likelihoods give the ideal length.
        """
        y_hat, means, scales, z_hat = self.quantise(x)
        return Coded(self.g_s(y_hat), gaussian_likelihood(y_hat, means, scales), self.prior(z_hat))


class Decoder(nn.Module):
    """What a receiver runs: ``h_s``, the context model and ``g_s``, without entropy decoding."""

    def __init__(self, network: CompressionNetwork) -> None:
        super().__init__()
        self.h_s, self.context, self.g_s = network.h_s, network.context, network.g_s

    def forward(self, symbols: Tensor, z_hat: Tensor) -> Tensor:
        """Return images (N, 3, H, W).

        Args:
            symbols: rounded latents less their means, (N, 320, H/16, W/16).
            z_hat: hyperlatents, (N, 192, H/64, W/64).
        """
        means, scales = self.h_s(z_hat).chunk(2, 1)
        if self.context is None:
            return self.g_s(symbols + means)
        decoded: list[Tensor] = []
        for i, part in enumerate(symbols.chunk(len(self.context.slices), 1)):
            # The entropy decoder needs the scale to read the symbols of this slice.
            mean, _scale = self.context(i, means, scales, decoded)
            decoded.append(part + mean)
        return self.g_s(torch.cat(decoded, 1))


def _conv(context: ChannelContext | None) -> CompressionNetwork:
    return CompressionNetwork(
        convolutional.analysis(_LATENTS),
        convolutional.synthesis(_LATENTS),
        convolutional.hyper_analysis(_LATENTS, _HYPER),
        convolutional.hyper_synthesis(_LATENTS, _HYPER),
        context,
    )


def _swint(context: ChannelContext | None) -> CompressionNetwork:
    up, up_depths = _CHANNELS[::-1], _DEPTHS[::-1]
    hyper_up, hyper_depths = _HYPER_CHANNELS[::-1], _HYPER_DEPTHS[::-1]
    return CompressionNetwork(
        swin_analysis(3, _CHANNELS, _DEPTHS, _WINDOW),
        swin_synthesis(up, 3, up_depths, _WINDOW),
        swin_analysis(_LATENTS, _HYPER_CHANNELS, _HYPER_DEPTHS, _HYPER_WINDOW),
        swin_synthesis(hyper_up, 2 * _LATENTS, hyper_depths, _HYPER_WINDOW),
        context,
    )


def conv_hyperprior() -> CompressionNetwork:
    """Return Conv-Hyperprior."""
    return _conv(None)


def conv_charm() -> CompressionNetwork:
    """Return Conv-ChARM."""
    return _conv(ChannelContext())


def swint_hyperprior() -> CompressionNetwork:
    """Return SwinT-Hyperprior."""
    return _swint(None)


def swint_charm() -> CompressionNetwork:
    """Return SwinT-ChARM."""
    return _swint(ChannelContext())
