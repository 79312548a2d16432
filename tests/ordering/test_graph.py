"""Graphs and the memory of an order, by hand and against the definition."""

from __future__ import annotations

import json

import pytest
from harness_ordering.graph import Graph, InvalidOrderError, memory_of, peak_of
from hypothesis import given
from hypothesis import strategies as st


def diamond(**changes) -> Graph:
    """Return: input (10 bytes) → stem (4) → left (8) and right (2) → join (1), the output.

    ::

        tensor 0 ──stem──► 1 ──left───► 2 ──┐
                           └───right──► 3 ──┴─join──► 4
    """
    parts = {
        "name": "diamond",
        "ops": ("stem", "left", "right", "join"),
        "reads": ((0,), (1,), (1,), (2, 3)),
        "writes": ((1,), (2,), (3,), (4,)),
        "sizes": (10, 4, 8, 2, 1),
        "outputs": (4,),
    }
    return Graph(**(parts | changes))


# stem: input and stem's output; then left (or right) beside what it reads; then the second
# branch beside both; then join beside what it reads
@pytest.mark.parametrize(
    ("order", "memory"),
    [
        ([0, 1, 2, 3], [10 + 4, 4 + 8, 4 + 8 + 2, 8 + 2 + 1]),
        ([0, 2, 1, 3], [10 + 4, 4 + 2, 4 + 2 + 8, 2 + 8 + 1]),
    ],
)
def test_the_memory_of_a_diamond_is_what_a_hand_computes(order, memory):
    assert memory_of(diamond(), order) == memory
    assert peak_of(diamond(), order) == 14


def test_an_output_stays_to_the_end():
    # tensor 1 is an output too: it is still there while join runs
    assert memory_of(diamond(outputs=(1, 4)), [0, 1, 2, 3]) == [14, 12, 14, 4 + 8 + 2 + 1]


def test_an_input_is_there_from_the_start_and_until_its_last_reader():
    # a second input (5 bytes) that only join reads
    graph = diamond(reads=((0,), (1,), (1,), (2, 3, 5)), sizes=(10, 4, 8, 2, 1, 5))
    assert memory_of(graph, [0, 1, 2, 3]) == [19, 17, 19, 16]
    unread = diamond(sizes=(10, 4, 8, 2, 1, 5))
    assert memory_of(unread, [0, 1, 2, 3]) == memory_of(diamond(), [0, 1, 2, 3])
    kept = diamond(sizes=(10, 4, 8, 2, 1, 5), outputs=(4, 5))
    assert memory_of(kept, [0, 1, 2, 3]) == [m + 5 for m in memory_of(diamond(), [0, 1, 2, 3])]


def test_what_nobody_reads_counts_while_its_op_runs():
    dead = diamond(writes=((1, 5), (2,), (3,), (4,)), sizes=(10, 4, 8, 2, 1, 7))
    assert memory_of(dead, [0, 1, 2, 3]) == [14 + 7, 12, 14, 11]


def test_a_branch_that_is_finished_first_needs_less():
    # two branches that each swell and shrink: 1 → 9 → 1
    graph = Graph(
        name="two branches",
        ops=("swell", "shrink", "swell", "shrink", "join"),
        reads=((0,), (1,), (0,), (3,), (2, 4)),
        writes=((1,), (2,), (3,), (4,), (5,)),
        sizes=(1, 9, 1, 9, 1, 1),
        outputs=(5,),
    )
    assert peak_of(graph, [0, 1, 2, 3, 4]) == 11  # 1 + 1 + 9, and 9 + 1 + 1
    assert peak_of(graph, [0, 2, 1, 3, 4]) == 19  # both are swollen


@given(data=st.data())
def test_memory_is_what_the_definition_says(tools, data):
    graph = data.draw(tools.graphs())
    order = data.draw(st.sampled_from(list(tools.orders(graph))))
    assert memory_of(graph, order) == tools.memory_by_definition(graph, order)


@given(data=st.data())
def test_a_sequence_is_refused_exactly_where_it_is_no_order(tools, data):
    graph = data.draw(tools.graphs(4))
    count = len(graph.ops)
    order = tuple(data.draw(st.lists(st.integers(-1, count), min_size=count, max_size=count)))
    if order in set(tools.orders(graph)):
        assert peak_of(graph, order) >= 0
    else:
        with pytest.raises(InvalidOrderError):
            peak_of(graph, order)


def test_a_refusal_says_what_is_wrong():
    with pytest.raises(InvalidOrderError, match=r"op 1 \(left\) of diamond comes before op 0,"):
        peak_of(diamond(), [1, 0, 2, 3])
    for order in ([0, 1, 2], [0, 1, 2, 2], [0, 1, 2, 3, 3], []):
        with pytest.raises(InvalidOrderError, match="not a permutation of the 4 ops of diamond"):
            peak_of(diamond(), order)
    assert InvalidOrderError.outcome == "invalid"


@given(data=st.data())
def test_a_graph_comes_back_from_its_text(tools, data):
    graph = data.draw(tools.graphs())
    text = graph.to_json(inputs="none")
    assert Graph.from_json(text) == graph
    assert json.loads(text)["about"] == {"inputs": "none"}


@pytest.mark.parametrize(
    "changes",
    [
        {"ops": ()},
        {"ops": ("stem",)},
        {"sizes": (10, 4, 8, 2)},
        {"sizes": (10, 4, 8, 2, -1)},
        {"outputs": (9,)},
        {"reads": ((2,), (1,), (1,), (2, 3))},  # before it is written
        {"writes": ((1,), (2,), (2,), (4,))},  # twice
    ],
)
def test_parts_that_do_not_fit_are_no_graph(changes):
    with pytest.raises(ValueError, match="diamond: "):
        diamond(**changes)


@pytest.mark.parametrize("text", ["{}", '{"name": "x", "ops": [[0]]}', "[]", "no JSON"])
def test_other_text_is_no_graph(text):
    with pytest.raises(ValueError):
        Graph.from_json(text)
