"""Schedulers and the exact search, against all orders of small graphs."""

from __future__ import annotations

import pytest
from harness_ordering.datasets import drawn
from harness_ordering.exact import Exact, TooManyStatesError, least_peak
from harness_ordering.graph import memory_of, peak_of
from harness_ordering.interface import Scheduler
from harness_ordering.schedulers import (
    BeamSearch,
    DepthFirst,
    Greedy,
    ProgramOrder,
    RandomOrder,
)
from harness_ordering.space import Space
from hypothesis import given, settings
from hypothesis import strategies as st

SCHEDULERS = [
    ProgramOrder(),
    DepthFirst(),
    RandomOrder(),
    Greedy(),
    BeamSearch(2),
    Exact(10_000),
]
ALL = pytest.mark.parametrize("scheduler", SCHEDULERS, ids=lambda s: type(s).__name__)


@ALL
@settings(max_examples=40)
@given(data=st.data())
def test_every_scheduler_gives_an_order(tools, scheduler, data):
    graph, seed = data.draw(tools.graphs(8)), data.draw(st.integers(0, 2**63 - 1))
    order = scheduler.order(graph, seed)
    peak_of(graph, order)  # raises where it is none
    assert scheduler.order(graph, seed) == order
    assert isinstance(scheduler, Scheduler)


@settings(max_examples=150)
@given(data=st.data())
def test_the_exact_peak_is_the_least_of_all_orders(tools, data):
    graph = data.draw(tools.graphs())
    found = least_peak(graph, 10_000)
    least = min(max(tools.memory_by_definition(graph, o)) for o in tools.orders(graph))
    assert found.peak == least == peak_of(graph, found.order)
    assert found.proven


@settings(max_examples=150)
@given(data=st.data())
def test_the_exact_search_starts_from_any_order(tools, data):
    """With the worst order to start from and no lower bound, the search does all the work."""
    graph = data.draw(tools.graphs())
    from harness_ordering import exact

    space = Space(graph)
    worst = max(tools.orders(graph), key=lambda o: peak_of(graph, o))
    peak = peak_of(graph, worst)
    while (better := exact._Search(space, peak - 1, 10_000).run()) is not None:
        assert peak_of(graph, better) < peak
        peak = peak_of(graph, better)
    assert peak == min(peak_of(graph, order) for order in tools.orders(graph))


@given(data=st.data())
def test_the_lower_bound_is_one(tools, data):
    graph = data.draw(tools.graphs())
    least = min(peak_of(graph, order) for order in tools.orders(graph))
    assert Space(graph).lower_bound() <= least


@given(data=st.data())
def test_states_know_the_memory(tools, data):
    graph = data.draw(tools.graphs())
    order = data.draw(st.sampled_from(list(tools.orders(graph))))
    space = Space(graph)
    state, seen = space.start, []
    for op in order:
        assert op in state.ready
        seen.append(space.running(state, op))
        change, before = space.change(state, op), state.memory
        state = space.then(state, op)
        assert state.memory == before + change
    assert seen == memory_of(graph, order)
    assert not state.ready


@pytest.mark.parametrize("number", range(12))
def test_dynamic_programming_without_any_short_cut_agrees(number):
    # a beam that drops nothing looks at every set of ops: the textbook's dynamic programming
    graph = drawn(number, 14, 7)
    plain = peak_of(graph, BeamSearch(10**9).order(graph, 0))
    assert least_peak(graph, 10_000).peak == plain
    assert plain <= peak_of(graph, BeamSearch(2).order(graph, 0))


def test_a_random_order_is_its_seeds():
    graph = drawn(0, 20, 1)
    orders = [tuple(RandomOrder().order(graph, seed)) for seed in range(20)]
    assert len(set(orders)) > 10
    # fixed by the standard library's promise that random() keeps its sequence
    assert orders[0][:6] == (2, 9, 0, 6, 3, 10)


def test_a_search_that_may_look_at_too_little_is_skipped_and_says_so():
    graph = next(g for g in (drawn(n, 60, 3) for n in range(50)) if not least_peak(g, 2).proven)
    with pytest.raises(TooManyStatesError, match=r"more than 2 states: no proof .* MiB is the"):
        Exact(2).order(graph, 0)
    assert TooManyStatesError.outcome == "skipped"
    little, much = least_peak(graph, 2), least_peak(graph, 100_000)
    assert little.bound <= much.bound <= much.peak <= little.peak
    assert much.proven


def test_a_search_begins_with_the_orders_it_is_told():
    graph = drawn(3, 14, 7)
    best = least_peak(graph, 10_000)
    again = least_peak(graph, 10_000, [best.order])
    assert again.peak == best.peak
