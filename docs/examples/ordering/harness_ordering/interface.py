"""What a model of this family is to the harness: one method over a graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from harness_ordering.graph import Graph

__all__ = ["Scheduler"]


@runtime_checkable
class Scheduler(Protocol):
    """Puts the ops of a graph in an order."""

    def order(self, graph: Graph, seed: int) -> Sequence[int]:
        """Return the ops of ``graph`` in the order they shall run.

        Args:
            graph: what is to run; nothing tells which peak is the best known.
            seed: of everything random; the same seed gives the same order.

        Returns:
            Every op once, each after the ops that write what it reads.
        """
