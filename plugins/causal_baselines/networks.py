"""Networks of several models trained side by side: the first axis of a tensor is the run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

__all__ = ["Gaussian", "Perceptrons", "one_thread"]


class one_thread:  # noqa: N801 - used as a context, like its kin in contextlib
    """Compute on one thread, so that sums are rounded the same way on every machine."""

    def __enter__(self) -> None:
        self.before = torch.get_num_threads()
        torch.set_num_threads(1)

    def __exit__(self, *_: object) -> None:
        torch.set_num_threads(self.before)


class Perceptrons(nn.Module):
    """Independent ReLU networks of one shape, evaluated by one product per layer.

    Args:
        groups: shape of the block of networks, e.g. ``(runs,)`` or ``(runs, latents)``.
        sizes: widths, from input to output.
        generator: source of the initial weights, uniform in ±1/√inputs.
    """

    def __init__(
        self, groups: Sequence[int], sizes: Sequence[int], generator: torch.Generator
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            _Layer(groups, wide, out, generator) for wide, out in pairwise(sizes)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (*groups, n, inputs) to (*groups, n, outputs)."""
        groups = x.shape[:-1]
        x = x.reshape(-1, *x.shape[-2:])
        for index, layer in enumerate(self.layers):
            x = layer(torch.relu(x) if index else x)
        return x.reshape(*groups, x.shape[-1])

    def one_of(self, runs: Tensor, member: Tensor, x: Tensor) -> Tensor:
        """Evaluate one network of each run: ``member`` (runs,), x (runs, n, inputs)."""
        for index, layer in enumerate(self.layers):
            if index:
                x = torch.relu(x)
            x = torch.baddbmm(layer.bias[runs, member], x, layer.weight[runs, member])
        return x


class _Layer(nn.Module):
    """A layer of all networks of a block."""

    summed_axes = (-2,)  # of the weight, by a product: each output is quantised by itself

    def __init__(
        self, groups: Sequence[int], wide: int, out: int, generator: torch.Generator
    ) -> None:
        super().__init__()
        starts = (torch.rand((*groups, rows, out), generator=generator) for rows in (wide, 1))
        self.weight, self.bias = (
            nn.Parameter((2 * start - 1) / math.sqrt(wide)) for start in starts
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (networks, n, inputs) to (networks, n, outputs)."""
        return torch.baddbmm(self.bias.flatten(0, -3), x, self.weight.flatten(0, -3))


class Gaussian(nn.Module):
    """A network that gives mean and standard deviation of independent normal variables.

    Args:
        runs: number of networks side by side.
        sizes: widths, from input to the number of variables.
        floor: least standard deviation.
        generator: source of the initial weights.
    """

    def __init__(
        self, runs: int, sizes: Sequence[int], floor: float, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.net = Perceptrons((runs,), (*sizes[:-1], 2 * sizes[-1]), generator)
        self.floor = floor

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map (runs, n, inputs) to means and standard deviations, each (runs, n, variables)."""
        mean, raw = self.net(x).chunk(2, dim=-1)
        return mean, self.floor + nn.functional.softplus(raw - 2)  # starts near 0.13
