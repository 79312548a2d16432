"""UNets of published text-to-image models, by their diffusers configurations, without weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from diffusers import UNet2DConditionModel

__all__ = ["ARCHITECTURES", "configuration", "unet"]

_CROSS_DOWN, _DOWN = "CrossAttnDownBlock2D", "DownBlock2D"
_CROSS_UP, _UP = "CrossAttnUpBlock2D", "UpBlock2D"

# Rombach et al., CVPR 2022: ``unet/config.json`` of Stable Diffusion 1.5, for 512x512 images
# (latents of 4x64x64) and 77 text tokens of 768 numbers. Its "attention_head_dim": 8 has always
# meant the number of heads.
_STABLE_DIFFUSION = {
    "sample_size": 64,
    "in_channels": 4,
    "out_channels": 4,
    "block_out_channels": (320, 640, 1280, 1280),
    "layers_per_block": 2,
    "down_block_types": (_CROSS_DOWN, _CROSS_DOWN, _CROSS_DOWN, _DOWN),
    "mid_block_type": "UNetMidBlock2DCrossAttn",
    "up_block_types": (_UP, _CROSS_UP, _CROSS_UP, _CROSS_UP),
    "cross_attention_dim": 768,
    "attention_head_dim": 8,
    "act_fn": "silu",
    "norm_num_groups": 32,
    "norm_eps": 1e-5,
    "center_input_sample": False,
    "flip_sin_to_cos": True,
    "freq_shift": 0,
    "downsample_padding": 1,
    "mid_block_scale_factor": 1,
}

ARCHITECTURES: Mapping[str, Mapping[str, Any]] = {
    "stable-diffusion-1.5": _STABLE_DIFFUSION,
    # Habibian et al., Clockwork Diffusion, arXiv:2312.08128v2, section 5.1: "removes the costly
    # transformer blocks, including self-attention and cross-attention operations, from the
    # highest resolution layer of SD UNet".
    "efficient": {
        **_STABLE_DIFFUSION,
        "down_block_types": (_DOWN, _CROSS_DOWN, _CROSS_DOWN, _DOWN),
        "up_block_types": (_UP, _CROSS_UP, _CROSS_UP, _UP),
    },
    # Kim et al., BK-SDM, arXiv:2305.15798, and their ``src/unet_config/bk_*/config.json``: one
    # layer less in each stage; without the middle; without the innermost stage.
    "bk-sdm-base": {**_STABLE_DIFFUSION, "layers_per_block": 1},
    "bk-sdm-small": {**_STABLE_DIFFUSION, "layers_per_block": 1, "mid_block_type": None},
    "bk-sdm-tiny": {
        **_STABLE_DIFFUSION,
        "layers_per_block": 1,
        "mid_block_type": None,
        "block_out_channels": (320, 640, 1280),
        "down_block_types": (_CROSS_DOWN, _CROSS_DOWN, _CROSS_DOWN),
        "up_block_types": (_CROSS_UP, _CROSS_UP, _CROSS_UP),
    },
}


def configuration(name: str) -> dict[str, Any]:
    """Return the keywords of ``diffusers.UNet2DConditionModel`` for an architecture.

    Raises:
        ValueError: where ``name`` is none of ``ARCHITECTURES``.
    """
    if name not in ARCHITECTURES:
        raise ValueError(f"unknown architecture {name!r}, expected one of {sorted(ARCHITECTURES)}")
    return dict(ARCHITECTURES[name])


def unet(name: str) -> UNet2DConditionModel:
    """Build an architecture on the meta device: it has shapes and no values.

    Raises:
        ValueError: where ``name`` is none of ``ARCHITECTURES``.
    """
    import torch
    from diffusers import UNet2DConditionModel

    keywords = configuration(name)
    with torch.device("meta"):
        return UNet2DConditionModel(**keywords).eval()
