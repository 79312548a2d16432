"""What sampling one image costs in FLOP: steps, guidance, clock; counted on meta, no weights."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from harness_plugins.generative_diffusers.architectures import unet

if TYPE_CHECKING:
    from harness.cost import Cost

__all__ = ["Adaptor", "Flops", "Sampler", "sampling_flops", "step_cost"]

Adaptor = Literal["identity", "resnet"]


class Flops(NamedTuple):
    """FLOP under two conventions; a multiplication and an addition are two.

    Attributes:
        without_attention: of convolutions and of products with a parameter alone. So billed
            profilers that did not know ``scaled_dot_product_attention``.
        with_attention: of both products of attention as well: what is really computed.
    """

    without_attention: int
    with_attention: int


@dataclass(frozen=True)
class Sampler:
    """How one image of 512x512 is made: the UNet alone, neither text encoder nor VAE.

    Attributes:
        architecture: one of ``ARCHITECTURES``.
        steps: calls of the UNet.
        guided: classifier-free guidance, which is a batch of two. A model that was distilled for
            guidance, or rectified, runs a batch of one.
        clock: a full pass at each ``clock``-th step; 1 is no Clockwork.
        cut: stages outside of what Clockwork leaves out.
        adaptor: what stands for it.
        upsampled: whether the upsampler's output is kept, as the published code does.
    """

    architecture: str
    steps: int = 8
    guided: bool = True
    clock: int = 1
    cut: int = 1
    adaptor: Adaptor = "identity"
    upsampled: bool = False

    def __post_init__(self) -> None:
        """Refuse less than one step and less than a clock of one."""
        if self.steps < 1 or self.clock < 1:
            message = f"steps and clock must be at least 1, not {self.steps} and {self.clock}"
            raise ValueError(message)

    @property
    def full_steps(self) -> int:
        """Steps at which the whole UNet runs: 0, clock, 2 clock, …."""
        return -(-self.steps // self.clock)


def sampling_flops(sampler: Sampler) -> Flops:
    """Count the FLOP of all steps of a sampler, for one image.

    Raises:
        ValueError: for an unknown architecture, and a cut that it has no room for.
    """
    full = _flops(step_cost(sampler, full=True))
    reduced = sampler.steps - sampler.full_steps
    part = _flops(step_cost(sampler, full=False)) if reduced else Flops(0, 0)
    both = (sampler.full_steps * f + reduced * p for f, p in zip(full, part, strict=True))
    return Flops(*both)


def step_cost(sampler: Sampler, *, full: bool) -> Cost:
    """Count one step of a sampler: a full pass, or the pass of a step between."""
    batch = 2 if sampler.guided else 1
    if full:
        return _full(sampler.architecture, batch)
    return _reduced(sampler.architecture, batch, sampler.cut, sampler.adaptor, sampler.upsampled)


@lru_cache
def _full(architecture: str, batch: int) -> Cost:
    from harness.cost import count

    return count(unet(architecture), _inputs(architecture, batch))


@lru_cache
def _reduced(architecture: str, batch: int, cut: int, adaptor: Adaptor, upsampled: bool) -> Cost:
    import torch

    from harness.cost import count
    from harness_plugins.generative_diffusers.clockwork import (
        HighResolution,
        ResNetAdaptor,
        kept_shape,
    )

    base = unet(architecture)
    inputs = _inputs(architecture, batch)
    kept = kept_shape(base, inputs[0], cut=cut, upsampled=upsampled)
    learned, keywords = None, {}
    if adaptor == "resnet":
        with torch.device("meta"):
            r_in = base.config.block_out_channels[cut - 1]
            learned = ResNetAdaptor(r_in=r_in, r_out=kept[1])
        keywords["prompt"] = (batch, learned.text.in_features)
    part = HighResolution(base, cut=cut, adaptor=learned, upsampled=upsampled).eval()
    return count(part, [*inputs, kept], keywords=keywords)


def _inputs(architecture: str, batch: int) -> list[Any]:
    """Return latents, a timestep and 77 tokens of text, as shapes."""
    config = unet(architecture).config
    size = config.sample_size
    return [(batch, config.in_channels, size, size), 500, (batch, 77, config.cross_attention_dim)]


def _flops(cost: Cost) -> Flops:
    attention = cost.by_kind.get("attention", 0)
    return Flops(2 * (cost.macs - attention), 2 * cost.macs)
