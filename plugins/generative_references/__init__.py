"""Ends of the scale on which generators of shapes stand: true pictures, copies, noise."""

from __future__ import annotations

from collections.abc import Iterable

from harness import spec
from harness.hookspecs import hookimpl

__all__ = ["harness_models"]

_HERE = "harness_plugins.generative_references"


@hookimpl
def harness_models() -> Iterable[spec.Model]:
    """Declare the models."""
    return [
        spec.Model(
            name=name,
            family="generative",
            factory=f"{_HERE}.pictures:{factory}",
            params=params,
            tags=("text-to-image", "reference"),
            summary=summary,
            licence="Apache-2.0",
        )
        for name, factory, params, summary in (
            (
                "more-real",
                "MoreReal",
                {"blur": 1},
                "draws what is asked for by the rule of the data; unblurred, as a perfect model",
            ),
            (
                "oversampled",
                "Oversampled",
                {},
                "repeats real pictures of the shape that is asked for: no generator at all",
            ),
            ("noise-images", "NoiseImages", {}, "noise, whatever is asked for"),
        )
    ]
