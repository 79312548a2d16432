"""Which latent stands for which true variable, and what a board draws by it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness_plugins.causal.metrics.samples import (
    WrongFormError,
    assign,
    correlate,
    halves,
    rank,
    unit,
    variables,
)

__all__ = ["aligned", "graphs", "heat", "match", "predict"]

Arrays = Mapping[str, np.ndarray]
Floats = NDArray[np.float64]

_LEAST = 20  # test pairs: with fewer, halves correlate by chance more than .25
_BINS = 20  # of the regressor from a single latent
_PER_BIN = 100
_ROOM = 0.25  # of a variable's range in half A: how far beyond it a line is followed


def match(
    _model: None, inputs: Mapping[str, Any], _point: Any, _seed: int
) -> dict[str, dict[str, np.ndarray]]:
    """Match latents with true variables by rank correlation in half A.

    Ranks make the matching, and all that rests on it, blind to monotone maps of a latent. The
    graph is never looked at: an alignment that minimised a distance of graphs would hide errors.

    Leaves ``match``: ``latent`` (d,) int64, the latent of each variable, −1 where there are
    fewer latents than variables or the latent is constant; ``correlation`` (d, k), the absolute
    rank correlations it was chosen by.

    Raises:
        Lacking: there are fewer than 20 test pairs.
    """
    z, codes = inputs["truth"]["z"], inputs["codes"]["before"]
    learn, _ = halves(len(z), _LEAST)
    found = correlate(rank(np.asarray(z, np.float64)[learn]), rank(codes[learn]))
    return {"match": {"latent": assign(found), "correlation": found}}


def predict(_model: None, inputs: Mapping[str, Any], _point: Any, _seed: int) -> dict[str, Floats]:
    """Predict each true variable from each single latent.

    The regressor is linear within each of up to 20 bins of the latent, which hold equally many
    rows (at least 100) of half A; it leaves the range of the variable there by a quarter at
    most. R² is that on half B; where it is negative, the latent says nothing and R² is 0.

    Leaves ``predictability`` (d, k) in 0…1.

    Raises:
        Lacking: there are fewer than 20 test pairs, or a true variable is constant.
    """
    z, codes = variables(inputs["truth"]["z"]), inputs["codes"]["before"]
    learn, judge = halves(len(z), _LEAST)
    around = z[judge] - z[judge].mean(axis=0)
    total = np.square(around).sum(axis=0)
    found = np.zeros((z.shape[1], codes.shape[1]))
    for latent, code in enumerate(unit(codes).T):
        guess = _piecewise(code[learn], z[learn], code[judge])
        wrong = np.square(z[judge] - guess).sum(axis=0)
        found[:, latent] = 1 - np.divide(wrong, total, out=np.ones_like(wrong), where=total > 0)
    return {"predictability": np.clip(found, 0.0, 1.0)}


def graphs(truth: Arrays, adjacency: Floats, match: Arrays) -> dict[str, Floats]:
    """Return the true graph and the recovered one, both over the true variables."""
    return {
        "true": np.asarray(truth["adjacency"], np.float64),
        "recovered": aligned(adjacency, match),
    }


def heat(predictability: Floats, match: Arrays) -> dict[str, Floats]:
    """Return R² with the latents in the order of the variables they match, then the others."""
    matched = match["latent"][match["latent"] >= 0]
    others = np.setdiff1d(np.arange(predictability.shape[1]), matched)
    return {"R²": predictability[:, np.concatenate([matched, others])]}


def aligned(adjacency: Floats, match: Arrays) -> Floats:
    """Return a graph over latents (k, k) as one over true variables (d, d), without a diagonal.

    A variable that no latent matches has no edges; latents that match none are left out.

    Raises:
        WrongFormError: the graph has not as many nodes as there are latents.
    """
    latent, k = match["latent"], match["correlation"].shape[1]
    if adjacency.shape != (k, k):
        raise WrongFormError(f"the graph has shape {adjacency.shape}, but there are {k} latents")
    known = np.flatnonzero(latent >= 0)
    found = np.zeros((latent.size, latent.size))
    found[np.ix_(known, known)] = adjacency[np.ix_(latent[known], latent[known])]
    np.fill_diagonal(found, 0)
    return found


def _piecewise(x: Floats, y: Floats, new: Floats) -> Floats:
    """Predict y (n, d) at ``new`` (m,) from x (n,): linear within bins of equally many rows."""
    bins = int(np.clip(len(x) // _PER_BIN, 1, _BINS))
    edges = np.unique(np.quantile(x, np.arange(1, bins) / bins))
    place, where = np.searchsorted(edges, x), np.searchsorted(edges, new)
    many = len(edges) + 1
    rows = np.maximum(np.bincount(place, minlength=many), 1)
    x_mean = np.bincount(place, x, many) / rows
    dx = x - x_mean[place]
    square = np.bincount(place, dx * dx, many)
    flat = square <= 1e-24 * rows
    guess = np.empty((len(new), y.shape[1]))
    for j, column in enumerate(y.T):
        mean = np.bincount(place, column, many) / rows
        product = np.bincount(place, dx * (column - mean[place]), many)
        slope = np.where(flat, 0.0, product / np.where(flat, 1.0, square))
        line = mean[where] + slope[where] * (new - x_mean[where])
        room = _ROOM * np.ptp(column)
        guess[:, j] = np.clip(line, column.min() - room, column.max() + room)
    return guess
