"""How much faster or slower a model is than the anchor: from the artifact ``device_pairs``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from harness import Signed
from harness_plugins.cost.metrics.timed import busy, remark
from harness_plugins.cost.records import measured, platform

__all__ = ["latency_ratio"]

_REPLICATES = 200


def latency_ratio() -> Callable[[Mapping[str, Any]], Signed]:
    """Return how many times as long as the anchor a model takes: the median over pairs.

    Pairs ran one after the other in an order drawn anew, so both met the same disturbances.
    """
    from harness.stats import paired_ratio, paired_ratio_replicates

    def score(pairs: Mapping[str, Any]) -> Signed:
        measured(pairs)
        first, second = (np.asarray(pairs[name]) for name in ("first_us", "second_us"))
        found = paired_ratio(first, second)
        drawn = paired_ratio_replicates(first, second, replicates=_REPLICATES)
        share = pairs["waited"]
        return Signed(
            found.ratio,
            how=platform(pairs),
            replicates=tuple(drawn.tolist()),
            n=found.n,
            note=remark(share),
            unranked=busy(share),
        )

    return score
