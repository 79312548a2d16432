"""What AIMET may be asked for."""

from __future__ import annotations

from importlib import metadata

from harness.errors import nearest
from harness.spec import Unavailable
from harness_plugins.device_htp import socs

__all__ = ["ACTIVATIONS", "WEIGHTS", "check"]

WEIGHTS = ("int4", "int8", "int16")
ACTIVATIONS = ("int8", "int16")


def check(soc: str, weights: str, activations: str, numerics: bool, seconds: float) -> None:
    """Say whether such a check can be made here.

    Raises:
        ValueError: in one line, for what there is not.
        Unavailable: AIMET or the compiler is not installed, or not made for this machine.
    """
    for what, value, known in (
        ("weights", weights, WEIGHTS),
        ("activations", activations, ACTIVATIONS),
    ):
        if value not in known:
            likely = nearest(str(value), known)
            raise ValueError(f"{what} {value!r}: expected {', '.join(known)}{likely}")
    socs.check(soc, "int8", numerics, seconds)
    try:
        metadata.version("aimet-onnx")
    except metadata.PackageNotFoundError:
        raise Unavailable("aimet-onnx is not installed", "pip install 'harness[aimet]'") from None
