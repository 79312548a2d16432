"""The formats a variant may be asked for."""

from __future__ import annotations

from harness.errors import nearest

__all__ = ["ACTIVATIONS", "WEIGHTS", "check"]

WEIGHTS = ("int4", "int8", "fp8-e4m3", "fp8-e5m2")
ACTIVATIONS = ("int4", "int8", "int16", "fp8-e4m3", "fp8-e5m2", None)


def check(weights: str, activations: str | None) -> None:
    """Refuse a format there is not.

    Raises:
        ValueError: in one line, with the nearest one.
    """
    for what, value, known in (
        ("weights", weights, WEIGHTS),
        ("activations", activations, ACTIVATIONS),
    ):
        if value not in known:
            names = [name for name in known if name]
            likely = nearest(str(value), names) or f"; known are {', '.join(names)}"
            raise ValueError(f"{what}: unknown format {value!r}{likely}")
