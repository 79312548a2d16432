"""Editors of video: the source itself, a rule, a diffusion model that inverts, and savings."""

from __future__ import annotations

from collections.abc import Iterable

from harness import spec
from harness.hookspecs import hookimpl

__all__ = ["harness_models", "harness_variants"]

_HERE = "harness_plugins.generative_editing"
_NEEDS = ("safetensors", "torch")
_PAPER = "Kahatapitiya et al., Object-centric diffusion for efficient video editing, 2401.05735"


@hookimpl
def harness_models() -> Iterable[spec.Model]:
    """Declare the models."""
    return [
        spec.Model(
            name="copy-frames",
            family="generative",
            factory=f"{_HERE}.references:CopyFrames",
            tags=("video-editing", "reference"),
            summary="the source as it is",
            licence="Apache-2.0",
        ),
        spec.Model(
            name="exact-recolour",
            family="generative",
            factory=f"{_HERE}.references:ExactRecolour",
            tags=("video-editing", "reference"),
            summary="takes a shape off and draws it anew, by the rules it was drawn by",
            licence="Apache-2.0",
        ),
        spec.Model(
            name="video-diffusion",
            family="generative",
            factory=f"{_HERE}.video_diffusion:VideoDiffusion",
            params={"width": 64, "depth": 4, "batch": 16, "rate": 6e-3},
            points={"steps": (20,), "guidance": (2.0,), "blended": (0.9,), "fresh": (0.0,)},
            tags=("video-editing", "learned"),
            summary="a transformer over space and time, which inverts a video and samples it anew",
            licence="Apache-2.0",
            paper="Song et al., DDIM, ICLR 2021; Avrahami et al., Blended diffusion, CVPR 2022; "
            "Qi et al., FateZero, ICCV 2023",
            requires=_NEEDS,
            extra="generative",
        ),
    ]


def _variant(
    name: str, wrap: str, params: dict[str, spec.Json], summary: str, paper: str = _PAPER
) -> spec.Variant:
    return spec.Variant(
        name=name,
        wrap=f"{_HERE}.variants:{wrap}",
        params=params,
        families=("generative",),
        requires=_NEEDS,
        extra="generative",
        summary=summary,
        paper=paper,
    )


@hookimpl
def harness_variants() -> Iterable[spec.Variant]:
    """Declare what makes an editor that inverts cheaper."""
    merging: dict[str, spec.Json] = {"ratio": 0.5, "object_first": 0.1}
    return [
        _variant(
            "object-centric-merging",
            "merging",
            merging,
            "tokens of the background are merged, in space and time, before those of the object",
        ),
        _variant(
            "object-centric-sampling",
            "sampling",
            {"every": 6},
            "the background is computed at each every-th step only",
        ),
        _variant(
            "object-centric",
            "object_centric",
            {**merging, "every": 6},
            "object-centric merging and sampling together",
        ),
        _variant(
            "frames-apart",
            "frames_apart",
            {},
            "pairs of frames are edited without any others: what attention over time is worth",
            "",
        ),
    ]
