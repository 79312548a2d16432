"""What sampling by a published UNet costs: structure alone, on the meta device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from harness.cost import Component
from harness.spec import Json, Unavailable
from harness_plugins.generative.interface import Array, Point
from harness_plugins.generative_diffusers.architectures import unet
from harness_plugins.generative_diffusers.sampling import Step, steps_of

__all__ = ["ArchitectureModel"]

_TOKENS, _POOLED = 77, 1024  # of a prompt; of its embedding by OpenCLIP's ViT-g/14
_TIME = 500


class ArchitectureModel:
    """A sampler of which the UNet's shapes are known: neither text encoder nor VAE.

    Args:
        architecture: one of :data:`.architectures.ARCHITECTURES`.
        guided: classifier-free guidance, which is a batch of two; a model that was distilled for
            guidance, or rectified, runs a batch of one.
    """

    batch = 1

    def __init__(self, architecture: str, guided: bool) -> None:
        self.architecture, self.guided = architecture, guided
        self.unet: nn.Module = unet(architecture)

    def generate(self, _prompts: Sequence[str], _seeds: Sequence[int], _point: Point) -> Array:
        """Refuse: there are no weights.

        Raises:
            Unavailable: always.
        """
        raise Unavailable(f"{self.architecture} is a structure without weights", "count its cost")

    def settings(self, point: Point) -> dict[str, Json]:
        """Return what is counted."""
        return {**dict(point), "architecture": self.architecture, "guided": self.guided}

    @staticmethod
    def step(network: nn.Module) -> Step:
        """Return a step of a network."""
        return Step(network, _no_conditions)

    def pooled(self, prompts: Sequence[str], _point: Point) -> Tensor:
        """Return the shape of the prompts' embeddings."""
        return torch.empty(len(prompts) * self._rows, _POOLED, device="meta")

    def step_inputs(self, _item: Any, _point: Point) -> list[Any]:
        """Return latents, a time and text, as tensors without values."""
        config: Any = self.unet.config
        side, rows = config.sample_size, self._rows
        return [
            torch.empty(rows, config.in_channels, side, side, device="meta"),
            torch.tensor(_TIME),
            torch.empty(rows, _TOKENS, config.cross_attention_dim, device="meta"),
        ]

    def components(self, item: Any, point: Point) -> list[Component]:
        """Return the UNet, as the steps of one image call it."""
        return [
            Component(
                name="unet",
                module=self.step(self.unet),
                inputs=self.step_inputs(item, point),
                step="denoise",
                calls=steps_of(point),
            )
        ]

    @property
    def _rows(self) -> int:
        return 2 if self.guided else 1


def _no_conditions(_text: Tensor) -> dict[str, Any]:
    return {}
