"""What a board draws of cost: tables of parts, and quality against cost."""

from __future__ import annotations

from harness.spec import FrontPanel, PartsPanel

__all__ = ["PANELS", "fronts"]

_PARTS = "harness_plugins.cost.parts"

PANELS: tuple[PartsPanel, ...] = (
    PartsPanel(
        title="Parts and what they cost",
        inputs=("cost",),
        compute=f"{_PARTS}:counted",
        note="Counted for one item, without running it: GMAC of all calls of a part, parameters "
        "and memory of one.",
    ),
    PartsPanel(
        title="Parts on the device",
        inputs=("device_run",),
        compute=f"{_PARTS}:timed",
        note="Times, where the device gives any, are of one call, over all that were timed. IQR "
        "is the upper quartile minus the lower; waited, the share of the time in which there was "
        "no core to run on.",
    ),
)


def fronts(quality: str) -> tuple[FrontPanel, ...]:
    """Return quality against GMACs, activation memory and latency, for a family's panels.

    Args:
        quality: a column of one number per row: a metric or a derived score.
    """
    return (
        FrontPanel(title="Quality and multiply-accumulates", x="gmacs", y=quality),
        FrontPanel(title="Quality and activation memory", x="peak_activation", y=quality),
        FrontPanel(title="Quality and latency", x="latency_ms", y=quality),
    )
