"""What a board draws of cost: tables of parts, and quality against cost."""

from __future__ import annotations

from harness.spec import FrontPanel, PartsPanel

__all__ = ["PANELS", "fronts"]

_PARTS = "harness_plugins.cost.parts"

PANELS: tuple[PartsPanel, ...] = (
    PartsPanel(
        title="What it is made of",
        inputs=("cost",),
        compute=f"{_PARTS}:counted",
        note="Counted for one item without running it: of parts that run several times, GMAC is "
        "of all their calls, and everything else of one.",
    ),
    PartsPanel(
        title="Time of its parts",
        inputs=("device_run",),
        compute=f"{_PARTS}:timed",
        note="Times of one call, over all calls that were timed. Waited is the share of the time "
        "in which the machine was busy with something else.",
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
