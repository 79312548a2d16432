"""What an order is worth: its peak, in MiB and against the best known, and whether that is best.

All are computed from what the stage ``replay`` measured: no model reports its own peak.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness import Unavailable
from harness_ordering.best import best_known
from harness_ordering.exact import least_peak
from harness_ordering.graph import Graph, InvalidOrderError, peak_of

__all__ = ["geometric_mean", "optimal", "order_repeatable", "peak_mib", "peak_ratio"]

Memory = NDArray[np.int64]
Order = Sequence[int]

_SMALL = 20  # ops up to which the best peak is computed where it is needed
_STATES = 100_000


def peak_mib() -> Callable[[Memory], float]:
    """Return the metric of the peak in MiB (2^20 bytes)."""
    return lambda memory: int(memory.max()) / 2**20


def peak_ratio() -> Callable[[Graph, Memory], float]:
    """Return the metric of the peak, divided by the best peak known of the graph."""
    return lambda graph, memory: int(memory.max()) / _best(graph)[0]


def optimal() -> Callable[[Graph, Memory], float]:
    """Return the metric that is 1 where the order is proven to need the least, else 0."""

    def judge(graph: Graph, memory: Memory) -> float:
        peak = int(memory.max())
        best, proven = _best(graph)
        if proven and peak < best:
            raise InvalidOrderError(f"{peak} bytes are less than the proven least, {best} bytes")
        return float(proven and peak == best)

    return judge


def order_repeatable() -> Callable[[Order, Order], float]:
    """Return the metric of two orders of one graph and seed: 1 where they are equal."""
    return lambda order, again: float(order == again)


def geometric_mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the geometric mean over the last axis: (..., N) to (...)."""
    return np.asarray(np.exp(np.mean(np.log(values), axis=-1)))


@lru_cache(maxsize=256)
def _best(graph: Graph) -> tuple[int, bool]:
    """Return the best peak known, in bytes, and whether it is proven to be the least.

    Raises:
        Unavailable: the graph is none of this package, and too large to be solved in passing.
    """
    known: Any = best_known().get(graph.name)
    if known is None and len(graph.ops) <= _SMALL:
        found = least_peak(graph, _STATES)
        return found.peak, found.proven
    # a graph that was traced anew may be another one: the order that is kept shows it
    try:
        same = known is not None and peak_of(graph, known["order"]) == known["peak"]
    except InvalidOrderError:
        same = False
    if not same:
        raise Unavailable(
            f"no best peak is known of the graph {graph.name}",
            f"run: python -m harness_ordering.best FOLDER {graph.name}",
        )
    return known["peak"], known["proven"]
