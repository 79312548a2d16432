from __future__ import annotations

import warnings
from typing import Any

import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it uses what newer torch deprecates
    import compressai.models
    import torch


class Model:
    """A model of two operating points, each a network of its own, kept one at a time.

    It loads what it is asked for, as codecs do; ``run`` is told no point.
    """

    def __init__(self, make: Any) -> None:
        self._make = make
        self.loaded: tuple[int, Any] | None = None
        self.calls = 0

    def network(self, point: dict[str, int]) -> Any:
        quality = point.get("quality", 1)
        if self.loaded is None or self.loaded[0] != quality:
            torch.manual_seed(quality)
            self.loaded = quality, self._make().eval()
        return self.loaded[1]

    def components(self, item: torch.Tensor, point: dict[str, int]) -> Any:
        from harness.cost import Component

        return [Component(name="network", module=self.network(point), inputs=[item], calls=2)]

    @torch.no_grad()
    def run(self, item: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        assert self.loaded is not None
        return self.loaded[1](item)


@pytest.fixture
def small() -> Model:
    """Return a model of a convolution, a transposed one and a linear layer."""
    from torch import nn

    return Model(
        lambda: nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1),
            nn.ReLU(),
            nn.ConvTranspose2d(8, 6, 4, stride=2, groups=2),
            nn.Flatten(2),
            nn.Linear(18 * 18, 5),
        )
    )


@pytest.fixture(scope="session")
def decoder() -> Any:
    """Return CompressAI's hyperprior decoder (128 and 192 channels), untrained, seed 0."""
    torch.manual_seed(0)
    return compressai.models.ScaleHyperprior(128, 192).g_s.eval()
