"""Stable Diffusion 1.5, put together from three verified files; everything else is known.

Rombach et al., *High-resolution image synthesis with latent diffusion models*, CVPR 2022. The
files hold the weights alone; shapes are those of the published configurations, and the
tokenizer's vocabulary, CLIP's, comes with the package open_clip. It has no safety checker.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from harness.data import resource_path
from harness.spec import Resource
from harness_plugins.generative_diffusers.architectures import configuration
from harness_plugins.generative_diffusers.pipelines import Pipeline, as_model
from harness_plugins.generative_diffusers.weights import STABLE_DIFFUSION_15

if TYPE_CHECKING:
    from transformers import CLIPTokenizer

__all__ = ["skeleton", "stable_diffusion_15", "tokenizer"]

_NAME = "stable-diffusion-1.5"
_TOKENS = 77
_POSITIONS = "position_ids"  # 0, 1, 2, …: a part of some files
_SCHEDULE: dict[str, Any] = {
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "steps_offset": 1,
    "clip_sample": False,
    "set_alpha_to_one": False,
    "prediction_type": "epsilon",
}
_AUTOENCODER: dict[str, Any] = {
    "in_channels": 3,
    "out_channels": 3,
    "latent_channels": 4,
    "sample_size": 512,
    "block_out_channels": (128, 256, 512, 512),
    "layers_per_block": 2,
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "norm_num_groups": 32,
    "act_fn": "silu",
    "scaling_factor": 0.18215,
}
_TEXT: dict[str, Any] = {  # CLIP ViT-L/14's
    "vocab_size": 49408,
    "hidden_size": 768,
    "intermediate_size": 3072,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "max_position_embeddings": _TOKENS,
    "hidden_act": "quick_gelu",
    "layer_norm_eps": 1e-5,
    "projection_dim": 768,
    "bos_token_id": 49406,
    "eos_token_id": 49407,
}


def stable_diffusion_15(*, size: int, batch: int, dtype: str) -> Pipeline:
    """Return the model.

    Args:
        size: height and width of the images, in pixels.
        batch: images at once.
        dtype: of the weights: ``float32``, ``float16`` or ``bfloat16``.

    Raises:
        Unavailable: its weights are not here.
        RuntimeError: a file is not that of its network: names or shapes differ.
    """
    networks = _networks()
    for name, module in networks.items():
        _fill(module, STABLE_DIFFUSION_15[name], getattr(torch, dtype))
    return _assembled(networks, size, batch)


def skeleton(*, size: int, batch: int, dtype: str) -> Pipeline:  # noqa: ARG001 - of no number
    """Return the same without weights, on the meta device: what it costs can be counted."""
    return _assembled(_networks(), size, batch)


def tokenizer() -> CLIPTokenizer:
    """Return CLIP's tokenizer as transformers has it, from the vocabulary in open_clip."""
    import open_clip
    from transformers import CLIPTokenizer

    own = open_clip.tokenizer.SimpleTokenizer()
    words = dict(own.encoder)
    for ours, theirs in (("start", "startoftext"), ("end", "endoftext")):
        words[f"<|{theirs}|>"] = words.pop(f"<{ours}_of_text>")
    found = CLIPTokenizer(vocab=words, merges=list(own.bpe_ranks))
    found.model_max_length = _TOKENS
    return found


def _networks() -> dict[str, torch.nn.Module]:
    """Return the three networks on the meta device."""
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    with torch.device("meta"):
        return {
            "unet": UNet2DConditionModel(**configuration(_NAME)).eval(),
            "vae": AutoencoderKL(**_AUTOENCODER).eval(),
            "text_encoder": CLIPTextModel(CLIPTextConfig(**_TEXT)).eval(),
        }


def _fill(module: torch.nn.Module, resource: Resource, dtype: torch.dtype) -> None:
    from safetensors.torch import load_file

    path = resource_path(_NAME, resource, remedy=f"harness weights pull {_NAME}")
    own, constant = set(module.state_dict()), {name for name, _ in module.named_buffers()}
    found = {_named(name, own): value.to(dtype) for name, value in load_file(path).items()}
    weights = {name: value for name, value in found.items() if not name.endswith(_POSITIONS)}
    if wrong := sorted(weights.keys() ^ (own - constant)):
        raise RuntimeError(f"{resource.name} is not that of its network: {wrong[0]}")
    module.load_state_dict(weights, strict=False, assign=True)
    for name, value in module.named_buffers():
        if value.device.type == "meta":
            _set_buffer(module, name, value)


def _set_buffer(module: torch.nn.Module, name: str, value: torch.Tensor) -> None:
    """Give a buffer its values: the numbers of the positions are all that there are."""
    owner = module.get_submodule(name.rpartition(".")[0])
    owner.register_buffer(
        name.rpartition(".")[2],
        torch.arange(value.shape[-1]).expand(value.shape).clone(),
        persistent=False,
    )


def _named(name: str, own: set[str]) -> str:
    """Return what a weight of a published file is called by the network today."""
    for old, new in (
        (".query.", ".to_q."),
        (".key.", ".to_k."),
        (".value.", ".to_v."),
        (".proj_attn.", ".to_out.0."),
    ):
        name = name.replace(old, new)
    bare = name.removeprefix("text_model.")
    return bare if bare in own else name


def _assembled(networks: dict[str, torch.nn.Module], size: int, batch: int) -> Pipeline:
    from diffusers import DDIMScheduler, StableDiffusionPipeline

    pipeline = StableDiffusionPipeline(
        **networks,
        tokenizer=tokenizer(),
        scheduler=DDIMScheduler(**_SCHEDULE),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    return as_model(pipeline, size, batch, {"pipeline": _NAME})
