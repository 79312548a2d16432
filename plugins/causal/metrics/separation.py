"""Scores of disentanglement without a regressor: MIG, SAP and IRS.

Continuous values are put into 20 bins of equal width, as disentanglement_lib does; of a value
that takes 20 levels at most, each level is a bin.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from harness_plugins.causal.interface import Lacking
from harness_plugins.causal.metrics.samples import correlate, unit, variables

__all__ = ["irs", "mig", "sap"]

Arrays = Mapping[str, np.ndarray]
Floats = NDArray[np.float64]
Bins = NDArray[np.intp]

_BINS = 20
_SAME = 1e-9  # of the range: levels that are closer differ by rounding
_QUANTILE = 99  # percent; of IRS
_LEAST = 200  # test pairs: mutual information over 20 x 20 bins means nothing with fewer


def mig() -> Callable[[Arrays, Arrays], float]:
    """Make the metric: the gap between the two latents that tell most of a variable.

    Chen et al., Isolating sources of disentanglement, NeurIPS 2018: the mean over true variables
    of (I_(1) − I_(2)) / H, mutual information and entropy of the bins. The callable takes
    ``truth`` and ``codes``, and raises ``Lacking`` on a constant true variable or fewer than
    200 test pairs.
    """
    return _mig


def sap() -> Callable[[Arrays, Arrays], float]:
    """Make the metric: the gap between the two best R² of a linear fit from one latent.

    Kumar et al., Variational inference of disentangled latent concepts, ICLR 2018. R² is the
    squared correlation on all test pairs. The callable takes and raises what :func:`mig` does.
    """
    return _sap


def irs() -> Callable[[Arrays, Arrays], float]:
    """Make the metric: how little a latent moves while one variable is held.

    Suter et al., Robustly disentangled causal mechanisms, ICML 2019, as in disentanglement_lib:
    Σ_i w_i max_j (1 − mean_v q.99 |z_i − E[z_i | g_j = v]| / max |z_i − E z_i|), w_i in
    proportion to the largest deviation of latent i; a code that is constant has 0. The callable
    takes and raises what :func:`mig` does.
    """
    return _irs


def _mig(truth: Arrays, codes: Arrays) -> float:
    z, found = _pair(truth, codes)
    latents = [_discrete(column) for column in found.T]
    gaps = []
    for variable in map(_discrete, z.T):
        shared = [_shared(variable, latent) for latent in latents]
        gaps.append(_gap(np.array(shared)) / _entropy(np.bincount(variable)))
    return float(np.clip(np.mean(gaps), 0.0, 1.0))


def _sap(truth: Arrays, codes: Arrays) -> float:
    squared = np.square(correlate(*_pair(truth, codes)))
    return float(np.mean([_gap(row) for row in squared]))


def _irs(truth: Arrays, codes: Arrays) -> float:
    z, found = _pair(truth, codes)
    scaled = unit(found)
    live = scaled.any(axis=0)
    if not live.any():
        return 0.0
    scaled, furthest = scaled[:, live], np.ptp(found[:, live], axis=0)
    furthest = furthest / np.ptp(scaled, axis=0)  # largest deviation, in units of the code
    robust = np.zeros(len(furthest))
    for variable in map(_discrete, z.T):
        moved = [_deviation(scaled[variable == v]) for v in np.unique(variable)]
        robust = np.maximum(robust, 1 - np.mean(moved, axis=0))
    return float(np.clip(np.average(robust, weights=furthest / furthest.max()), 0.0, 1.0))


def _pair(truth: Arrays, codes: Arrays) -> tuple[Floats, Floats]:
    z = variables(truth["z"])
    if len(z) < _LEAST:
        raise Lacking(f"{len(z)} test pairs are too few: at least {_LEAST} are needed")
    return z, np.asarray(codes["before"], np.float64)


def _deviation(rows: Floats) -> Floats:
    moved: Floats = np.percentile(np.abs(rows - rows.mean(axis=0)), _QUANTILE, axis=0)
    return moved


def _discrete(values: Floats) -> Bins:
    """Return the bin of each value."""
    place: Bins
    levels, place = np.unique(values, return_inverse=True)
    steps = np.diff(levels) > _SAME * (levels[-1] - levels[0])
    if steps.sum() < _BINS:
        return np.asarray(np.concatenate([[0], np.cumsum(steps)])[place], np.intp)
    width = (levels[-1] - levels[0]) / _BINS
    return np.asarray(np.minimum((values - levels[0]) / width, _BINS - 1), np.intp)


def _entropy(counts: np.ndarray) -> float:
    p = counts[counts > 0] / counts.sum()
    return float(-(p * np.log(p)).sum())


def _shared(one: Bins, other: Bins) -> float:
    """Return the mutual information of two discrete variables in nats."""
    counts = np.bincount(one * _BINS + other, minlength=_BINS**2).reshape(-1, _BINS)
    apart = _entropy(counts.sum(axis=0)) + _entropy(counts.sum(axis=1))
    return apart - _entropy(counts.ravel())


def _gap(values: Floats) -> float:
    """Return the largest minus the second; what is not there counts 0."""
    first, second = np.sort(np.append(values, 0.0))[[-1, -2]]
    return float(first - second)
