"""Schedulers: from the order a program is written in to a beam search."""

from __future__ import annotations

import random
from typing import NamedTuple, TypeAlias

from harness_ordering.graph import Graph
from harness_ordering.space import Space, State

__all__ = [
    "BeamSearch",
    "DepthFirst",
    "Greedy",
    "ProgramOrder",
    "RandomOrder",
    "Trail",
    "beam_search",
    "unrolled",
]

Trail: TypeAlias = "tuple[int, Trail] | None"  # the last op, and the trail before it


class ProgramOrder:
    """The order of the graph itself: for a traced graph, the one the framework ran."""

    def order(self, graph: Graph, _seed: int) -> list[int]:
        """Return the ops as they are numbered."""
        return list(range(len(graph.ops)))


class DepthFirst:
    """What each output needs, and nothing before it is needed: a depth-first walk backwards.

    Outputs are taken in the graph's order, and so is what an op reads.
    """

    def order(self, graph: Graph, _seed: int) -> list[int]:
        """Return the ops in the order in which the walk leaves them."""
        writers = graph.writers()
        wanted = [writers[t] for t in graph.outputs if t in writers]
        found: dict[int, None] = {}
        for last in (*wanted, *range(len(graph.ops))):
            trail = [(last, iter(graph.reads[last]))]
            while trail:
                op, reads = trail[-1]
                tensor = None if op in found else next(reads, None)
                if tensor is None:
                    found[op] = None
                    trail.pop()
                elif tensor in writers:
                    trail.append((writers[tensor], iter(graph.reads[writers[tensor]])))
        return list(found)


class RandomOrder:
    """At each step any op that is ready, all alike."""

    def order(self, graph: Graph, seed: int) -> list[int]:
        """Return an order drawn with ``seed``."""
        draw = random.Random(seed).random  # its sequence is the same in every version of Python
        space = Space(graph)
        state, found = space.start, []
        while state.ready:
            found.append(state.ready[int(draw() * len(state.ready))])
            state = space.then(state, found[-1])
        return found


class Greedy:
    """At each step the ready op that leaves the least in memory.

    Of equals it is the one that writes least, then the first.
    """

    def order(self, graph: Graph, _seed: int) -> list[int]:
        """Return the ops as they are chosen."""
        space = Space(graph)
        state, found = space.start, []
        while state.ready:
            found.append(_least(space, state))
            state = space.then(state, found[-1])
        return found


class BeamSearch:
    """Greedy with a memory: after each op, the ``width`` sets of ops of the lowest peak are kept.

    Args:
        width: of the beam; at least 1.
    """

    def __init__(self, width: int) -> None:
        self.width = width

    def order(self, graph: Graph, _seed: int) -> list[int]:
        """Return the order of the lowest peak that is left at the end."""
        return beam_search(Space(graph), self.width)


class _Path(NamedTuple):
    """How a set of ops was reached."""

    peak: int
    state: State
    trail: Trail


def beam_search(space: Space, width: int) -> list[int]:
    """Return the order that a beam of ``width`` sets of ops ends in.

    Sets are preferred by the peak on the way to them, then by what they leave in memory. Of
    several ways to one set the one of the lowest peak is kept.
    """
    beam = [_Path(space.start.memory, space.start, None)]
    for _ in space.graph.ops:
        reached: dict[int, tuple[int, int, _Path, int]] = {}
        for path in beam:
            for op in path.state.ready:
                done = path.state.done | 1 << op
                peak = max(path.peak, space.running(path.state, op))
                if done not in reached or peak < reached[done][0]:
                    memory = path.state.memory + space.change(path.state, op)
                    reached[done] = (peak, memory, path, op)
        kept = sorted(reached.values(), key=lambda r: r[:2])[:width]
        beam = [
            _Path(peak, space.then(path.state, op), (op, path.trail)) for peak, _, path, op in kept
        ]
    return unrolled(beam[0].trail)


def unrolled(trail: Trail) -> list[int]:
    """Return the ops of a trail, first op first."""
    found: list[int] = []
    while trail is not None:
        op, trail = trail
        found.append(op)
    return found[::-1]


def _least(space: Space, state: State) -> int:
    return min(state.ready, key=lambda op: (space.change(state, op), space.adds[op], op))
