"""Snapdragons by the name of their chip: what the compiler calls them, and where they are sold."""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass
from importlib import metadata

from harness.errors import nearest
from harness.spec import Unavailable

__all__ = ["PRECISIONS", "SOCS", "Soc", "check"]

PRECISIONS = ("float", "int8")
_PACKAGE = "onnxruntime-qnn"


@dataclass(frozen=True, slots=True)
class Soc:
    """A chip with a Hexagon NPU.

    Attributes:
        number: QNN's ``socModel``. The numbers were confirmed one by one: the log of QNN 2.51
            names the chip and the architecture that it compiles for.
        architecture: version of the Hexagon tensor processor; 68 has no 16-bit floats.
        product: what it is sold as.
    """

    number: int
    architecture: int
    product: str


SOCS = {
    "SM8350": Soc(30, 68, "Snapdragon 888"),
    "QCM6490": Soc(93, 68, "QCM6490, QCS6490"),
    "SM8450": Soc(36, 69, "Snapdragon 8 Gen 1"),
    "SXR2230P": Soc(53, 69, "Snapdragon XR2 Gen 2"),
    "SM8550": Soc(43, 73, "Snapdragon 8 Gen 2"),
    "SC8380XP": Soc(60, 73, "Snapdragon X Elite"),
    "SM8650": Soc(57, 75, "Snapdragon 8 Gen 3"),
    "SM8750": Soc(69, 79, "Snapdragon 8 Elite"),
    "SM8850": Soc(87, 81, "Snapdragon 8 Elite Gen 5"),
}


def check(soc: str, precision: str, numerics: bool, seconds: float) -> None:
    """Say whether such a check can be made here.

    Raises:
        ValueError: there is no such chip or precision, or a limit is no positive number.
        Unavailable: the compiler is not installed, or not made for this machine.
    """
    if soc not in SOCS:
        likely = nearest(str(soc).upper(), SOCS) or f"; known are {', '.join(SOCS)}"
        raise ValueError(f"unknown SoC {soc!r}{likely}")
    if precision not in PRECISIONS:
        likely = nearest(str(precision), PRECISIONS)
        raise ValueError(f"precision {precision!r}: expected float or int8{likely}")
    if not isinstance(numerics, bool):
        raise ValueError(f"numerics: expected true or false, got {numerics!r}")  # noqa: TRY004
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not seconds > 0:
        raise ValueError(f"seconds: expected a positive number, got {seconds!r}")
    if sys.platform != "linux" or platform.machine() != "x86_64":
        raise Unavailable(
            f"the compiler for Hexagon runs on Linux x86-64, this is {sys.platform} "
            f"{platform.machine()}"
        )
    try:
        metadata.version(_PACKAGE)
    except metadata.PackageNotFoundError:
        raise Unavailable(f"{_PACKAGE} is not installed", "pip install 'harness[edge]'") from None
