"""A suite whose names have all been found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.spec import (
    Dataset,
    Derived,
    DeviceUse,
    Family,
    Json,
    Metric,
    Model,
    Task,
    Variant,
)
from harness.suite.schema import BoardForm, Limits

__all__ = ["Entry", "Suite", "SuiteDataset", "VariantUse"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteDataset:
    """A dataset as the suite uses it.

    Attributes:
        params: all its parameters.
        items: globs over item ids.
        said: the parameters that the suite names; they are part of its label.
    """

    dataset: Dataset
    params: Mapping[str, Json]
    items: tuple[str, ...] = ("*",)
    said: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantUse:
    """A variant as the suite uses it, with the dataset it is calibrated on."""

    variant: Variant
    params: Mapping[str, Json]
    calibration: SuiteDataset | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One row of the board: a model with its parameters, variant and operating points.

    Attributes:
        wraps: the variant, where it is one that suits any model.
        privileged: whether it sees what a task keeps from other models.
    """

    label: str
    model: Model
    params: Mapping[str, Json]
    points: tuple[Mapping[str, Json], ...]
    variant: str = "base"
    wraps: VariantUse | None = None
    privileged: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """What is run on what, and what the board shows.

    Attributes:
        digest: sha256 of the file's data; says which suite a board was made from.
        tasks, metrics: what is done on a device stands here once for each of ``devices``.
        derived: the derived scores whose inputs are all measured.
        limits: stage name to its limits; ``""`` holds the suite's own.
        plugins: single-file plugins it asked for.
        published: files of published numbers that belong to it.
    """

    name: str
    title: str
    summary: str
    path: str
    digest: str
    tasks: tuple[tuple[Family, Task], ...]
    datasets: tuple[SuiteDataset, ...]
    entries: tuple[Entry, ...]
    metrics: tuple[Metric, ...]
    derived: tuple[Derived, ...]
    seeds: tuple[int, ...]
    devices: tuple[DeviceUse, ...]
    limits: Mapping[str, Limits]
    board: BoardForm
    plugins: tuple[Path, ...] = ()
    published: tuple[Path, ...] = ()

    def limits_of(self, stage: str) -> Limits:
        """Return the limits of a stage or of scoring."""
        return self.limits.get(stage, self.limits[""])
