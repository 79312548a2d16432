"""Numbers about numbers: bootstrap, intervals, ranks, paired tests and Bjøntegaard deltas.

Pure functions over NumPy arrays, seeded, vectorised over leading axes. Everything is imported
when it is first asked for, so ``import harness.stats`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.stats.bdrate import (
        BDResult,
        bd_quality,
        bd_quality_replicates,
        bd_rate,
        bd_rate_replicates,
    )
    from harness.stats.bootstrap import (
        Interval,
        bca_interval,
        bootstrap_interval,
        bootstrap_replicates,
        mean,
        percentile_interval,
        resample_indices,
        restrict_resamples,
    )
    from harness.stats.crossed import (
        complete_runs,
        crossed_interval,
        crossed_replicates,
        curve_replicates,
        drawn_spread,
    )
    from harness.stats.intervals import (
        iqm,
        iqm_interval,
        iqm_replicates,
        t_interval,
        wilson_interval,
    )
    from harness.stats.latency import (
        Latency,
        PairedRatio,
        block_length,
        median_replicates,
        paired_ratio,
        paired_ratio_replicates,
        summarise_latency,
    )
    from harness.stats.paired import PairedComparison, compare_paired, holm
    from harness.stats.performance import (
        cvar,
        optimality_gap,
        performance_profile,
        probability_of_improvement,
    )
    from harness.stats.ranks import Ranks, rank_sets

__all__ = [
    "BDResult",
    "Interval",
    "Latency",
    "PairedComparison",
    "PairedRatio",
    "Ranks",
    "bca_interval",
    "bd_quality",
    "bd_quality_replicates",
    "bd_rate",
    "bd_rate_replicates",
    "block_length",
    "bootstrap_interval",
    "bootstrap_replicates",
    "compare_paired",
    "complete_runs",
    "crossed_interval",
    "crossed_replicates",
    "curve_replicates",
    "cvar",
    "drawn_spread",
    "holm",
    "iqm",
    "iqm_interval",
    "iqm_replicates",
    "mean",
    "median_replicates",
    "optimality_gap",
    "paired_ratio",
    "paired_ratio_replicates",
    "percentile_interval",
    "performance_profile",
    "probability_of_improvement",
    "rank_sets",
    "resample_indices",
    "restrict_resamples",
    "summarise_latency",
    "t_interval",
    "wilson_interval",
]

_HOMES = {
    "bdrate": ("BDResult", "bd_quality", "bd_quality_replicates", "bd_rate", "bd_rate_replicates"),
    "crossed": (
        "complete_runs",
        "crossed_interval",
        "crossed_replicates",
        "curve_replicates",
        "drawn_spread",
    ),
    "intervals": ("iqm", "iqm_interval", "iqm_replicates", "t_interval", "wilson_interval"),
    "latency": (
        "Latency",
        "PairedRatio",
        "block_length",
        "median_replicates",
        "paired_ratio",
        "paired_ratio_replicates",
        "summarise_latency",
    ),
    "paired": ("PairedComparison", "compare_paired", "holm"),
    "performance": (
        "cvar",
        "optimality_gap",
        "performance_profile",
        "probability_of_improvement",
    ),
    "ranks": ("Ranks", "rank_sets"),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'harness.stats' has no attribute {name!r}")
    return getattr(import_module(f"harness.stats.{_HOME.get(name, 'bootstrap')}"), name)
