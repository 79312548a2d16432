"""What a model says of observations: counterfactuals, interventions, samples, densities."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from harness_plugins.causal.interface import Lacking
from harness_plugins.causal.metrics.samples import WrongFormError

__all__ = ["counterfactual_error", "interventional_error", "nll", "sample_distance"]

Arrays = Mapping[str, np.ndarray]
Floats = NDArray[np.float64]

_CHUNK = 256  # images that are held as floats at once
_MOST = 500  # rows of each target; the distances of all pairs of rows are taken
_LEAST = 20
_SAMPLES = 1000


def counterfactual_error() -> Callable[[Arrays, Arrays, np.ndarray], float]:
    """Make the metric: squared error of counterfactual observations, relative to their variance.

    Σ|x̃ − x̂|² / Σ|x̃ − mean x̃|² over the test pairs with one target that a latent matches, where
    x̃ is the true observation after and x̂ what the model makes of x: 0 is exact, 1 is no better
    than the mean. The callable takes ``test``, ``interventions`` and ``intervened``; it raises
    ``Lacking`` where all observations after are equal.
    """
    return _counterfactual_error


def interventional_error() -> Callable[[Arrays, Arrays, np.ndarray], float]:
    """Make the metric: distance of the distributions of observations after an intervention.

    For each target the energy distance between the model's observations and the true ones,
    2 E|X − Y| − E|X − X'| − E|Y − Y'|, relative to 2 E|X − Y| (Székely and Rizzo, J. Stat.
    Plan. Inference 2013, the coefficient H): 0 where the distributions are equal, 1 at most. The
    mean over targets with at least 20 test pairs, of which at most 500 are used. Expectations
    leave out pairs of equal rows, so that nothing is gained by being right row by row, nor lost.
    The callable takes ``test``, ``interventions`` and ``intervened``; it raises ``Lacking``
    where no target has 20 test pairs.
    """
    return _interventional_error


def sample_distance() -> Callable[[Arrays, np.ndarray], float]:
    """Make the metric: the same distance between samples of the model and test observations.

    Of at most 1,000 each. The callable takes ``test`` and ``samples``.
    """
    return _sample_distance


def nll() -> Callable[[Floats], float]:
    """Make the metric: mean negative log density of a test pair, in nats.

    How a model bounds or estimates its density (samples of importance weighting) is its own.
    """
    return _nll


def _counterfactual_error(test: Arrays, done: Arrays, intervened: np.ndarray) -> float:
    true = test["x_after"][done["index"]]
    mean = true.mean(axis=0, dtype=np.float64)
    wrong = total = 0.0
    for start in range(0, len(true), _CHUNK):
        rows = slice(start, start + _CHUNK)
        part = true[rows].astype(np.float64)
        wrong += float(np.square(part - intervened[rows]).sum())
        total += float(np.square(part - mean).sum())
    if total == 0:
        raise Lacking("the observations after interventions are all equal")
    return wrong / total


def _interventional_error(test: Arrays, done: Arrays, intervened: np.ndarray) -> float:
    found = []
    for target in np.unique(done["target"]):
        rows = np.flatnonzero(done["target"] == target)[:_MOST]
        if rows.size >= _LEAST:
            true = _flat(test["x_after"][done["index"][rows]])
            found.append(_energy(_flat(intervened[rows]), true, paired=True))
    if not found:
        raise Lacking(f"no target has {_LEAST} test pairs")
    return float(np.mean(found))


def _sample_distance(test: Arrays, samples: np.ndarray) -> float:
    if samples.shape[1:] != test["x"].shape[1:]:
        raise WrongFormError(
            f"sample() gave shape {samples.shape}, expected (n, {test['x'].shape[1:]})"
        )
    if min(len(samples), len(test["x"])) < _LEAST:
        raise Lacking(f"fewer than {_LEAST} samples or test pairs")
    return _energy(_flat(samples[:_SAMPLES]), _flat(test["x"][:_SAMPLES]), paired=False)


def _nll(log_prob: Floats) -> float:
    return float(-np.mean(log_prob))


def _flat(x: np.ndarray) -> Floats:
    return x.reshape(len(x), -1).astype(np.float64)


def _energy(x: Floats, y: Floats, *, paired: bool) -> float:
    """Return the energy distance relative to twice the mean distance, (n, m) and (n', m).

    Unbiased over rows that are independent, but for the clipping at 0. Rows i of both may depend
    on each other where they are ``paired``.
    """
    centre = y.mean(axis=0)
    x, y = x - centre, y - centre
    between = _distance(x, y, apart=paired)
    if not between > 0:
        return between  # 0, or NaN where the model gave something that is not finite
    within = _distance(x, x, apart=True) + _distance(y, y, apart=True)
    return float(np.clip(1 - within / (2 * between), 0.0, 1.0))


def _distance(x: Floats, y: Floats, *, apart: bool) -> float:
    """Return the mean distance of rows; without those of equal places where ``apart``."""
    squares = np.square(x).sum(axis=1)[:, None] + np.square(y).sum(axis=1) - 2 * (x @ y.T)
    distances = np.sqrt(np.maximum(squares, 0.0))
    if not apart:
        return float(distances.mean())
    np.fill_diagonal(distances, 0.0)
    return float(distances.sum() / (distances.size - len(x)))
