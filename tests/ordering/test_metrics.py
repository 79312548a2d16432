"""Scores of orders, the best peaks known, the savings, the panel."""

from __future__ import annotations

import numpy as np
import pytest
from harness_ordering import metrics
from harness_ordering.datasets import drawn
from harness_ordering.derived import peak_saved
from harness_ordering.exact import least_peak
from harness_ordering.graph import InvalidOrderError, memory_of, peak_of
from harness_ordering.panels import memory_over_run
from harness_ordering.stages import order, order_again, replay

from harness import Curve, Unavailable
from harness.stats import resample_indices


@pytest.fixture
def known(monkeypatch):
    """Return a function that says what is known of the best peak of a graph of 30 ops."""
    graph = drawn(1, 30, 5)
    best = least_peak(graph, 100_000)
    assert best.proven

    def say(**changes):
        record = {"peak": best.peak, "proven": True, "order": list(best.order)} | changes
        monkeypatch.setattr(metrics, "best_known", lambda: {graph.name: record})
        metrics._best.cache_clear()
        return graph, best

    yield say
    metrics._best.cache_clear()


def test_the_peak_is_in_mib():
    assert metrics.peak_mib()(np.array([3, 5, 1]) * 2**20) == 5.0
    assert metrics.peak_mib()(np.array([2**19])) == 0.5


def test_the_ratio_is_to_the_best_peak_known(known):
    graph, best = known()
    assert metrics.peak_ratio()(graph, np.array([best.peak])) == 1.0
    assert metrics.peak_ratio()(graph, np.array([1, best.peak * 3])) == 3.0


def test_an_order_is_optimal_where_its_peak_is_proven_to_be_the_least(known):
    graph, best = known()
    assert metrics.optimal()(graph, np.array([best.peak])) == 1.0
    assert metrics.optimal()(graph, np.array([best.peak + 1])) == 0.0
    with pytest.raises(InvalidOrderError, match="less than the proven least"):
        metrics.optimal()(graph, np.array([best.peak - 1]))


def test_nothing_is_optimal_where_nothing_is_proven(known):
    worse = list(range(30))
    graph = drawn(1, 30, 5)
    graph, best = known(peak=peak_of(graph, worse), order=worse, proven=False)
    assert best.peak < peak_of(graph, worse)
    assert metrics.optimal()(graph, np.array([peak_of(graph, worse)])) == 0.0
    assert metrics.peak_ratio()(graph, np.array([best.peak])) < 1  # a new best


def test_what_is_known_of_another_graph_of_the_name_is_not_taken(known):
    for changes in ({"peak": 17}, {"order": [0, 1]}, {"order": list(range(29, -1, -1))}):
        graph, best = known(**changes)
        with pytest.raises(Unavailable, match="no best peak is known of the graph drawn/30/5/1"):
            metrics.peak_ratio()(graph, np.array([best.peak]))


def test_small_graphs_are_solved_in_passing():
    graph = drawn(4, 12, 0)
    best = least_peak(graph, 10_000).peak
    assert metrics.peak_ratio()(graph, np.array([best * 2])) == 2.0
    with pytest.raises(Unavailable, match=r"harness_ordering\.best FOLDER drawn/21/0/4"):
        metrics.peak_ratio()(drawn(4, 21, 0), np.array([1]))


def test_the_geometric_mean_is_one():
    values = np.array([[1.0, 2.0, 4.0], [3.0, 3.0, 3.0]])
    np.testing.assert_allclose(metrics.geometric_mean(values), [2.0, 3.0], rtol=1e-14)
    assert metrics.geometric_mean(values[0]).shape == ()


def test_repeatable_means_equal():
    judge = metrics.order_repeatable()
    assert judge([1, 0], [1, 0]) == 1.0
    assert judge([1, 0], [0, 1]) == 0.0


# --- stages ----------------------------------------------------------------------------


class Says:
    def __init__(self, *said):
        self.said = said

    def order(self, graph, seed):
        return next(iter(self.said)) if len(self.said) == 1 else self.said[seed]


def test_a_stage_takes_what_counts_as_integers_and_leaves_plain_numbers():
    graph = drawn(0, 5, 0)
    for said in (range(5), np.arange(5), (0, 1, 2, 3, 4)):
        made = order(Says(said), {"graph": graph}, {}, 0)
        assert made == {"order": [0, 1, 2, 3, 4]}
        assert {type(op) for op in made["order"]} == {int}


@pytest.mark.parametrize("said", [None, 3, [0.0, 1.0, 2.0, 3.0, 4.0], [4, 3, 2, 1, 0], "01234"])
def test_what_is_no_order_is_invalid(said):
    with pytest.raises(InvalidOrderError):
        order(Says(said), {"graph": drawn(0, 5, 0)}, {}, 0)


def test_the_model_gets_the_seed_and_a_repetition_is_named_so():
    graph = drawn(0, 5, 0)
    model = Says([0, 1, 2, 3, 4], [0, 1, 3, 2, 4])
    peak_of(graph, model.said[1])
    assert order_again(model, {"graph": graph}, {}, 1) == {"order_again": [0, 1, 3, 2, 4]}


def test_a_replay_is_the_memory_of_the_order():
    graph = drawn(0, 9, 0)
    memory = replay(None, {"graph": graph, "order": list(range(9))}, {}, 0)["memory"]
    assert memory.dtype == np.int64
    assert memory.tolist() == memory_of(graph, range(9))


# --- panel and derived score -----------------------------------------------------------


@pytest.mark.parametrize("ops", [1, 7, 100, 101, 1234])
def test_a_series_goes_from_the_first_op_to_the_last_and_is_never_above_the_peak(ops):
    memory = np.random.default_rng(ops).integers(1, 2**30, ops)
    series = memory_over_run(memory)
    assert series.shape == (101,)
    assert (series[0], series[100]) == (memory[0] / 2**20, memory[-1] / 2**20)
    assert series.max() <= memory.max() / 2**20
    assert set(series) <= set(memory / 2**20)


def curve(entry, ratios, **changes):
    """Return an entry with these ratios (graphs,), or (seeds, graphs)."""
    runs = np.atleast_2d(np.asarray(ratios, np.float64))
    count = runs.shape[1]
    parts = {
        "entry": entry,
        "points": ({},),
        "items": tuple(f"g{n}" for n in range(count)),
        "scores": {"peak_ratio": runs.mean(axis=0)[None]},
        "by_seed": {"peak_ratio": runs[:, None]},
        "aggregate": {"peak_ratio": metrics.geometric_mean},
        "resamples": resample_indices(count, 500, seed=1),
        "seed_resamples": resample_indices(len(runs), 500, seed=2) if len(runs) > 1 else None,
    }
    return Curve(**(parts | changes))


def test_savings_are_of_the_geometric_mean_against_the_anchor():
    anchor, better = curve("a", [2.0, 4.0, 1.0, 8.0]), curve("b", [1.0, 2.0, 0.5, 4.0])
    first, second = peak_saved([anchor, better], "a")
    assert (first.entry, first.value, first.low, first.high) == ("a", 0.0, 0.0, 0.0)
    # half of it everywhere: 50 %, on every resample
    assert second.value == pytest.approx(50, abs=1e-12)
    np.testing.assert_allclose(second.replicates, 50, atol=1e-9)
    assert second.per_item == pytest.approx(dict.fromkeys(anchor.items, 50.0))


def test_savings_have_an_interval_over_graphs_and_seeds():
    anchor = curve("a", [2.0, 4.0, 1.0, 8.0, 3.0])
    runs = [[1.0, 3.9, 1.0, 4.0, 3.0], [1.5, 3.8, 1.0, 6.0, 2.5]]
    _, saved = peak_saved([anchor, curve("b", runs)], "a")
    ratio = np.mean(runs, axis=0) / [2.0, 4.0, 1.0, 8.0, 3.0]
    assert saved.value == pytest.approx(100 * (1 - np.exp(np.log(ratio).mean())), abs=1e-12)
    assert saved.low < saved.value < saved.high
    assert saved.replicates.shape == (500,)
    assert saved.details == {"worst graph": pytest.approx(100 * (1 - ratio.max()))}


@pytest.mark.parametrize(
    ("changes", "anchor", "refusal"),
    [
        ({}, None, "the suite names no anchor"),
        ({}, "gone", "the suite names no anchor"),
        ({"points": ({"w": 1}, {"w": 2})}, "a", "several operating points"),
        (
            {"scores": {"peak_ratio": np.array([[1.0, np.nan]])}},
            "a",
            "1 of 2 graphs have no order by b",
        ),
    ],
)
def test_savings_that_would_mislead_are_refused(changes, anchor, refusal):
    found = list(peak_saved([curve("a", [1, 2]), curve("b", [1, 2], **changes)], anchor))
    assert np.isnan(found[1].value)
    assert refusal in found[1].refusal
    assert found[1].replicates is None
