"""What a search for an order walks through: sets of ops that have run.

What memory holds between two ops depends on which ops have run, and not on the order they ran
in. So a search need not look at orders: the sets of ops that are closed under "comes before"
are its states, and an op leads from one to the next.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from harness_ordering.graph import Graph

__all__ = ["Space", "State"]


class State(NamedTuple):
    """A set of ops that have run.

    Attributes:
        done: the set, as the bits of a number.
        memory: bytes alive between two ops.
        ready: ops that can run next.
    """

    done: int
    memory: int
    ready: tuple[int, ...]


class Space:
    """The states of a graph.

    Attributes:
        graph: whose.
        start: the state in which nothing has run.
        before: of each op, the ops whose outputs it reads, as bits.
        after: of each op, the ops that read its outputs.
        adds: of each op, the bytes it writes.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        count = len(graph.ops)
        writers, readers = graph.writers(), graph.readers()
        self.before = [
            _bits(writers[t] for t in tensors if t in writers) for tensors in graph.reads
        ]
        self.after = [
            sorted({op for t in tensors for op in readers[t]}) for tensors in graph.writes
        ]
        self.adds = [sum(graph.sizes[t] for t in tensors) for tensors in graph.writes]
        outputs = set(graph.outputs)
        # of each op: tensors it may be the last to read, the other readers and the bytes
        self._ends: list[list[tuple[int, int]]] = [
            [
                (_bits(readers[t] - {op}), graph.sizes[t])
                for t in (*graph.reads[op], *(t for t in graph.writes[op] if not readers[t]))
                if t not in outputs and graph.sizes[t]
            ]
            for op in range(count)
        ]
        held = (
            size
            for t, size in enumerate(graph.sizes)
            if t not in writers and (readers[t] or t in outputs)
        )
        ready = tuple(op for op in range(count) if not self.before[op])
        self.start = State(0, sum(held), ready)

    def running(self, state: State, op: int) -> int:
        """Return the bytes in memory while ``op``, which is ready, runs."""
        return state.memory + self.adds[op]

    def change(self, state: State, op: int) -> int:
        """Return by how many bytes memory has grown once ``op``, which is ready, has run."""
        waiting, change = ~state.done, self.adds[op]
        for others, size in self._ends[op]:
            if not others & waiting:
                change -= size
        return change

    def then(self, state: State, op: int) -> State:
        """Return the state after ``op``, which is ready, has run."""
        ready = [o for o in state.ready if o != op]
        ready += self.enabled(state, op)
        return State(state.done | 1 << op, state.memory + self.change(state, op), tuple(ready))

    def enabled(self, state: State, op: int) -> list[int]:
        """Return the ops that are ready once ``op``, which is ready, has run, and were not."""
        waiting = ~(state.done | 1 << op)
        return [o for o in self.after[op] if not self.before[o] & waiting]

    def lower_bound(self) -> int:
        """Return bytes that every order needs: the most that is sure to be alive with some op.

        While an op runs, everything it depends on has run and nothing that depends on it has. So
        what the former wrote and the latter read is alive, whatever the order.
        """
        graph = self.graph
        writers, readers = graph.writers(), graph.readers()
        earlier, later = self._closures()
        reading = [_bits(ops) for ops in readers]
        outputs = set(graph.outputs)
        most = self.start.memory
        for op, adds in enumerate(self.adds):
            to_come = later[op] | 1 << op
            most = max(
                most,
                adds
                + sum(
                    size
                    for t, size in enumerate(graph.sizes)
                    if size
                    and (reading[t] & to_come or t in outputs)
                    and (t not in writers or earlier[op] >> writers[t] & 1)
                ),
            )
        return most

    def _closures(self) -> tuple[list[int], list[int]]:
        """Return of each op all ops it depends on, and all that depend on it, as bits."""
        count = len(self.graph.ops)
        earlier, later = [0] * count, [0] * count
        for op in range(count):  # as the graph has them, they can run
            earlier[op] = self.before[op]
            for other in _members(self.before[op]):
                earlier[op] |= earlier[other]
        for op in reversed(range(count)):
            for other in self.after[op]:
                later[op] |= later[other] | 1 << other
        return earlier, later


def _bits(ops: Iterator[int] | set[int]) -> int:
    found = 0
    for op in ops:
        found |= 1 << op
    return found


def _members(bits: int) -> Iterator[int]:
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest
