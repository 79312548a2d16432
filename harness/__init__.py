"""The public face of the harness.

Everything here is imported when it is first asked for, so ``import harness`` costs nothing.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.api import run
    from harness.board import load_board
    from harness.errors import UsageError
    from harness.hookspecs import hookimpl
    from harness.spec import (
        Artifact,
        ComparePanel,
        Crosscheck,
        Curve,
        CurvePanel,
        Dataset,
        Derived,
        DerivedScore,
        Device,
        Executor,
        Exporter,
        Family,
        FrontPanel,
        Importer,
        Item,
        MatrixPanel,
        Metric,
        Model,
        Outcome,
        PartsPanel,
        ProfilePanel,
        PublishedScore,
        Resource,
        SeriesPanel,
        Signed,
        Stage,
        SuiteFile,
        Task,
        Unavailable,
        Variant,
    )
    from harness.trace import add_seconds, note, span

__all__ = [
    "Artifact",
    "ComparePanel",
    "Crosscheck",
    "Curve",
    "CurvePanel",
    "Dataset",
    "Derived",
    "DerivedScore",
    "Device",
    "Executor",
    "Exporter",
    "Family",
    "FrontPanel",
    "Importer",
    "Item",
    "MatrixPanel",
    "Metric",
    "Model",
    "Outcome",
    "PartsPanel",
    "ProfilePanel",
    "PublishedScore",
    "Resource",
    "SeriesPanel",
    "Signed",
    "Stage",
    "SuiteFile",
    "Task",
    "Unavailable",
    "UsageError",
    "Variant",
    "__version__",
    "add_seconds",
    "hookimpl",
    "load_board",
    "note",
    "run",
    "span",
]

__version__ = "0.1.0"

_HOMES = {
    "UsageError": "harness.errors",
    "add_seconds": "harness.trace",
    "hookimpl": "harness.hookspecs",
    "load_board": "harness.board",
    "note": "harness.trace",
    "span": "harness.trace",
}


class _Face(ModuleType):
    """Makes ``harness.run`` the function, also once the package of that name is imported."""

    @property
    def run(self) -> Any:
        return import_module("harness.api").run

    @run.setter
    def run(self, package: ModuleType) -> None:
        """Importing the package ends here; ``from harness.run import …`` needs no attribute."""


sys.modules[__name__].__class__ = _Face


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'harness' has no attribute {name!r}")
    return getattr(import_module(_HOMES.get(name, "harness.spec")), name)
