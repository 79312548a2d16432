"""Diffusion models of diffusers, and what makes them cheaper."""

from __future__ import annotations

from collections.abc import Iterable

from harness import spec
from harness.hookspecs import hookimpl

__all__ = ["harness_models", "harness_variants"]

_HERE = "harness_plugins.generative_diffusers"
_NEEDS = ("diffusers>=0.30", "safetensors", "torch>=2.6")


@hookimpl
def harness_models() -> Iterable[spec.Model]:
    """Declare the models."""
    return [
        spec.Model(
            name="shapes-diffusion",
            family="generative",
            factory=f"{_HERE}.shapes_model:ShapesDiffusion",
            params={"widths": [16, 32, 64], "batch": 64, "rate": 3e-3},
            points={"steps": (20,), "guidance": (1.0,), "scheduler": ("dpm++",)},
            tags=("text-to-image", "learned"),
            summary="a UNet of 1 M parameters for pictures of 16 x 16, trained by the suite",
            licence="Apache-2.0",
            paper="Ho et al., NeurIPS 2020; Salimans and Ho, ICLR 2022",
            requires=_NEEDS,
            extra="generative",
        )
    ]
