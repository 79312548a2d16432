"""Six views as a few numbers and back: principal components, a linear autoencoder."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

__all__ = ["Latents"]


class Latents(nn.Module):
    """The main directions in which the six views of training solids differ.

    A direction's variance is halved in its exponent: small ones, which hold the edges, are not
    lost beside the large ones, which hold colours.

    Args:
        pixels: numbers of six views, 6 · n · n · 3.
        width: how many directions.
    """

    def __init__(self, pixels: int, width: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(pixels))
        self.register_buffer("directions", torch.zeros(width, pixels))

    def fit(self, views: NDArray[np.uint8]) -> Tensor:
        """Find the directions of views (N, 6, n, n, 3); return what they are there, (N, width)."""
        given = as_floats(views)
        width = len(self.directions)
        self.mean = given.mean(dim=0)
        _, _, basis = torch.svd_lowrank(given - self.mean, q=width + 16, niter=3)
        basis = basis[:, :width]
        codes = (given - self.mean) @ basis
        scale = codes.std(dim=0).clamp(min=1e-6).sqrt()
        scale = scale * (codes / scale).std()
        self.directions = (basis * scale).T.contiguous()
        return codes / scale

    def forward(self, codes: Tensor) -> Tensor:
        """Return views (B, 6 · n · n · 3) of codes (B, width): -1 is black, 1 is white."""
        return torch.addmm(self.mean, codes, self.directions)


def as_floats(views: NDArray[np.uint8]) -> Tensor:
    """Return views as rows of numbers in -1…1."""
    return torch.from_numpy(views.reshape(len(views), -1)).float() / 127.5 - 1
