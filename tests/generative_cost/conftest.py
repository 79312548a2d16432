from __future__ import annotations

import pytest
import torch
from diffusers import UNet2DConditionModel


@pytest.fixture(scope="session")
def tiny() -> UNet2DConditionModel:
    """Return a UNet of three stages with seeded weights, in the layout of Stable Diffusion's."""
    torch.manual_seed(0)
    return UNet2DConditionModel(
        sample_size=16,
        in_channels=4,
        out_channels=4,
        block_out_channels=(8, 16, 24),
        layers_per_block=2,
        down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=12,
        attention_head_dim=2,
        norm_num_groups=4,
    ).eval()
