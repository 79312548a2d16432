"""The least peak there is: dynamic programming over sets of ops, under a budget of memory.

Sets of ops that have run are the states (see :mod:`harness_ordering.space`); each is visited
once, however many orders lead to it. The search asks, for a budget just below the best peak it
knows, whether some order stays within it: yes gives a better order, no proves that the known one
is best. (Ahn et al., "Ordering Chaos", MLSys 2020, do the same with budgets that are guessed.)

What keeps the number of states small is a rule that is safe. Take a chain of ops, each reading
what the one before wrote, that can run now within the budget, and that leaves no more memory held
than there is now, though each shorter part of it leaves more. Then nothing is lost by running it
at once. For take any order from here that stays within the budget, and move the chain to its
front. Before any other op, the ops that have run are those that had, and the rest of the chain.
That rest frees more than it adds, for it makes up for the part before it; and it frees no less
where more ops have run, since fewer tensors have readers to come. So no op needs more memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from harness_ordering.graph import Graph, peak_of
from harness_ordering.schedulers import DepthFirst, Greedy, Trail, beam_search, unrolled
from harness_ordering.space import Space, State

__all__ = ["Exact", "Found", "TooManyStatesError", "least_peak"]

_CHAIN = 12  # ops that are tried as one
_WIDTH = 16  # of the beam that gives the first order


class TooManyStatesError(Exception):
    """The graph has more states than the search may look at."""

    outcome = "skipped"


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found.

    Attributes:
        order: the best order known.
        peak: its peak, bytes.
        bound: bytes that every order needs; equal to ``peak`` where that is proven to be best.
        states: how many states were looked at.
    """

    order: tuple[int, ...]
    peak: int
    bound: int
    states: int

    @property
    def proven(self) -> bool:
        """Whether no order has a lower peak."""
        return self.peak == self.bound


class Exact:
    """An order of the least peak there is, or none.

    Args:
        states: how many states are looked at for one budget.
    """

    def __init__(self, states: int) -> None:
        self.states = states

    def order(self, graph: Graph, _seed: int) -> list[int]:
        """Return an order that is proven to be best.

        Raises:
            TooManyStatesError: nothing is proven within the allowed number of states.
        """
        found = least_peak(graph, self.states)
        if not found.proven:
            raise TooManyStatesError(
                f"more than {self.states} states: no proof that a peak of {found.peak / 2**20:.2f}"
                f" MiB is the least; at least {found.bound / 2**20:.2f} MiB are needed"
            )
        return list(found.order)


def least_peak(graph: Graph, states: int, orders: Sequence[Sequence[int]] = ()) -> Found:
    """Search for an order of the least peak.

    Args:
        graph: whose ops.
        states: how many states are looked at for one budget.
        orders: orders that are known already.
    """
    space = Space(graph)
    known = [*orders, DepthFirst().order(graph, 0), Greedy().order(graph, 0)]
    known.append(beam_search(space, _WIDTH))
    best = min(known, key=lambda order: peak_of(graph, order))
    peak, bound, looked = peak_of(graph, best), space.lower_bound(), 0
    while peak > bound:
        answer = _Search(space, peak - 1, states)
        better = answer.run()
        looked += answer.looked
        if better is not None:
            best, peak = better, peak_of(graph, better)
        elif answer.looked > states:
            break
        else:
            bound = peak
    return Found(tuple(best), peak, bound, looked)


class _Search:
    """Whether some order stays within a budget: depth first, each state once.

    Args:
        budget: bytes.
        limit: how many states are looked at.
    """

    def __init__(self, space: Space, budget: int, limit: int) -> None:
        self.space, self.budget, self.limit = space, budget, limit
        self.looked = 0

    def run(self) -> list[int] | None:
        """Return an order within the budget, or None; that is a proof up to the limit only."""
        stack = [self._settled(self.space.start, None)]
        seen = {stack[0][0].done}
        while stack:
            state, trail = stack.pop()
            if not state.ready:
                return unrolled(trail)
            self.looked += 1
            if self.looked > self.limit:
                return None
            reached = []
            for op in state.ready:
                if self.space.running(state, op) <= self.budget:
                    new = self._settled(self.space.then(state, op), (op, trail))
                    if new[0].done not in seen:
                        seen.add(new[0].done)
                        reached.append(new)
            stack += sorted(reached, key=lambda r: -r[0].memory)  # what holds least goes first
        return None

    def _settled(self, state: State, trail: Trail) -> tuple[State, Trail]:
        """Run all that is safe to run."""
        ops = list(state.ready)
        while ops:
            chain = self._safe(state, ops.pop(0))
            if chain:
                for op in chain:
                    state, trail = self.space.then(state, op), (op, trail)
                ops = list(state.ready)
        return state, trail

    def _safe(self, state: State, op: int) -> list[int]:
        """Return a chain of ops from ``op`` on that is safe to run; none if none is seen."""
        space, here, chain = self.space, state, []
        for _ in range(_CHAIN):
            if space.running(here, op) > self.budget:
                return []
            chain.append(op)
            new = space.enabled(here, op)
            here = State(here.done | 1 << op, here.memory + space.change(here, op), ())
            if here.memory <= state.memory:
                return chain
            if not new:
                return []
            op = min(new, key=partial(space.change, here))
        return []
