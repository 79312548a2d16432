"""Numbers of each solid of a block: float64 (n,), NaN where a solid has none.

What cannot be told raises ``Lacking``: the score is skipped, with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness_plugins.generative.images import InvalidImagesError
from harness_plugins.generative.interface import Lacking
from harness_plugins.generative.prompts import Prompts
from harness_plugins.generative.samples import Samples
from harness_plugins.generative.solids.consistency import consistency
from harness_plugins.generative.solids.hexaview import VIEWS

if TYPE_CHECKING:
    from harness_plugins.generative.solids.artifact import Solids

__all__ = [
    "alignment",
    "alignment_in_category",
    "all_views_right",
    "bounds_volume",
    "faults",
    "view_consistency",
    "watertight",
]

Floats = NDArray[np.float64]
Verdicts = Mapping[str, Any]


def alignment(view: str = "") -> Callable[[Verdicts], Floats]:
    """Make the share of six views that are right; with ``view``, whether that one is."""

    def measure(verdicts: Verdicts) -> Floats:
        right = _right(verdicts)
        return right[:, list(VIEWS).index(view)] if view else right.mean(axis=1)

    return measure


def alignment_in_category(category: str) -> Callable[[Prompts, Verdicts], Floats]:
    """Make the same of the prompts of one category alone; NaN of others."""

    def measure(block: Prompts, verdicts: Verdicts) -> Floats:
        there = np.array(block.categories) == category
        if not there.any():
            raise Lacking(f"no prompt of this block is {category}")
        return np.where(there, _right(verdicts).mean(axis=1), np.nan)

    return measure


def all_views_right() -> Callable[[Verdicts], Floats]:
    """Make whether all six views are right: 0 or 1."""
    return lambda verdicts: _right(verdicts).all(axis=1).astype(np.float64)


def faults(fault: str) -> Callable[[Verdicts], Floats]:
    """Make the share of six views whose first fault is this one."""
    return lambda verdicts: np.array(
        [np.mean([view["fault"] == fault for view in six]) for six in verdicts["views"]]
    )


def view_consistency() -> Callable[[Samples], Floats]:
    """Make how far the six views of each solid can be of one solid."""

    def measure(views: Samples) -> Floats:
        if views.frames != len(VIEWS):
            raise InvalidImagesError(f"views: expected {len(VIEWS)} of each, got {views.frames}")
        return np.array([consistency(six) for six in views.sequences])

    return measure


def watertight() -> Callable[[Solids], Floats]:
    """Make whether each edge of a mesh belongs to exactly two faces: 0 or 1."""
    return lambda solids: _of_meshes(solids, "is_watertight")


def bounds_volume() -> Callable[[Solids], Floats]:
    """Make whether a mesh bounds a volume: watertight, wound one way, outside out; 0 or 1."""
    return lambda solids: _of_meshes(solids, "is_volume")


def _right(verdicts: Verdicts) -> Floats:
    """Return where a view is right, (n, 6), 0 or 1."""
    return np.array([[float(not view["fault"]) for view in six] for six in verdicts["views"]])


def _of_meshes(solids: Solids, what: str) -> Floats:
    if not solids.meshes:
        raise Lacking("the model gives views: there is no mesh")
    return np.array([float(getattr(mesh, what)) for mesh in solids.meshes])
