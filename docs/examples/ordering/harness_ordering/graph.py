"""Computation graphs, and the memory that an order of their operations needs.

**What is alive.** An operation (op) reads tensors and writes tensors. While it runs, memory holds

* what it reads and what it writes: nothing is computed in place;
* every tensor written before that an op still to come reads;
* every graph output that was written before: outputs stay to the end;
* every graph input that this op or one still to come reads: inputs are there from the start.

A tensor is freed when the last op that reads it has run; one that no op reads, and that is no
graph output, when the op that wrote it has run. The memory of an op is the sum of the bytes of
all these tensors, and the *peak* of an order is the largest memory of its ops.

Not counted: parameters and other state that lives as long as the model, what an op needs inside
itself, rounding and fragmentation by an allocator.

This is the model of Liberis and Lane, "Neural networks on microcontrollers: saving memory at
inference via operator reordering" (2019), and of Ahn et al., "Ordering Chaos: Memory-Aware
Scheduling of Irregularly Wired Neural Networks for Edge Devices" (MLSys 2020).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

__all__ = ["Graph", "InvalidOrderError", "memory_of", "peak_of"]


class InvalidOrderError(ValueError):
    """A sequence that is no order of a graph's ops."""

    outcome = "invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """A computation graph. Ops and tensors are numbered from 0.

    Attributes:
        name: unique among all graphs, e.g. ``"inference/resnet18"``.
        ops: what each op is, e.g. ``"convolution"``, in an order in which they can run.
        reads: of each op, the tensors it reads; each once.
        writes: of each op, the tensors it writes; each tensor is written by one op, or by none:
            then it is a graph input.
        sizes: bytes of each tensor.
        outputs: the tensors that the graph is run for.

    Raises:
        ValueError: the parts do not fit together.
    """

    name: str
    ops: tuple[str, ...]
    reads: tuple[tuple[int, ...], ...]
    writes: tuple[tuple[int, ...], ...]
    sizes: tuple[int, ...]
    outputs: tuple[int, ...]

    def __post_init__(self) -> None:
        if not len(self.ops) == len(self.reads) == len(self.writes) > 0:
            raise ValueError(f"{self.name}: ops, reads and writes must be as many, and not none")
        tensors = range(len(self.sizes))
        named = {t for ts in (*self.reads, *self.writes, self.outputs) for t in ts}
        if not named <= set(tensors) or min(self.sizes, default=0) < 0:
            raise ValueError(f"{self.name}: a tensor has no size")
        written = set(tensors) - {t for ts in self.writes for t in ts}
        for op, (reads, writes) in enumerate(zip(self.reads, self.writes, strict=True)):
            if not written.issuperset(reads) or not written.isdisjoint(writes):
                raise ValueError(f"{self.name}: op {op} reads too early, or writes again")
            written |= set(writes)

    @classmethod
    def from_json(cls, data: bytes | str) -> Graph:
        """Return the graph of ``to_json``'s text.

        Raises:
            ValueError: it is no such text.
        """
        try:
            read = json.loads(data)
            kinds, reads, writes = zip(*read["ops"], strict=True)
            return cls(
                name=read["name"],
                ops=tuple(read["kinds"][k] for k in kinds),
                reads=tuple(map(tuple, reads)),
                writes=tuple(map(tuple, writes)),
                sizes=tuple(read["sizes"]),
                outputs=tuple(read["outputs"]),
            )
        except (KeyError, IndexError, TypeError) as error:
            raise ValueError(f"no graph: {type(error).__name__} {error}") from None

    def to_json(self, **about: str) -> str:
        """Return the graph as JSON, an op a line, with ``about`` it beside."""
        kinds = sorted(set(self.ops))
        ops = ",\n".join(
            _compact([kinds.index(kind), reads, writes])
            for kind, reads, writes in zip(self.ops, self.reads, self.writes, strict=True)
        )
        head = {"name": self.name, "about": about, "kinds": kinds}
        tail = {"sizes": self.sizes, "outputs": self.outputs}
        return f'{_compact(head)[:-1]},\n"ops":[\n{ops}],\n{_compact(tail)[1:]}\n'

    def writers(self) -> dict[int, int]:
        """Return which op writes a tensor; graph inputs are not in it."""
        return {t: op for op, tensors in enumerate(self.writes) for t in tensors}

    def readers(self) -> list[set[int]]:
        """Return of each tensor the ops that read it."""
        found: list[set[int]] = [set() for _ in self.sizes]
        for op, tensors in enumerate(self.reads):
            for tensor in tensors:
                found[tensor].add(op)
        return found


def memory_of(graph: Graph, order: Sequence[int]) -> list[int]:
    """Return the bytes in memory while each op of an order runs, in that order.

    Raises:
        InvalidOrderError: ``order`` is no order of the graph's ops.
    """
    return list(_memory(graph, order))


def peak_of(graph: Graph, order: Sequence[int]) -> int:
    """Return the peak of an order, in bytes.

    Raises:
        InvalidOrderError: ``order`` is no order of the graph's ops.
    """
    return max(_memory(graph, order))


def _memory(graph: Graph, order: Sequence[int]) -> Iterator[int]:
    if sorted(order) != list(range(len(graph.ops))):
        raise InvalidOrderError(f"not a permutation of the {len(graph.ops)} ops of {graph.name}")
    writers, outputs = graph.writers(), set(graph.outputs)
    waiting = [len(ops) for ops in graph.readers()]  # reads of a tensor that are still to come
    inputs = set(range(len(graph.sizes))) - set(writers)
    alive = {t for t in inputs if waiting[t] or t in outputs}
    held = sum(graph.sizes[t] for t in alive)
    for op in order:
        early = [t for t in graph.reads[op] if t not in alive]
        if early:
            raise InvalidOrderError(
                f"op {op} ({graph.ops[op]}) of {graph.name} comes before op {writers[early[0]]},"
                " whose output it reads"
            )
        alive.update(graph.writes[op])
        held += sum(graph.sizes[t] for t in graph.writes[op])
        yield held
        for tensor in graph.reads[op]:
            waiting[tensor] -= 1
        done = {
            t for t in (*graph.reads[op], *graph.writes[op]) if not waiting[t] and t not in outputs
        }
        alive -= done
        held -= sum(graph.sizes[t] for t in done)


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
