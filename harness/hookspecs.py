"""The hooks of the harness: what a plugin may declare, and when it is asked.

A plugin is a light module named by an entry point of the group ``harness``, or a single file
given with ``--plugin``. Each hook returns declarations from :mod:`harness.spec`; none of them
may import anything heavy. They are called once, when a command first needs a name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pluggy

from harness import spec

__all__ = ["hookimpl", "hookspec"]

hookspec = pluggy.HookspecMarker("harness")
hookimpl = pluggy.HookimplMarker("harness")


@hookspec
def harness_families() -> Iterable[spec.Family]:  # type: ignore[empty-body]
    """Declare kinds of models and how they are evaluated."""


@hookspec
def harness_models() -> Iterable[spec.Model]:  # type: ignore[empty-body]
    """Declare models."""


@hookspec
def harness_variants() -> Iterable[spec.Variant]:  # type: ignore[empty-body]
    """Declare variants that suit any model, e.g. kinds of quantisation."""


@hookspec
def harness_datasets() -> Iterable[spec.Dataset]:  # type: ignore[empty-body]
    """Declare datasets."""


@hookspec
def harness_metrics() -> Iterable[spec.Metric]:  # type: ignore[empty-body]
    """Declare metrics."""


@hookspec
def harness_derived() -> Iterable[spec.Derived]:  # type: ignore[empty-body]
    """Declare scores that are computed from scores when a board is built."""


@hookspec
def harness_devices() -> Iterable[spec.Device]:  # type: ignore[empty-body]
    """Declare devices that models run on."""


@hookspec
def harness_executors() -> Iterable[spec.Executor]:  # type: ignore[empty-body]
    """Declare ways of running nodes."""


@hookspec
def harness_suites() -> Iterable[spec.SuiteFile]:  # type: ignore[empty-body]
    """Declare suites that ship with the plugin."""


@hookspec
def harness_exporters() -> Iterable[spec.Exporter]:  # type: ignore[empty-body]
    """Declare forms a board can be written in."""


@hookspec
def harness_importers() -> Iterable[spec.Importer]:  # type: ignore[empty-body]
    """Declare file formats of published results."""


@hookspec
def harness_crosschecks() -> Iterable[spec.Crosscheck]:  # type: ignore[empty-body]
    """Declare numbers of metrics that a second implementation is to confirm."""


@hookspec
def harness_event(event: Mapping[str, Any]) -> None:
    """Be told of each event of a run, as ``harness run --json`` prints it.

    Called in the main process, in order; what it raises is shown once and ignored.
    """
