"""The generative family: images of texts, edited video, novel views, solids, and their use."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from harness import spec
from harness.hookspecs import hookimpl
from harness_plugins import cost
from harness_plugins.generative import downstream, editing, solids, text_to_image, views
from harness_plugins.generative.crosschecks import CROSSCHECKS
from harness_plugins.generative.datasets import PUBLISHED
from harness_plugins.generative.metrics import NO_REFERENCE
from harness_suites import shipped

__all__ = [
    "harness_crosschecks",
    "harness_datasets",
    "harness_derived",
    "harness_families",
    "harness_importers",
    "harness_metrics",
    "harness_suites",
]

_HERE = "harness_plugins.generative"
_PARTS = (
    text_to_image,
    editing,
    views,
    solids,
    downstream,
)  # a task each, with all that belongs to it


def _all(what: str) -> list[Any]:
    return [record for part in _PARTS for record in getattr(part, what, ())]


@hookimpl
def harness_families() -> Iterable[spec.Family]:
    """Declare the family with its tasks."""
    return [
        spec.Family(
            name="generative",
            summary="images, video, views and solids that are made, not found",
            interface=f"{_HERE}.interface:TextToImage",
            calibration=f"{_HERE}.calibration:calibration",
            tasks=tuple(_all("TASKS")),
            panels=(*_all("PANELS"), *cost.PANELS),
        )
    ]


@hookimpl
def harness_datasets() -> Iterable[spec.Dataset]:
    """Declare generated and published data."""
    return [*_all("DATASETS"), *PUBLISHED]


@hookimpl
def harness_metrics() -> Iterable[spec.Metric]:
    """Declare the metrics of all tasks."""
    return [*_all("METRICS"), *NO_REFERENCE]


@hookimpl
def harness_derived() -> Iterable[spec.Derived]:
    """Declare the scores that are computed on a board."""
    return _all("DERIVED")


@hookimpl
def harness_importers() -> Iterable[spec.Importer]:
    """Declare the formats of what people said of samples."""
    return _all("IMPORTERS")


@hookimpl
def harness_crosschecks() -> Iterable[spec.Crosscheck]:
    """Declare what is computed twice, by packages that have nothing in common."""
    return CROSSCHECKS


@hookimpl
def harness_suites() -> Iterable[spec.SuiteFile]:
    """Declare the suites of this family."""
    return shipped(*_all("SUITES"))
