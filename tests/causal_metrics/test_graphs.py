"""Structural Hamming distances and the AUROC of edges, after alignment by the variables."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness_plugins.causal.interface import Lacking

FULL = np.triu(np.ones((3, 3)), 1)
REVERSED_EDGE = np.array([[0, 0, 1], [1, 0, 1], [0, 0, 0.0]])
ONE_MISSING = np.array([[0, 1, 1], [0, 0, 0], [0, 0, 0.0]])
SEEDS = st.integers(0, 2**16)


def graph(d, rng, density=0.5):
    return np.triu(rng.random((d, d)) < density, 1).astype(np.uint8)


def matched(latent, k=None):
    latent = np.asarray(latent)
    return {"latent": latent, "correlation": np.zeros((len(latent), k or len(latent)))}


def given_graphs(true, found, latent=None, k=None):
    return {
        "truth": {"adjacency": np.asarray(true, np.uint8)},
        "adjacency": np.asarray(found, np.float64),
        "match": matched(np.arange(len(true)) if latent is None else latent, k),
    }


def distances(score, *args):
    return [score(name, **given_graphs(*args)) for name in ("shd", "shd_reversal_2")]


@pytest.mark.parametrize(
    ("found", "once", "twice"),
    [
        (FULL, 0, 0),
        (np.zeros((3, 3)), 3, 3),
        (FULL.T, 3, 6),
        (REVERSED_EDGE, 1, 2),
        (ONE_MISSING, 1, 1),
    ],
)
def test_distances_from_the_full_graph_of_three(score, found, once, twice) -> None:
    assert distances(score, FULL, found) == [once, twice]


def test_the_example_of_the_structural_intervention_distance(score) -> None:
    true = np.zeros((5, 5))  # Peters and Bühlmann, figure 1: X1, X2 and their effects Y1 … Y3
    true[0, 1] = 1
    true[:2, 2:] = 1
    extra, turned = true.copy(), true.copy()
    extra[2, 3] = 1
    turned[0, 1], turned[1, 0] = 0, 1
    assert distances(score, true, extra) == [1, 1]
    assert distances(score, true, turned) == [1, 2]  # as the paper counts, and as cdt does


def test_a_strength_of_one_half_is_no_edge(score) -> None:
    assert distances(score, FULL, FULL * 0.5) == [3, 3]
    assert distances(score, FULL, FULL * 0.5000001) == [0, 0]


@given(seed=SEEDS, d=st.integers(1, 6))
def test_distances_follow_their_definitions(score, seed, d) -> None:
    rng = np.random.default_rng(seed)
    true, found = graph(d, rng), (rng.random((d, d)) < 0.4).astype(np.uint8)
    found[np.diag_indices(d)] = 1  # loops are no edges
    pairs = [(i, j) for i in range(d) for j in range(i)]
    once = sum((true[i, j], true[j, i]) != (found[i, j], found[j, i]) for i, j in pairs)
    off = ~np.eye(d, dtype=bool)
    assert distances(score, true, found) == [once, (true != found)[off].sum()]


@given(seed=SEEDS, d=st.integers(2, 6), extra=st.integers(0, 2))
def test_the_order_of_latents_changes_nothing(score, seed, d, extra) -> None:
    rng = np.random.default_rng(seed)
    true, strength = graph(d, rng), rng.random((d + extra, d + extra))
    true[0, 1] = 1
    order = rng.permutation(d + extra)
    place = np.argsort(order)  # where each latent went
    moved = strength[np.ix_(order, order)]
    for name in ("shd", "shd_reversal_2", "graph_auroc"):
        one = score(name, **given_graphs(true, strength, np.arange(d), d + extra))
        two = score(name, **given_graphs(true, moved, place[:d], d + extra))
        assert one == pytest.approx(two, abs=1e-12)


def test_edges_of_variables_without_a_latent_are_missing(score) -> None:
    found = FULL[:2, :2]
    assert distances(score, FULL, found, [0, 1, -1], 2) == [2, 2]
    assert score("graph_auroc", **given_graphs(FULL, found, [0, 1, -1], 2)) == pytest.approx(
        (1 + 2 * 0.5) / 3
    )


def test_an_alignment_by_the_graph_would_hide_errors(score, bench, normal) -> None:
    z = normal(100, 2)  # the latents carry the variables in the other order than the edge says
    match = bench.make("match", truth={"z": z}, codes={"before": z[:, ::-1]})
    edge = np.array([[0, 1], [0, 0]])
    given = {"truth": {"adjacency": edge}, "adjacency": edge.astype(float), "match": match}
    assert score("shd", **given) == 1
    assert score("shd_reversal_2", **given) == 2


@given(seed=SEEDS, d=st.integers(2, 6))
def test_the_auroc_counts_pairs(score, seed, d) -> None:
    rng = np.random.default_rng(seed)
    true, strength = graph(d, rng), rng.integers(0, 4, size=(d, d)) / 4
    true[0, 1] = 1
    off = ~np.eye(d, dtype=bool)
    edges, absent = strength[off & (true > 0)], strength[off & (true == 0)]
    pairs = np.sign(edges[:, None] - absent[None]) / 2 + 0.5
    assert score("graph_auroc", **given_graphs(true, strength)) == pytest.approx(pairs.mean())


@given(seed=SEEDS)
def test_the_auroc_sees_the_order_of_strengths_only(score, seed) -> None:
    rng = np.random.default_rng(seed)
    true, strength = graph(4, rng) | FULL_EDGE, rng.random((4, 4))
    one = score("graph_auroc", **given_graphs(true, strength))
    assert score("graph_auroc", **given_graphs(true, strength**3 / 2)) == pytest.approx(one)
    assert score("graph_auroc", **given_graphs(true, 1 - strength)) == pytest.approx(1 - one)


FULL_EDGE = np.eye(4, k=3, dtype=np.uint8)


def test_a_graph_without_edges_has_no_auroc_but_a_distance(score) -> None:
    none = np.zeros((3, 3))
    with pytest.raises(Lacking, match="no edge"):
        score("graph_auroc", **given_graphs(none, FULL))
    assert distances(score, none, FULL) == [3, 3]
    assert distances(score, none, none) == [0, 0]
    with pytest.raises(Lacking, match="every edge"):
        score("graph_auroc", **given_graphs(1 - np.eye(2), np.eye(2)))
    with pytest.raises(Lacking, match="no edge"):
        score("graph_auroc", **given_graphs([[0]], [[0]]))
    assert distances(score, [[0]], [[0]]) == [0, 0]


def test_a_graph_of_another_size_is_invalid(score) -> None:
    for name in ("shd", "shd_reversal_2", "graph_auroc"):
        with pytest.raises(ValueError, match="there are 3 latents") as caught:
            score(name, **given_graphs(FULL, np.zeros((2, 2))))
        assert caught.value.outcome == "invalid"


def test_sixteen_variables_take_no_time(score) -> None:
    rng = np.random.default_rng(0)
    given = given_graphs(graph(16, rng), rng.random((16, 16)))
    start = time.thread_time()
    score("shd", **given)
    assert time.thread_time() - start < 0.01
