"""Random directed acyclic graphs with at least one edge, drawn with the standard library alone."""

from __future__ import annotations

from random import Random

__all__ = ["edges_of", "order_of"]


def edges_of(d: int, seed: int, problem: int) -> list[tuple[int, int]]:
    """Return the edges (i, j), from i to j, of a problem's graph over d variables.

    Each pair that the order allows is an edge with probability ½, as in the toy graphs of
    Brehmer et al. (2022, section 5.4); a graph without edges is drawn again, because on it
    every method that separates the noises looks perfect.
    """
    rng = Random(f"edges {seed} {problem}")
    order = order_of(d, seed, problem)
    pairs = [(order[a], order[b]) for b in range(d) for a in range(b)]
    while True:
        edges = [pair for pair in pairs if rng.random() < 0.5]
        if edges or not pairs:
            return sorted(edges)


def order_of(d: int, seed: int, problem: int) -> list[int]:
    """Return the variables in a topological order, uniform among all orders."""
    rng = Random(f"order {seed} {problem}")
    keys = [rng.random() for _ in range(d)]
    return sorted(range(d), key=keys.__getitem__)
