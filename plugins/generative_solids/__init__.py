"""Models of text to 3D: a builder and chance as references, retrieval, and one that learns."""

from __future__ import annotations

from collections.abc import Iterable

from harness import spec
from harness.hookspecs import hookimpl

__all__ = ["harness_models"]

_HERE = "harness_plugins.generative_solids"


def _reference(name: str, factory: str, summary: str) -> spec.Model:
    return spec.Model(
        name=name,
        family="generative",
        factory=f"{_HERE}.references:{factory}",
        tags=("text-to-3d", "reference"),
        summary=summary,
        licence="Apache-2.0",
        requires=("trimesh",),
        extra="generative",
    )


@hookimpl
def harness_models() -> Iterable[spec.Model]:
    """Declare the models."""
    return [
        _reference("primitive-builder", "PrimitiveBuilder", "reads the prompt and builds it"),
        _reference("any-primitive", "AnyPrimitive", "builds anything: chance"),
        _reference("solid-retrieval", "Retrieval", "the mesh of the nearest training prompt"),
        spec.Model(
            name="hexaview-diffusion",
            family="generative",
            factory=f"{_HERE}.hexaview:HexaviewDiffusion",
            params={"codes": 160, "width": 256, "blocks": 3, "examples": 256_000},
            points={"steps": (8,), "mesh": (True,)},
            tags=("text-to-3d", "learned"),
            summary="diffusion of six views, from which a mesh is carved",
            licence="Apache-2.0",
            paper="after HexaGen3D, Mercier et al., 2024, arXiv 2401.07727",
            requires=("scikit-image", "scipy", "torch", "trimesh"),
            extra="generative",
        ),
    ]
