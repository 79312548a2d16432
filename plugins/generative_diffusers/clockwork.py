"""Clockwork: the low-resolution part of a UNet runs at some steps and is kept for the others.

Habibian et al., *Clockwork Diffusion: Efficient Generation With Model-Step Distillation*, CVPR
2024, arXiv:2312.08128v2; the notation is theirs. With a clock of N each N-th step, from the first,
is a full pass of the UNet. All other steps run its high-resolution part alone: the outermost
``cut`` stages on both sides, and the upsampler between them and the rest. What the rest would have
given that upsampler, ``r_out``, is taken from the step before, as it is or adapted.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from diffusers import UNet2DConditionModel
from diffusers.models.resnet import ResnetBlock2D
from diffusers.models.unets.unet_2d_condition import UNet2DConditionOutput
from torch import Tensor, nn

__all__ = ["Clockwork", "HighResolution", "ResNetAdaptor", "kept_shape"]

# Of what a UNet takes besides sample, timestep and text: what a high-resolution pass knows to use.
_CONDITIONS = ("class_labels", "timestep_cond", "added_cond_kwargs")


class Clockwork(nn.Module):
    """A UNet under a clock, to be called in the UNet's place within ``trajectory``.

    The UNet is shared and left as it is. What one step keeps for the next belongs to this object
    and lives as long as one trajectory, so that nothing of a prompt reaches the next one. Each
    call is one step: a sampler has to guide by one batch, not by two calls.

    Args:
        unet: the base.
        clock: a full pass at the steps 0, clock, 2 clock, …; 1 is the base itself, bit for bit.
        cut: stages that run at every step, counted from the outside. The paper's is 1.
        adaptor: called as ``adaptor(r_in, r_out, time, text)``, see ``ResNetAdaptor``; without
            one ``r_out`` is repeated (the paper's identity adaptor).
        upsampled: keep what the upsampler gave instead of what it got. So does the code that the
            authors published, and saves more than the paper's figures.

    Raises:
        ValueError: for a clock or a cut that the UNet has no room for, for an adaptor of what was
            upsampled, and for a UNet of another kind.
    """

    def __init__(
        self,
        unet: UNet2DConditionModel,
        clock: int,
        *,
        cut: int = 1,
        adaptor: nn.Module | None = None,
        upsampled: bool = False,
    ) -> None:
        super().__init__()
        if clock < 1:
            raise ValueError(f"clock must be at least 1, not {clock}")
        self.clock = clock
        self.high = HighResolution(unet, cut=cut, adaptor=adaptor, upsampled=upsampled)
        self._step: int | None = None
        self._kept: Tensor | None = None
        self._text: Tensor | None = None

    def __getattr__(self, name: str) -> Any:
        """Return what pipelines ask a UNet for: ``config``, ``dtype``, ``add_embedding``, …."""
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("high").unet, name)

    @contextmanager
    def trajectory(self, text: Tensor | None = None) -> Iterator[None]:
        """Begin at step 0 with nothing kept, and forget it all at the end.

        Args:
            text: embedding of the prompts, (n, d), where the adaptor takes one.

        Raises:
            RuntimeError: within another trajectory of the same object.
        """
        if self._step is not None:
            raise RuntimeError("a trajectory of this Clockwork has not ended yet")
        self._step, self._text = 0, text
        try:
            yield
        finally:
            self._step = self._kept = self._text = None

    def forward(
        self,
        sample: Tensor,
        timestep: Tensor | float,
        encoder_hidden_states: Tensor,
        *,
        return_dict: bool = True,
        **conditions: Any,
    ) -> Any:
        """Return what ``UNet2DConditionModel`` returns, one step on.

        Raises:
            RuntimeError: outside of ``trajectory``.
            ValueError: where the batch is not that of the step before, and for a condition that
                a high-resolution pass does not know.
        """
        if self._step is None:
            raise RuntimeError("Clockwork keeps features: call it within `with trajectory():`")
        given = {name: value for name, value in conditions.items() if value is not None}
        unknown = sorted(set(given) - set(_CONDITIONS))
        if unknown:
            raise ValueError(f"Clockwork does not take {', '.join(unknown)}")
        full = self._step % self.clock == 0
        if full:
            with self._keeping():
                out = self.high.unet(
                    sample, timestep, encoder_hidden_states, return_dict=return_dict, **given
                )
        else:
            out = self._adapted(sample, timestep, encoder_hidden_states, return_dict, given)
        self._step += 1
        return out

    def _adapted(
        self,
        sample: Tensor,
        timestep: Tensor | float,
        text: Tensor,
        return_dict: bool,
        conditions: dict[str, Any],
    ) -> Any:
        if self._kept is None or self._kept.shape[0] != sample.shape[0]:
            before = "nothing" if self._kept is None else f"{self._kept.shape[0]} samples"
            raise ValueError(f"{sample.shape[0]} samples, but the step before left {before}")
        found, self._kept = self.high(
            sample, timestep, text, self._kept, prompt=self._text, **conditions
        )
        return UNet2DConditionOutput(sample=found) if return_dict else (found,)

    @contextmanager
    def _keeping(self) -> Iterator[None]:
        """Keep what passes the seam during a full pass."""

        def keep(_module: nn.Module, args: tuple[Any, ...], out: Tensor) -> None:
            self._kept = (out if self.high.upsampled else args[0]).detach()

        handle = self.high.seam.register_forward_hook(keep)
        try:
            yield
        finally:
            handle.remove()


class HighResolution(nn.Module):
    """What of a UNet runs at the steps between full passes: ``cut`` stages and the adaptor.

    Arguments and errors are those of ``Clockwork``.
    """

    def __init__(
        self,
        unet: UNet2DConditionModel,
        *,
        cut: int = 1,
        adaptor: nn.Module | None = None,
        upsampled: bool = False,
    ) -> None:
        super().__init__()
        if not isinstance(unet, UNet2DConditionModel):
            raise ValueError(f"{type(unet).__name__} is no UNet2DConditionModel")  # noqa: TRY004
        if unet.config.addition_embed_type == "image_hint":
            raise ValueError("a UNet that takes an image as a hint cannot run in parts")
        stages = len(unet.down_blocks)
        if not 1 <= cut < stages:
            raise ValueError(f"cut must be 1 to {stages - 1} in a UNet of {stages}, not {cut}")
        if adaptor is not None and upsampled:
            raise ValueError("an adaptor gives the upsampler's input, so upsampled must be False")
        self.cut, self.upsampled = cut, upsampled
        self.unet, self.adaptor = unet, adaptor

    @property
    def seam(self) -> nn.Module:
        """The upsampler through which the low-resolution part reaches the outer stages."""
        found: nn.Module = self.unet.up_blocks[-self.cut - 1].upsamplers[0]
        return found

    def forward(
        self,
        sample: Tensor,
        timestep: Tensor | float,
        encoder_hidden_states: Tensor,
        kept: Tensor,
        *,
        prompt: Tensor | None = None,
        **conditions: Any,
    ) -> tuple[Tensor, Tensor]:
        """Return the UNet's output, and what is to be kept for the next step.

        Args:
            sample: noisy latents, (n, c, h, w).
            timestep: of all samples, or of each.
            encoder_hidden_states: text, (n, tokens, d).
            kept: what the step before left, of ``kept_shape``.
            prompt: embedding of the prompt for the adaptor, (n, d).
            conditions: ``class_labels``, ``timestep_cond``, ``added_cond_kwargs`` of the UNet.
        """
        unet = self.unet
        factor = 2**unet.num_upsamplers
        odd = any(size % factor for size in sample.shape[-2:])
        if unet.config.center_input_sample:
            sample = 2 * sample - 1.0
        time, text = _embeddings(unet, sample, timestep, encoder_hidden_states, conditions)
        hidden = unet.conv_in(sample)
        skips = [hidden]
        for block in unet.down_blocks[: self.cut]:
            hidden, found = _block(block, text, hidden_states=hidden, temb=time)
            skips += found
        r_in = skips.pop()  # the innermost belongs to the block of the seam
        if self.adaptor is not None:
            kept = self.adaptor(r_in, kept, time, prompt)
        hidden = kept
        if not self.upsampled:
            hidden = self.seam(hidden, skips[-1].shape[2:] if odd else None)
        for block in unet.up_blocks[-self.cut :]:
            layers = len(block.resnets)
            taken, skips = tuple(skips[-layers:]), skips[:-layers]
            size = skips[-1].shape[2:] if odd and skips else None
            hidden = _block(
                block,
                text,
                hidden_states=hidden,
                temb=time,
                res_hidden_states_tuple=taken,
                upsample_size=size,
            )
        return unet.conv_out(unet.conv_act(unet.conv_norm_out(hidden))), kept


class ResNetAdaptor(nn.Module):
    """The paper's learned adaptor (its section 4.2 and figure 3), here without its weights.

    ``r_in`` and ``r_out`` are concatenated, a strided convolution halves them, a projection of the
    prompt is added, two ResNet blocks take the time, a transposed convolution doubles them, and
    ``r_out`` is added. The paper says nothing of the width and of the kernels but their sum: 14 M
    parameters. With kernels of 3 and of 4 (those of diffusers) that is a width of 384.

    Args:
        r_in: channels of the input of the low-resolution part.
        r_out: channels of its output.
        time: size of the UNet's time embedding.
        text: size of the prompt's embedding; 1024 for OpenCLIP's ViT-g/14.
        width: channels inside, a multiple of ``groups``.
        kernel: of the transposed convolution, 2 or 4.
        groups: of the ResNet blocks' normalisation.
    """

    def __init__(
        self,
        r_in: int = 320,
        r_out: int = 640,
        *,
        time: int = 1280,
        text: int = 1024,
        width: int = 384,
        kernel: int = 4,
        groups: int = 32,
    ) -> None:
        super().__init__()
        self.down = nn.Conv2d(r_in + r_out, width, 3, stride=2, padding=1)
        self.text = nn.Linear(text, width)
        self.blocks = nn.ModuleList(
            ResnetBlock2D(in_channels=width, temb_channels=time, groups=groups) for _ in range(2)
        )
        self.up = nn.ConvTranspose2d(width, r_out, kernel, stride=2, padding=kernel // 2 - 1)

    def forward(self, r_in: Tensor, r_out: Tensor, time: Tensor, text: Tensor | None) -> Tensor:
        """Return ``r_out`` of this step: (n, r_out, h, w), with even h and w.

        Args:
            r_in: of this step, (n, r_in, h, w).
            r_out: of the step before, (n, r_out, h, w).
            time: embedding of this step, (n, time).
            text: embedding of the prompt, (n, text).

        Raises:
            ValueError: without a text.
        """
        if text is None:
            raise ValueError("this adaptor takes an embedding of the prompt: trajectory(text)")
        hidden = self.down(torch.cat([r_in, r_out], dim=1)) + self.text(text)[:, :, None, None]
        for block in self.blocks:
            hidden = block(hidden, time)
        return r_out + self.up(hidden)


def kept_shape(
    unet: UNet2DConditionModel,
    sample: tuple[int, int, int, int],
    *,
    cut: int = 1,
    upsampled: bool = False,
) -> tuple[int, int, int, int]:
    """Return the shape of what a step keeps for latents of the shape ``sample``.

    The height and width of ``sample`` must be multiples of two to the power of ``cut``.
    """
    seam = HighResolution(unet, cut=cut).seam
    halvings = cut - 1 if upsampled else cut
    channels = seam.out_channels if upsampled else seam.channels
    return (sample[0], channels, sample[2] >> halvings, sample[3] >> halvings)


def _embeddings(
    unet: UNet2DConditionModel,
    sample: Tensor,
    timestep: Tensor | float,
    text: Tensor,
    conditions: dict[str, Any],
) -> tuple[Tensor, Tensor]:
    """Return the embeddings of time and of text as the UNet's own forward makes them."""
    time = unet.time_embedding(
        unet.get_time_embed(sample=sample, timestep=timestep), conditions.get("timestep_cond")
    )
    label = unet.get_class_embed(sample=sample, class_labels=conditions.get("class_labels"))
    if label is not None:
        joined = unet.config.class_embeddings_concat
        time = torch.cat([time, label], dim=-1) if joined else time + label
    added = conditions.get("added_cond_kwargs")
    more = unet.get_aug_embed(emb=time, encoder_hidden_states=text, added_cond_kwargs=added)
    if more is not None:
        time = time + more
    if unet.time_embed_act is not None:
        time = unet.time_embed_act(time)
    text = unet.process_encoder_hidden_states(encoder_hidden_states=text, added_cond_kwargs=added)
    return time, text


def _block(block: nn.Module, text: Tensor, **inputs: Any) -> Any:
    if getattr(block, "has_cross_attention", False):
        return block(encoder_hidden_states=text, **inputs)
    return block(**inputs)
