"""The ordering package is no part of the harness: its sources are put where Python finds them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "examples" / "ordering"
sys.path.insert(0, str(EXAMPLE))

from harness_ordering.graph import Graph  # noqa: E402


@pytest.fixture(scope="session")
def example() -> Path:
    """Return the folder of the package."""
    return EXAMPLE


@st.composite
def graphs(draw: Any, most: int = 6) -> Graph:
    """Draw any graph: dead ops, several outputs of an op, inputs nobody reads, equal sizes."""
    count = draw(st.integers(1, most))
    size = st.integers(0, 6)
    sizes = draw(st.lists(size, max_size=2))
    reads, writes = [], []
    for _ in range(count):
        known = st.sampled_from(range(len(sizes))) if sizes else st.nothing()
        reads.append(tuple(sorted(draw(st.sets(known, max_size=min(3, len(sizes)))))))
        new = draw(st.lists(size, min_size=1, max_size=2))
        writes.append(tuple(range(len(sizes), len(sizes) + len(new))))
        sizes += new
    outputs = draw(st.sets(st.sampled_from(range(len(sizes)))))
    return Graph(
        name="any",
        ops=("op",) * count,
        reads=tuple(reads),
        writes=tuple(writes),
        sizes=tuple(sizes),
        outputs=tuple(sorted(outputs)),
    )


def orders(graph: Graph) -> Iterator[Sequence[int]]:
    """Yield every order of a small graph's ops, by trying all permutations."""
    writers = {t: op for op, tensors in enumerate(graph.writes) for t in tensors}
    before = [{writers[t] for t in tensors if t in writers} for tensors in graph.reads]
    for order in permutations(range(len(graph.ops))):
        if all(before[op] <= set(order[:n]) for n, op in enumerate(order)):
            yield order


def memory_by_definition(graph: Graph, order: Sequence[int]) -> list[int]:
    """Return the memory of each op, tensor by tensor, from the words of the definition."""
    writers = {t: op for op, tensors in enumerate(graph.writes) for t in tensors}
    found = []
    for n, op in enumerate(order):
        been, to_come = set(order[: n + 1]), set(order[n:])
        total = 0
        for tensor, size in enumerate(graph.sizes):
            there = tensor not in writers or writers[tensor] in been
            wanted = any(tensor in graph.reads[o] for o in to_come)
            if there and (wanted or tensor in graph.outputs or tensor in graph.writes[op]):
                total += size
        found.append(total)
    return found


@pytest.fixture(scope="session")
def tools() -> Any:
    """Return the functions above."""
    return sys.modules[__name__]
