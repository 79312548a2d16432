"""The words of the house, as frozen records.

Everything a plugin declares and everything the core passes around is one of these. The
module is pure standard library and imports nothing of the harness, so that a plugin, a
worker in another interpreter and the core can all read it at no cost.

A ``Ref`` names a Python object that is imported only where it is called:
``"package.module:attribute"``.
"""

from harness.spec.crosscheck import Crosscheck
from harness.spec.declarations import (
    Artifact,
    Dataset,
    Derived,
    Executor,
    Exporter,
    Family,
    Importer,
    Item,
    Metric,
    Model,
    Resource,
    Stage,
    SuiteFile,
    Task,
    Variant,
)
from harness.spec.devices import Device, DeviceKind, DeviceUse
from harness.spec.numbers import ANY_DATASET, Curve, DerivedScore, PublishedScore, Signed
from harness.spec.panels import (
    ComparePanel,
    CurvePanel,
    FrontPanel,
    MatrixPanel,
    Panel,
    PartsPanel,
    ProfilePanel,
    SeriesPanel,
)
from harness.spec.words import Axis, Better, Json, Outcome, Ref, Unavailable

__all__ = [
    "ANY_DATASET",
    "Artifact",
    "Axis",
    "Better",
    "ComparePanel",
    "Crosscheck",
    "Curve",
    "CurvePanel",
    "Dataset",
    "Derived",
    "DerivedScore",
    "Device",
    "DeviceKind",
    "DeviceUse",
    "Executor",
    "Exporter",
    "Family",
    "FrontPanel",
    "Importer",
    "Item",
    "Json",
    "MatrixPanel",
    "Metric",
    "Model",
    "Outcome",
    "Panel",
    "PartsPanel",
    "ProfilePanel",
    "PublishedScore",
    "Ref",
    "Resource",
    "SeriesPanel",
    "Signed",
    "Stage",
    "SuiteFile",
    "Task",
    "Unavailable",
    "Variant",
]
