"""What models cost: metrics, panels and published tables, for models of any family.

A family whose task lists the stages of :mod:`harness.cost.stages` adds ``PANELS`` and
``fronts(QUALITY)`` to its panels, and ``of_step(STEP)`` to its metrics.
"""

from __future__ import annotations

from collections.abc import Iterable

from harness import spec
from harness.hookspecs import hookimpl
from harness_plugins.cost.metrics import METRICS, of_step
from harness_plugins.cost.panels import PANELS, fronts
from harness_suites import shipped

__all__ = [
    "PANELS",
    "fronts",
    "harness_importers",
    "harness_metrics",
    "harness_suites",
    "of_step",
]


@hookimpl
def harness_metrics() -> Iterable[spec.Metric]:
    """Declare the metrics of cost and of devices."""
    return METRICS


@hookimpl
def harness_importers() -> Iterable[spec.Importer]:
    """Declare the format of published device tables."""
    return [
        spec.Importer(
            name="aihub-perf",
            read="harness_plugins.cost.aihub_perf:read",
            summary="YAML of Qualcomm AI Hub Models: qai_hub_models/models/*/perf.yaml",
        )
    ]


@hookimpl
def harness_suites() -> Iterable[spec.SuiteFile]:
    """Declare the suites that show what models cost."""
    return shipped("cost-quick", "cost-codecs")
