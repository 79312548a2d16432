"""The stages of the ordering tasks: a graph goes in, an order of its ops comes out.

``order`` and ``order_again`` call the model. ``replay`` is a step of the protocol itself: it has
the graph and the order, and no model.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness import span
from harness_ordering.graph import Graph, InvalidOrderError, memory_of, peak_of
from harness_ordering.interface import Scheduler

__all__ = ["order", "order_again", "replay"]

Inputs = Mapping[str, Any]


def order(model: Scheduler, inputs: Inputs, _point: object, seed: int) -> dict[str, list[int]]:
    """Return ``{"order": ops}``: the ops of ``graph`` in the order that the model gives.

    Raises:
        InvalidOrderError: it is no order of the graph's ops; the node ends ``invalid``.
    """
    graph: Graph = inputs["graph"]
    with span("order"):
        given = model.order(graph, seed)
    return {"order": _checked(graph, given)}


def order_again(
    model: Scheduler, inputs: Inputs, point: object, seed: int
) -> dict[str, list[int]]:
    """Return ``{"order_again": ops}``: ``order`` in another process."""
    return {"order_again": order(model, inputs, point, seed)["order"]}


def replay(
    _model: None, inputs: Inputs, _point: object, _seed: int
) -> dict[str, NDArray[np.int64]]:
    """Return ``{"memory": bytes}``: int64 (ops,), in memory while each op of ``order`` runs."""
    return {"memory": np.array(memory_of(inputs["graph"], inputs["order"]), np.int64)}


def _checked(graph: Graph, given: Any) -> list[int]:
    try:
        found = [operator.index(op) for op in given]
    except TypeError:
        raise InvalidOrderError(
            f"order returned {type(given).__name__}, expected the numbers of the ops"
        ) from None
    peak_of(graph, found)
    return found
