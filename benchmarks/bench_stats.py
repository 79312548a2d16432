"""Statistics of a board: BD-rate with its bootstrap, rank sets, interquartile means.

Prints CPU seconds, the best of three, one line each; exits with 1 where a bar is missed.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np

from harness import stats

ITEMS, POINTS, REPLICATES = 24, 8, 2000


def _curve(seed):
    rng = np.random.default_rng(seed)
    steps = np.arange(POINTS)[:, None]
    rate = 0.05 * 1.7**steps * rng.lognormal(0, 0.3, ITEMS)
    return rate, 27 + 2.5 * steps + rng.normal(0, 0.5, ITEMS)


def bd_pair() -> None:
    """Resample and aggregate both curves, and take all their BD-rates."""
    resamples = stats.resample_indices(ITEMS, REPLICATES)
    names = ("rate_anchor", "quality_anchor", "rate_test", "quality_test")
    scores = (*_curve(1), *_curve(2))
    drawn = (stats.bootstrap_replicates(score, resamples).T for score in scores)
    stats.bd_rate_replicates(**dict(zip(names, drawn, strict=True)))


def ranks(entries: int) -> Callable[[], object]:
    """Return the ranking of so many entries; the replicates are there already."""
    rng = np.random.default_rng(0)
    effects = np.linspace(0, 3, entries)[:, None]
    scores = rng.normal(0, 5, ITEMS) + effects + rng.normal(0, 0.5, (entries, ITEMS))
    drawn = stats.bootstrap_replicates(scores, stats.resample_indices(ITEMS, REPLICATES))
    means = scores.mean(axis=1)
    return lambda: stats.rank_sets(means, drawn, items=ITEMS, better="higher")


def interquartile_means() -> None:
    """Bootstrap 50,000 interquartile means of 10 runs by 6 tasks."""
    stats.iqm_replicates(np.random.default_rng(0).normal(size=(10, 6)), 50_000)


BARS = (
    ("BD-rate, 24 images x 8 points x 2,000 replicates", bd_pair, 0.05),
    ("rank sets of 14 entries", ranks(14), 0.1),
    ("rank sets of 1,000 entries", ranks(1000), 1.5),
    ("50,000 stratified interquartile means of 10 x 6", interquartile_means, 0.3),
)


def main() -> int:
    """Measure everything and compare with the bars."""
    missed = 0
    for name, work, bar in BARS:
        took = []
        for _ in range(3):
            start = time.process_time()
            work()
            took.append(time.process_time() - start)
        missed += min(took) > bar
        print(f"{name}: {min(took):.4f} s CPU (bar {bar:g})")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
