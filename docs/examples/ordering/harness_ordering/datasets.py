"""Graphs: traced from torchvision's models and kept in this package, or drawn from a seed."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence

from harness import Item
from harness_ordering.best import GRAPHS
from harness_ordering.graph import Graph

__all__ = ["drawn", "index_drawn", "index_traced", "load_drawn", "load_traced"]


def index_traced(mode: str) -> Sequence[Item]:
    """Return the traced graphs of a mode, ``"inference"`` or ``"training"``."""
    return [
        Item(path.stem, hashlib.sha256(path.read_bytes()).hexdigest(), str(path))
        for path in sorted((GRAPHS / mode).glob("*.json"))
    ]


def load_traced(_item: Item, data: bytes) -> Graph:
    """Return the graph in a file; the harness has checked its digest."""
    return Graph.from_json(data)


def index_drawn(count: int, ops: int, seed: int) -> Sequence[Item]:
    """Return ``count`` graphs of ``ops`` ops; ``load_drawn`` draws them again."""
    return [
        Item(
            f"graph{number:03}",
            hashlib.sha256(drawn(number, ops, seed).to_json().encode()).hexdigest(),
            meta={"number": number, "ops": ops, "seed": seed},
        )
        for number in range(count)
    ]


def load_drawn(item: Item, _data: None) -> Graph:
    """Return the graph that an item describes.

    Raises:
        ValueError: it came out different from the one the plan was made for.
    """
    graph = drawn(**item.meta)  # type: ignore[arg-type]
    if hashlib.sha256(graph.to_json().encode()).hexdigest() != item.sha256:
        raise ValueError(f"{item.id}: the drawn graph is not the expected one")
    return graph


def drawn(number: int, ops: int, seed: int) -> Graph:
    """Draw a graph: each op reads one to three of the last eight tensors and writes one.

    There is one graph input. Sizes are 1 to 64 KiB. What no op reads is an output.
    """
    draw = random.Random(f"{seed}/{number}").random  # the same in every version of Python

    def below(limit: int) -> int:
        return int(draw() * limit)

    reads = []
    for op in range(ops):
        recent = list(range(max(0, op - 7), op + 1))
        count = min(len(recent), 1 + below(3))
        reads.append(tuple(sorted(recent.pop(below(len(recent))) for _ in range(count))))
    read = {tensor for tensors in reads for tensor in tensors}
    return Graph(
        name=f"drawn/{ops}/{seed}/{number}",
        ops=("op",) * ops,
        reads=tuple(reads),
        writes=tuple((op + 1,) for op in range(ops)),
        sizes=tuple(1024 * (1 + below(64)) for _ in range(ops + 1)),
        outputs=tuple(t for t in range(1, ops + 1) if t not in read),
    )
