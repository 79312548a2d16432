"""Noises to begin with, where pictures depend on a variable by a long winding curve of codes.

Autoencoders lay out what moves much, like an arm, as a curve that winds through all codes. From
random weights a model of k latents then spends two of them on this one variable, whatever the
restart, and two other variables share what is left.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import shortest_path
from scipy.spatial import KDTree

from harness_plugins.causal_baselines.linear import fast_ica

__all__ = ["unrolled"]

Floats = NDArray[np.float64]

_NEIGHBOURS = (6, 8, 12)  # many may join windings of the curve, few tear it
_PIECES = 100  # of a curve, each as many points
_POWERS = 100
_MOVED = 0.1  # standard deviations: less is no change


def unrolled(codes: Floats, latents: int, seed: int) -> Floats:
    """Return guesses at the noises of pairs, (n, 2, k), each with mean 0 and deviation 1.

    The first coordinate is the longest of the manifold: that of Isomap (Tenenbaum et al. 2000).
    The others are the principal components of what a curve along it leaves of the codes. Of 6, 8
    and 12 neighbours those are taken with which all coordinates leave least. An intervention
    changes one noise of a pair, so the changes of these coordinates are sparse in the right
    basis: it is found by FastICA of the changes.

    Args:
        codes: (n, 2, p), before and after.
        latents: k, at most p + 1.
        seed: of where FastICA begins.
    """
    flat = codes.reshape(-1, codes.shape[-1])
    charts = [_chart(flat, latents, neighbours) for neighbours in _NEIGHBOURS]
    chart = _standard(min(charts, key=lambda each: each[1])[0])
    change = np.diff(chart.reshape(*codes.shape[:2], latents), axis=1)[:, 0]
    change = change[np.abs(change).max(axis=1) > _MOVED]
    if len(change) > latents:
        values, vectors = np.linalg.eigh(change.T @ change / len(change))
        whiten = vectors / np.sqrt(np.maximum(values, 1e-12))
        turn, _, _ = fast_ica(change @ whiten, seed)
        chart = _standard(chart @ whiten @ turn.T)
    return chart.reshape(*codes.shape[:2], latents)


def _chart(points: Floats, latents: int, neighbours: int) -> tuple[Floats, float]:
    """Return coordinates (n, k) of points (n, p), and the sum of squares that they leave."""
    along = _longest(points, neighbours)
    residual = points - _curve(along, points)
    residual = residual - residual.mean(axis=0)
    _, lengths, axes = np.linalg.svd(residual, full_matrices=False)
    others = residual @ axes[: latents - 1].T
    left = float((lengths[latents - 1 :] ** 2).sum())
    return np.concatenate([along[:, None], others], axis=1), left


def _longest(points: Floats, neighbours: int) -> Floats:
    """Return the first coordinate of Isomap for points (n, p), (n,)."""
    n = len(points)
    near, who = KDTree(points).query(points, k=min(neighbours + 1, n))
    rows = np.repeat(np.arange(n), near.shape[1])
    # a distance of 0 would be no edge
    graph = csr_array((np.maximum(near.ravel(), 1e-12), (rows, who.ravel())), shape=(n, n))
    squares = shortest_path(graph, directed=False) ** 2
    finite = np.isfinite(squares)
    squares[~finite] = squares[finite].max()
    gram = squares.mean(axis=0) + squares.mean(axis=1)[:, None] - squares - squares.mean()
    found = squares[squares[0].argmax()]
    found = found - found.mean()
    for _ in range(_POWERS):
        found = gram @ found
        found /= np.linalg.norm(found) + 1e-300
    return found


def _curve(along: Floats, points: Floats) -> Floats:
    """Return points (n, p) smoothed along a coordinate (n,): lines between means of pieces."""
    count = min(_PIECES, max(1, len(points) // 4))
    pieces = np.array_split(np.argsort(along, kind="stable"), count)
    at = np.array([along[piece].mean() for piece in pieces])
    means = np.array([points[piece].mean(axis=0) for piece in pieces])
    return np.stack([np.interp(along, at, column) for column in means.T], axis=1)


def _standard(values: Floats) -> Floats:
    spread = values.std(axis=0)
    return (values - values.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
