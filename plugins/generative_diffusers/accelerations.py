"""What makes a sampler cheaper, as variants of any model that samples by a UNet.

Each wraps a model, puts a network of its own in the place of the model's UNet for one trajectory
at a time, and can be asked for its identity: the setting at which it does nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch
from torch import nn

from harness.cost import Component, NotMeasuredError
from harness.spec import Json
from harness_plugins.generative.interface import Array, Point
from harness_plugins.generative_diffusers.clockwork import (
    Clockwork,
    ResNetAdaptor,
    kept_shape,
)
from harness_plugins.generative_diffusers.sampling import Denoising, sampled
from harness_plugins.generative_diffusers.token_merging import TokenMerging

__all__ = ["Clockworked", "Merged", "clockwork", "token_merging"]


def clockwork(model: Any, _items: Any, clock: int, cut: int, adaptor: str) -> Clockworked:
    """Return a model under a clock (:mod:`.clockwork`)."""
    return Clockworked(_denoising(model), clock, cut, adaptor)


def token_merging(model: Any, _items: Any, ratio: float) -> Merged:
    """Return a model that merges tokens before attention (:mod:`.token_merging`)."""
    return Merged(_denoising(model), ratio)


def _denoising(model: Any) -> Any:
    if not hasattr(model, "step_inputs"):
        raise NotMeasuredError("the model does not sample by a UNet that could be replaced")
    return model


def _calls(model: Any, item: Any, point: Point) -> int:
    """Return how often a model calls its UNet for one image."""
    [found] = [p.calls for p in model.components(item, point) if p.step == "denoise"]
    return int(found)


def _beside(model: Any, item: Any, point: Point) -> list[Component]:
    """Return what a model runs besides its UNet."""
    return [part for part in model.components(item, point) if part.step != "denoise"]


class _Accelerated:
    """A model that samples through a network of another; all else is the model's own."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def __getattr__(self, name: str) -> Any:
        if name in ("adapt", "load_adapted"):  # what a variant learns is its own affair
            raise AttributeError(name)
        return getattr(self.__dict__["model"], name)

    def network(self) -> nn.Module:
        """Return what runs in the place of the UNet."""
        raise NotImplementedError

    def trajectory(self, _network: Any, _prompts: Sequence[str], _point: Point) -> Any:
        """Return a context for one batch: what the network keeps begins and ends with it."""
        return _nothing()

    def changes(self) -> Mapping[str, Json]:
        """Return what is kept with the samples besides the model's settings."""
        raise NotImplementedError

    def generate(self, prompts: Sequence[str], seeds: Sequence[int], point: Point) -> Array:
        """Sample through the network."""
        network = self.network()

        def begin(part: Sequence[str]) -> AbstractContextManager[None]:
            found: AbstractContextManager[None] = self.trajectory(network, part, point)
            return found

        return sampled(self.model, prompts, seeds, point, network, begin)

    def settings(self, point: Point) -> dict[str, Json]:
        """Return how samples are made."""
        return {**self.model.settings(point), **self.changes()}


@contextmanager
def _nothing() -> Iterator[None]:
    yield


class Clockworked(_Accelerated):
    """A model under a clock.

    Args:
        model: the base.
        clock: a full pass at each ``clock``-th step; 1 changes nothing.
        cut: stages of the UNet that run at every step.
        adaptor: ``"identity"``, or ``"learned"`` for one that is trained by the suite.
    """

    def __init__(self, model: Denoising, clock: int, cut: int, adaptor: str) -> None:
        super().__init__(model)
        self.clock, self.cut, self.kind = clock, cut, adaptor
        self.adaptor: nn.Module | None = None

    def adapt(self, data: Mapping[str, Any], seed: int, budget: int) -> bytes:
        """Train the adaptor on trajectories of the model; nothing where it is the identity."""
        from harness_plugins.generative_diffusers.adaptors import learn

        if self.kind == "identity":
            return b""
        return learn(self.model, [str(text) for text in data["prompts"]], seed, budget, self.cut)

    def load_adapted(self, checkpoint: bytes) -> None:
        """Take the adaptor of a checkpoint."""
        from harness_plugins.generative_diffusers.adaptors import load

        self.adaptor = load(checkpoint)

    def network(self) -> Clockwork:
        """Return the UNet under the clock."""
        unet, adaptor = self.model.unet, None
        if self.kind == "learned" and self.clock > 1:
            adaptor = self.adaptor or _published_adaptor(unet, self.cut)
        return Clockwork(unet, self.clock, cut=self.cut, adaptor=adaptor)

    def trajectory(self, network: Clockwork, prompts: Sequence[str], point: Point) -> Any:
        """Return the trajectory of a batch."""
        return network.trajectory(self._text(prompts, point))

    def changes(self) -> Mapping[str, Json]:
        """Return clock, cut and adaptor."""
        return {"clock": self.clock, "cut": self.cut, "adaptor": self.kind}

    def identity(self) -> tuple[Any, Any]:
        """Return the base, and the same under a clock of one."""
        return self.model, Clockworked(self.model, 1, self.cut, self.kind)

    def components(self, item: Any, point: Point) -> list[Component]:
        """Return full passes and those between, as the steps of one image call them."""
        steps = _calls(self.model, item, point)
        full = -(-steps // self.clock)
        network, given = self.network(), self.model.step_inputs(item, point)
        parts = [
            *_beside(self.model, item, point),
            Component(
                name="unet",
                module=self.model.step(network.high.unet),
                inputs=given,
                step="denoise",
                calls=full,
            ),
        ]
        if full < steps:
            shape = kept_shape(network.high.unet, tuple(given[0].shape), cut=self.cut)
            between = _Between(network.high, self._text(item.prompts[:1], point))
            parts.append(
                Component(
                    name="unet between",
                    module=self.model.step(between),
                    inputs=[*given, torch.zeros(shape, device=given[0].device)],
                    step="denoise",
                    calls=steps - full,
                )
            )
        return parts

    def _text(self, prompts: Sequence[str], point: Point) -> Any:
        """Return what a learned adaptor takes of the prompts."""
        return self.model.pooled(prompts, point) if self.kind == "learned" else None


def _published_adaptor(unet: Any, cut: int) -> ResNetAdaptor:
    """Return the paper's adaptor for a UNet without weights, whose cost alone can be known.

    Raises:
        RuntimeError: the UNet has weights, so an adaptor must have been learned.
    """
    if next(unet.parameters()).device.type != "meta":
        raise RuntimeError("the adaptor has not been learned")
    side = unet.config.sample_size
    kept = kept_shape(unet, (1, unet.config.in_channels, side, side), cut=cut)
    with torch.device("meta"):
        return ResNetAdaptor(r_in=unet.config.block_out_channels[cut - 1], r_out=kept[1])


class _Between(nn.Module):
    """The high-resolution part with the text that its adaptor takes."""

    def __init__(self, high: nn.Module, prompt: torch.Tensor | None) -> None:
        super().__init__()
        self.high = high
        self.prompt: torch.Tensor | None
        self.register_buffer("prompt", prompt, persistent=False)

    def forward(self, *given: Any, **conditions: Any) -> Any:
        return self.high(*given, prompt=self.prompt, **conditions)


class Merged(_Accelerated):
    """A model whose self-attention sees fewer tokens.

    Args:
        model: the base.
        ratio: share of the tokens that are merged into others, 0 … 0.75; 0 changes nothing.
    """

    def __init__(self, model: Denoising, ratio: float) -> None:
        super().__init__(model)
        self.ratio = ratio

    def network(self) -> TokenMerging:
        """Return the UNet with merging."""
        return TokenMerging(self.model.unet, self.ratio)

    def changes(self) -> Mapping[str, Json]:
        """Return the ratio."""
        return {"merged_tokens": self.ratio}

    def identity(self) -> tuple[Any, Any]:
        """Return the base, and the same where no token is merged."""
        return self.model, Merged(self.model, 0.0)

    def components(self, item: Any, point: Point) -> list[Component]:
        """Return the network, as the steps of one image call it."""
        return [
            *_beside(self.model, item, point),
            Component(
                name="unet",
                module=self.model.step(self.network()),
                inputs=self.model.step_inputs(item, point),
                step="denoise",
                calls=_calls(self.model, item, point),
            ),
        ]
