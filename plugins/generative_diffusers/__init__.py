"""Diffusion models of diffusers, and what makes them cheaper."""

from __future__ import annotations

from collections.abc import Iterable

from harness import spec
from harness.hookspecs import hookimpl
from harness_plugins.generative_diffusers.weights import STABLE_DIFFUSION_15

__all__ = ["harness_models", "harness_variants"]

_HERE = "harness_plugins.generative_diffusers"
_PRETRAINED = {"steps": (50,), "guidance": (7.5,), "scheduler": ("ddim",)}
_NEEDS = ("diffusers>=0.30", "safetensors", "torch>=2.6")


@hookimpl
def harness_models() -> Iterable[spec.Model]:
    """Declare the models."""
    return [
        spec.Model(
            name="shapes-diffusion",
            family="generative",
            factory=f"{_HERE}.shapes_model:ShapesDiffusion",
            params={"widths": [16, 32, 64], "batch": 32, "rate": 3e-3},
            points={"steps": (20,), "guidance": (1.0,), "scheduler": ("dpm++",)},
            tags=("text-to-image", "learned"),
            summary="a UNet of 1 M parameters for pictures of 16 x 16, trained by the suite",
            licence="Apache-2.0",
            paper="Ho et al., NeurIPS 2020; Salimans and Ho, ICLR 2022",
            requires=_NEEDS,
            extra="generative",
        ),
        spec.Model(
            name="stable-diffusion-1.5",
            family="generative",
            factory=f"{_HERE}.stable_diffusion:stable_diffusion_15",
            skeleton=f"{_HERE}.stable_diffusion:skeleton",
            params={"size": 512, "batch": 4, "dtype": "float32"},
            points=_PRETRAINED,
            tags=("text-to-image", "pretrained"),
            summary="Stable Diffusion 1.5, without its safety checker",
            licence="CreativeML Open RAIL-M",
            paper="Rombach et al., CVPR 2022",
            url="https://huggingface.co/stable-diffusion-v1-5/stable-diffusion-v1-5",
            requires=(*_NEEDS, "transformers", "open_clip_torch"),
            extra="generative",
            weights=tuple(STABLE_DIFFUSION_15.values()),
        ),
        spec.Model(
            name="diffusion-pipeline",
            family="generative",
            factory=f"{_HERE}.pipelines:open_pipeline",
            check=f"{_HERE}.pipeline_files:check",
            params={
                "id": "",
                "revision": "",
                "folder": "",
                "sha256": "",
                "remote_code": False,
                "size": 512,
                "batch": 4,
                "dtype": "float32",
            },
            points=_PRETRAINED,
            tags=("text-to-image", "pretrained"),
            summary="any text-to-image pipeline of diffusers, from a folder or the hub's cache",
            requires=(*_NEEDS, "transformers"),
            extra="generative",
        ),
        spec.Model(
            name="unet-architecture",
            family="generative",
            factory=f"{_HERE}.architecture_model:ArchitectureModel",
            params={"architecture": "stable-diffusion-1.5", "guided": True},
            points={"steps": (8,)},
            tags=("structure",),
            summary="the UNet of a published sampler, without weights: what its steps cost",
            paper="Rombach et al., CVPR 2022; Habibian et al., CVPR 2024; Kim et al., 2023",
            requires=_NEEDS,
            extra="generative",
        ),
    ]


def _variant(
    name: str, wrap: str, params: dict[str, spec.Json], summary: str, paper: str
) -> spec.Variant:
    return spec.Variant(
        name=name,
        wrap=f"{_HERE}.{wrap}",
        params=params,
        weightless=True,
        families=("generative",),
        requires=_NEEDS,
        extra="generative",
        summary=summary,
        paper=paper,
    )


@hookimpl
def harness_variants() -> Iterable[spec.Variant]:
    """Declare what makes any model that samples by a UNet cheaper."""
    return [
        _variant(
            "clockwork",
            "accelerations:clockwork",
            {"clock": 2, "cut": 1, "adaptor": "identity"},
            "the low-resolution part runs at each clock-th step; adaptor identity or learned",
            "Habibian et al., Clockwork Diffusion, CVPR 2024",
        ),
        _variant(
            "token-merging",
            "accelerations:token_merging",
            {"ratio": 0.5},
            "self-attention over fewer tokens, those most alike being one",
            "Bolya and Hoffman, Token merging for fast Stable Diffusion, CVPRW 2023",
        ),
        _variant(
            "guidance-distilled",
            "distillation:guidance_distilled",
            {"guidance": 1.5, "share": 0.1},
            "a student that guides itself: one pass of each step instead of two",
            "Meng et al., On distillation of guided diffusion models, CVPR 2023",
        ),
    ]
