"""How much each latent matters when a true variable is predicted from all of them.

The weights of DCI (Eastwood and Williams, ICLR 2018). Values differ between packages mostly by
what is taken as weight: here it is always the impurity that a latent's splits remove.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness import spec
from harness_plugins.causal.metrics.samples import halves, unit, variables

__all__ = ["weigh", "weigh_reference"]

Floats = NDArray[np.float64]
Importance = dict[str, dict[str, Floats]]

_LEAST = 200  # test pairs: what trees learn from fewer than 100 is mostly noise
_MOST = 10_000  # rows that a regressor learns from
_TREES, _DEPTH, _RATE = 100, 3, 0.1
_BINS = 1023


def weigh(_model: None, inputs: Mapping[str, Any], _point: Any, _seed: int) -> Importance:
    """Weigh latents by the gain of LightGBM's trees, 100 of depth 3 at rate 0.1.

    Latents are given as 1,023 bins of their ranks in half A, so increasing maps of them change
    nothing; with fewer bins other latents seem to matter within a bin. One thread,
    deterministic.

    Leaves ``importance``: ``weights`` (k, d), each column summing to 1 (or all 0 where nothing
    was gained), learned on at most 10,000 rows of half A; ``r2`` (d,) on half B, at most 1.

    Raises:
        Lacking: there are fewer than 200 test pairs, or a true variable is constant.
        Unavailable: LightGBM is not installed.
    """
    try:
        import lightgbm
    except (ImportError, OSError) as error:  # OSError: its OpenMP library is missing
        raise spec.Unavailable(
            f"lightgbm cannot be imported ({error})", "pip install 'harness[causal]'"
        ) from None
    settings = {
        "objective": "regression",
        "max_depth": _DEPTH,
        "num_leaves": 2**_DEPTH,
        "learning_rate": _RATE,
        "max_bin": _BINS + 1,
        "min_data_in_bin": 1,
        "min_data_in_leaf": 1,  # as in scikit-learn
        "feature_pre_filter": False,
        "deterministic": True,
        "force_col_wise": True,
        "num_threads": 1,
        "seed": 0,
        "verbosity": -1,
    }
    x, y, new_x, new_y = _parts(inputs)
    x, new_x = _binned(x, new_x)
    data = lightgbm.Dataset(x, params=settings, free_raw_data=False).construct()
    weights, r2 = np.zeros((x.shape[1], y.shape[1])), np.zeros(y.shape[1])
    for j in range(y.shape[1]):
        mean, deviation = y[:, j].mean(), y[:, j].std() or 1.0
        data.set_label((y[:, j] - mean) / deviation)
        trees = lightgbm.train(settings, data, num_boost_round=_TREES)
        weights[:, j] = _shares(trees.feature_importance(importance_type="gain"))
        guess = np.asarray(trees.predict(new_x, num_threads=1)) * deviation + mean
        r2[j] = _explained(new_y[:, j], guess)
    return {"importance": {"weights": weights, "r2": r2}}


def weigh_reference(
    _model: None, inputs: Mapping[str, Any], _point: Any, _seed: int
) -> Importance:
    """Weigh latents by scikit-learn's gradient boosting with its defaults, as ILCM's authors do.

    100 trees of depth 3 at rate 0.1, ``random_state=0``. Latents are centred and scaled first,
    since scikit-learn takes them as float32. Leaves ``reference_importance``, of the form that
    :func:`weigh` describes.

    Raises:
        Lacking: there are fewer than 200 test pairs, or a true variable is constant.
        Unavailable: scikit-learn is not installed.
    """
    try:
        from sklearn.ensemble import GradientBoostingRegressor
    except ImportError as error:
        raise spec.Unavailable(
            f"scikit-learn cannot be imported ({error})", "pip install 'harness[causal]'"
        ) from None
    codes = {"before": unit(np.asarray(inputs["codes"]["before"], np.float64))}
    x, y, new_x, new_y = _parts({**inputs, "codes": codes})
    weights, r2 = np.zeros((x.shape[1], y.shape[1])), np.zeros(y.shape[1])
    for j in range(y.shape[1]):
        trees = GradientBoostingRegressor(
            n_estimators=_TREES, max_depth=_DEPTH, learning_rate=_RATE, random_state=0
        ).fit(x, y[:, j])
        weights[:, j] = _shares(trees.feature_importances_)
        r2[j] = _explained(new_y[:, j], trees.predict(new_x))
    return {"reference_importance": {"weights": weights, "r2": r2}}


def _parts(inputs: Mapping[str, Any]) -> tuple[Floats, Floats, Floats, Floats]:
    """Return codes and variables to learn from, and those to be judged by."""
    z = variables(inputs["truth"]["z"])
    codes = np.asarray(inputs["codes"]["before"], np.float64)
    learn, judge = halves(len(z), _LEAST)
    learn = learn[:_MOST]
    return codes[learn], z[learn], codes[judge], z[judge]


def _binned(x: Floats, new: Floats) -> tuple[Floats, Floats]:
    """Return both as bins 0…1022 of equally many rows of x; equal values share a bin."""
    ordered = np.sort(x, axis=0)
    found = []
    for values in (x, new):
        places = [
            np.searchsorted(column, value) + np.searchsorted(column, value, side="right")
            for column, value in zip(ordered.T, values.T, strict=True)
        ]
        middle = np.stack(places, axis=1) * (_BINS / (2 * len(x)))
        found.append(np.clip(np.floor(middle), 0, _BINS - 1))
    return found[0], found[1]


def _shares(gains: np.ndarray) -> Floats:
    gains = np.asarray(gains, np.float64)
    total = gains.sum()
    return gains / total if total > 0 else np.zeros_like(gains)


def _explained(true: Floats, guess: Floats) -> float:
    total = np.square(true - true.mean()).sum()
    return float(1 - np.square(true - guess).sum() / total) if total > 0 else 0.0
