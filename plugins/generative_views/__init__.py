"""Models of novel view synthesis: copies, a visual hull, a network over sets of views."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from harness import spec
from harness.hookspecs import hookimpl

__all__ = ["harness_models"]

_HERE = "harness_plugins.generative_views"
_POINTS: Mapping[str, Sequence[spec.Json]] = {"views": (1, 2, 3, 4)}


@hookimpl
def harness_models() -> Iterable[spec.Model]:
    """Declare the models."""
    return [
        spec.Model(
            name="nearest-view",
            family="generative",
            factory=f"{_HERE}.copies:NearestView",
            points=_POINTS,
            tags=("views", "reference"),
            summary="the known view whose camera has to turn least, as it is",
            licence="Apache-2.0",
        ),
        spec.Model(
            name="blended-views",
            family="generative",
            factory=f"{_HERE}.copies:BlendedViews",
            points=_POINTS,
            tags=("views", "reference"),
            summary="the mean of the known views, weighted by how far their cameras have to turn",
            licence="Apache-2.0",
            paper="Shepard, ACM 1968",
        ),
        spec.Model(
            name="visual-hull",
            family="generative",
            factory=f"{_HERE}.hull:VisualHull",
            params={"voxels": 48, "samples": 2, "levels": 112},
            points=_POINTS,
            tags=("views",),
            summary="the largest solid with the known outlines, painted with the known views",
            licence="Apache-2.0",
            paper="Laurentini, IEEE TPAMI 1994",
        ),
        spec.Model(
            name="plane-sweep",
            family="generative",
            factory=f"{_HERE}.plane_sweep:Learned",
            params={"planes": 12, "width": 8, "channels": 8, "decoder": 32, "reach": 0.5},
            points=_POINTS,
            tags=("views", "learned"),
            summary="planes before the target, attention over the views, and a decoder; learned",
            licence="Apache-2.0",
            paper="Collins, CVPR 1996; Li et al., VaLID, arXiv 2312.08892",
            requires=("torch", "safetensors"),
            extra="generative",
        ),
    ]
