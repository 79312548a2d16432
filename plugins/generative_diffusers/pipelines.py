"""Any text-to-image pipeline of diffusers, as a model of the family.

A pipeline is read from files that are here: from a folder, or from the snapshot of a repository in
the Hugging Face cache. Safetensors only, and no code of the repository runs, unless the suite says
``remote_code: true``; that stands in the label of the row and beside its samples.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from harness.cost import Component
from harness.spec import Json
from harness_plugins.generative.images import Images
from harness_plugins.generative.interface import Array, Point
from harness_plugins.generative.prompts import Prompts
from harness_plugins.generative_diffusers.pipeline_files import located
from harness_plugins.generative_diffusers.sampling import (
    Step,
    batches,
    finite,
    sampled,
    scheduler,
    steps_of,
)

if TYPE_CHECKING:
    from diffusers import DiffusionPipeline

__all__ = ["Pipeline", "UNetPipeline", "as_model", "open_pipeline"]

_TIME = 500


def open_pipeline(
    *,
    id: str,  # noqa: A002 - as the hub calls it
    revision: str,
    folder: str,
    sha256: str,
    remote_code: bool,
    size: int,
    batch: int,
    dtype: str,
) -> Pipeline:
    """Return a pipeline that is on this machine; see :func:`.pipeline_files.check`.

    Args:
        id, revision: of a repository in the Hugging Face cache, and the commit of its snapshot.
        folder, sha256: of a folder, and the digest of its files.
        remote_code: whether code of the repository may run.
        size: height and width of the images, in pixels.
        batch: images at once.
        dtype: of the weights: ``float32``, ``float16`` or ``bfloat16``.

    Raises:
        Unavailable: it is not here.
        ValueError: it is no pipeline, or has no safetensors.
    """
    from diffusers import DiffusionPipeline

    path = located(id, revision, folder, sha256)
    try:
        pipeline = DiffusionPipeline.from_pretrained(
            str(path),
            dtype=getattr(torch, dtype),
            use_safetensors=True,
            trust_remote_code=remote_code,
            local_files_only=True,
        )
    except OSError as error:
        raise ValueError(f"{path.name} is no pipeline of safetensors: {_line(error)}") from error
    told = {"pipeline": id or Path(folder).name, "remote_code": remote_code}
    return as_model(pipeline, size, batch, told)


def as_model(
    pipeline: DiffusionPipeline, size: int, batch: int, told: Mapping[str, Json]
) -> Pipeline:
    """Return a pipeline as a model: one whose UNet can be replaced where it has one."""
    has_unet = getattr(pipeline, "unet", None) is not None
    return (UNetPipeline if has_unet else Pipeline)(pipeline, size, batch, told)


class Pipeline:
    """A pipeline whose insides are its own affair.

    Args:
        pipeline: takes prompts, generators, steps and guidance as those of diffusers do.
        size: height and width of the images, in pixels.
        batch: images at once.
        told: what is kept with the samples besides.
    """

    def __init__(
        self, pipeline: DiffusionPipeline, size: int, batch: int, told: Mapping[str, Json]
    ) -> None:
        self.pipeline: Any = pipeline
        self.size, self.batch, self._told = size, batch, dict(told)
        self.pipeline.set_progress_bar_config(disable=True)
        if torch.cuda.is_available():
            self.pipeline.to("cuda")

    def generate(self, prompts: Sequence[str], seeds: Sequence[int], point: Point) -> Array:
        """Sample; see :class:`harness_plugins.generative.interface.TextToImage`."""
        parts = batches(prompts, seeds, self.batch)
        return np.concatenate([self.run(p, s, point)[:count] for p, s, count in parts])

    def settings(self, point: Point) -> dict[str, Json]:
        """Return how samples are made at an operating point."""
        return {**dict(point), **self._told, "size": self.size, "dtype": str(self.pipeline.dtype)}

    @torch.no_grad()
    def run(self, prompts: Sequence[str], seeds: Sequence[int], point: Point) -> Array:
        """Run the pipeline on one batch, each image from a generator of its own."""
        config = self.pipeline.scheduler.config
        self.pipeline.scheduler = scheduler(str(point["scheduler"]), config)
        made = self.pipeline(
            prompt=list(prompts),
            height=self.size,
            width=self.size,
            num_inference_steps=steps_of(point),
            guidance_scale=float(point["guidance"]),  # type: ignore[arg-type]
            generator=[torch.Generator().manual_seed(int(seed)) for seed in seeds],
            output_type="np",
            callback_on_step_end=_check,
        )
        return Images.of_floats(made.images, 0, 1, what="the pipeline's images").bytes_()


class UNetPipeline(Pipeline):
    """A pipeline that denoises by a UNet, which can be replaced (:class:`.sampling.Denoising`)."""

    @property
    def unet(self) -> nn.Module:
        """The denoising network."""
        found: nn.Module = self.pipeline.unet
        return found

    def generate(self, prompts: Sequence[str], seeds: Sequence[int], point: Point) -> Array:
        """Sample through the pipeline's own UNet."""
        return sampled(self, prompts, seeds, point)

    def sample(
        self, unet: nn.Module, prompts: Sequence[str], seeds: Sequence[int], point: Point
    ) -> Array:
        """Run the pipeline on one batch with ``unet`` in the place of its own."""
        own = self.pipeline.unet
        self.pipeline.unet = unet
        try:
            return self.run(prompts, seeds, point)
        finally:
            self.pipeline.unet = own

    def step(self, unet: nn.Module) -> Step:
        """Return a step of ``unet``."""
        return Step(unet, _added_conditions(self.pipeline.unet.config))

    def step_inputs(self, _item: Prompts, point: Point) -> list[Any]:
        """Return latents, a time and text as a step for one image gets them."""
        config = self.pipeline.unet.config
        rows = self._rows(point)
        side = self.size // self.pipeline.vae_scale_factor
        text = torch.zeros(rows, self._tokens, config.cross_attention_dim)
        return [torch.zeros(rows, config.in_channels, side, side), torch.tensor(_TIME), text]

    def components(self, item: Prompts, point: Point) -> list[Component]:
        """Return text encoder, UNet and decoder, as one image calls them."""
        guided = self._rows(point) == 2
        ids = torch.zeros(1, self._tokens, dtype=torch.long)
        return [
            Component(
                name="text encoder",
                module=_TextEncoder(self.pipeline.text_encoder),
                inputs=[ids],
                step="prompt",
                calls=2 if guided else 1,
            ),
            Component(
                name="unet",
                module=self.step(self.unet),
                inputs=self.step_inputs(item, point),
                step="denoise",
                calls=steps_of(point),
            ),
            Component(
                name="decoder",
                module=_Decoder(self.pipeline.vae),
                inputs=[self.step_inputs(item, point)[0][:1]],
                step="decode",
            ),
        ]

    @property
    def _tokens(self) -> int:
        return int(self.pipeline.tokenizer.model_max_length)

    @staticmethod
    def _rows(point: Point) -> int:
        return 2 if float(point["guidance"]) > 1 else 1  # type: ignore[arg-type]


class _TextEncoder(nn.Module):
    """A text encoder by its token numbers alone."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, ids: Tensor) -> Tensor:
        found: Tensor = self.encoder(ids)[0]
        return found


class _Decoder(nn.Module):
    """The decoder of an autoencoder."""

    def __init__(self, autoencoder: Any) -> None:
        super().__init__()
        self.decoder = autoencoder.decoder
        self.before = autoencoder.post_quant_conv

    def forward(self, latents: Tensor) -> Tensor:
        found: Tensor = self.decoder(latents if self.before is None else self.before(latents))
        return found


def _added_conditions(config: Any) -> Callable[[Tensor], dict[str, Any]]:
    """Return what a UNet takes besides text: of SDXL's kind, a pooled text and six numbers."""

    def conditions(text: Tensor) -> dict[str, Any]:
        if config.addition_embed_type != "text_time":
            return {}
        numbers = 6 * config.addition_time_embed_dim
        pooled = config.projection_class_embeddings_input_dim - numbers
        added = {
            "text_embeds": text.new_zeros(text.shape[0], pooled),
            "time_ids": text.new_zeros(text.shape[0], 6),
        }
        return {"added_cond_kwargs": added}

    return conditions


def _check(_pipeline: Any, step: int, _time: Any, held: dict[str, Tensor]) -> dict[str, Tensor]:
    finite(held["latents"], f"latents after step {step + 1}")
    return held


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
