"""Linear structural causal models under a rotation, a diffeomorphism, or a broken assumption.

z_j = Σ_i A_ij B_ij z_i + ε_j with ε ~ N(0, 1), B = ±(1 + 0.3 N(0, 1)) and a random order of the
variables. A pair is z and what z would have been under a perfect intervention on one variable,
z̃_I ~ N(0, 1), or on none, each with probability 1 / (d + 1); the others keep their noise
(Brehmer et al. 2022, section 5.4). The noise after is the noise that gives z̃ without an
intervention: ε̃_j = z̃_j − Σ_i A_ij B_ij z̃_i, which is ε_j of all but the target.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.spec import Item
from harness_plugins.causal.datasets.graphs import edges_of, order_of
from harness_plugins.causal.datasets.mixing import Diffeomorphism, Rotation, rotation
from harness_plugins.causal.datasets.recipes import (
    SPLITS,
    check_whole,
    item_of,
    sizes_of,
    stream,
)
from harness_plugins.causal.datasets.stress import BREAKS, Stress, stress_of

__all__ = [
    "index_linear",
    "index_nonlinear",
    "index_stressed",
    "load",
    "mixing_of",
    "weights_of",
]

Floats = NDArray[np.float64]
Arrays = dict[str, np.ndarray]

_LAYERS = 3


def index_linear(**params: Any) -> Sequence[Item]:
    """Return the problems of ``linear_son``; their edges are in ``meta``.

    Args:
        **params: ``d`` true variables 2…16; ``problems``; ``train``, ``val``, ``test`` pairs of
            each; ``budget`` examples that a model may train on; ``seed``.

    Raises:
        ValueError: a parameter is out of its range; one line.
    """
    return _problems(params, "rotation")


def index_nonlinear(**params: Any) -> Sequence[Item]:
    """Return the problems of ``nonlinear``: those of ``linear_son`` seen through another map.

    Args:
        **params: as for :func:`index_linear`.

    Raises:
        ValueError: a parameter is out of its range; one line.
    """
    return _problems(params, "diffeomorphism")


def index_stressed(by: str, dial: float, **params: Any) -> Sequence[Item]:
    """Return the problems of ``linear_son`` with one assumption broken.

    At dial 0 they are those of ``linear_son``, by digest too, so what was learned on those is
    not learned again.

    Args:
        by: what breaks it, of :data:`harness_plugins.causal.datasets.stress.BREAKS`.
        dial: how far, 0…1.
        **params: as for :func:`index_linear`.

    Raises:
        ValueError: a parameter is out of its range; one line.
    """
    if by not in BREAKS:
        raise ValueError(f"by is {by!r}; expected one of {', '.join(BREAKS)}")
    if isinstance(dial, bool) or not isinstance(dial, (int, float)) or not 0 <= dial <= 1:
        raise ValueError(f"dial is {dial!r}; expected a number in 0…1")
    stress = {"by": by, "dial": float(dial)} if dial else None
    return _problems(params, "rotation", stress)


def load(item: Item, _data: bytes | None) -> Arrays:
    """Return a problem: the arrays that :mod:`harness_plugins.causal.stages` describes."""
    recipe = item.meta
    stress = stress_of(recipe["stress"])
    mixing = mixing_of(recipe)
    parts = []
    for number, split in enumerate(SPLITS):
        n = int(recipe[split])
        part = _latents(recipe, split, n, stress if split != "test" else stress.at_test())
        x = np.stack([mixing.mix(part["z"][:, half]).T for half in range(2)], axis=1)
        if stress.noise:
            errors = _stream(recipe, f"{split} observation noise").standard_normal(x.shape)
            x += stress.noise * _deviations(recipe, mixing) * errors
        parts.append(
            {
                "x": x.astype(np.float32),
                "z": part["z"].transpose(2, 1, 0),
                "noise": part["noise"].transpose(2, 1, 0),
                "targets": part["targets"].T,
                "split": np.full(n, number, np.uint8),
            }
        )
    whole = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    adjacency = np.zeros((recipe["d"], recipe["d"]), np.uint8)
    for i, j in recipe["edges"]:
        adjacency[i, j] = 1
    return whole | {"adjacency": adjacency, "budget": np.array(recipe["budget"], np.int64)}


def weights_of(recipe: Mapping[str, Any]) -> Floats:
    """Return A · B, (d, d): [i, j] is how much of z_i is in z_j."""
    d = recipe["d"]
    draw = _stream(recipe, "weights")
    signs = np.where(draw.random((d, d)) < 0.5, -1.0, 1.0)
    sizes = 1 + 0.3 * draw.standard_normal((d, d))
    weights = np.zeros((d, d))
    for i, j in recipe["edges"]:
        weights[i, j] = signs[i, j] * sizes[i, j]
    return weights


def mixing_of(recipe: Mapping[str, Any]) -> Rotation | Diffeomorphism:
    """Return the map from variables to observations."""
    d = recipe["d"]
    draw = _stream(recipe, "mixing")
    first = rotation(draw.standard_normal((d, d)))
    if recipe["mixing"] == "rotation":
        return Rotation(first)
    others = tuple(rotation(draw.standard_normal((d, d))) for _ in range(_LAYERS))
    return Diffeomorphism(_norms(_responses(recipe)), (first, *others))


def _problems(
    params: Mapping[str, Any], mixing: str, stress: Mapping[str, Any] | None = None
) -> list[Item]:
    known = {"d", "problems", "train", "val", "test", "budget", "seed"}
    if set(params) != known:
        wrong = ", ".join(sorted(set(params) ^ known))
        raise ValueError(f"expected the parameters {', '.join(sorted(known))}; see {wrong}")
    d = check_whole("d", params["d"], 2, 16)
    seed = check_whole("seed", params["seed"], 0, 2**32 - 1)
    recipe = {
        "scm": "linear",
        "mixing": mixing,
        "stress": stress,
        "d": d,
        "seed": seed,
        "budget": check_whole("budget", params["budget"], 1, 2**62),
        **sizes_of(params["train"], params["val"], params["test"]),
    }
    items = []
    for problem in range(check_whole("problems", params["problems"], 1, 1000)):
        edges = [list(edge) for edge in edges_of(d, seed, problem)]
        items.append(
            item_of(f"problem-{problem}", {**recipe, "problem": problem}, {"edges": edges})
        )
    return items


def _stream(recipe: Mapping[str, Any], purpose: str) -> np.random.Generator:
    return stream(recipe["seed"], recipe["problem"], f"linear {recipe['d']} {purpose}")


def _latents(recipe: Mapping[str, Any], split: str, n: int, stress: Stress) -> Arrays:
    """Return ``z`` and ``noise`` (d, 2, n) and ``targets`` (d, n) of one split."""
    d = recipe["d"]

    def draw(purpose: str) -> np.random.Generator:
        return _stream(recipe, f"{split} {purpose}")

    noise = draw("noise").standard_normal((n, d)).T
    noise = stress.confounded(noise, draw("confounder"))
    unrelated = draw("unrelated noise").standard_normal((n, d)).T
    again = draw("unrelated").random(n) < stress.unpaired
    held = np.where(again, unrelated, noise)
    targets = stress.targets(d, n, draw, _stream(recipe, "untouched"))
    values = draw("values").standard_normal((n, d)).T
    weights = weights_of(recipe)
    z, after = np.zeros((d, n)), np.zeros((d, n))
    noise_after = held.copy()
    for j in order_of(d, recipe["seed"], recipe["problem"]):
        parents = np.flatnonzero(weights[:, j])
        z[j] = noise[j] + _weighted(z, weights, parents, j)
        cause = _weighted(after, weights, parents, j)
        done = stress.imperfect * cause + values[j]
        after[j] = np.where(targets[j], done, held[j] + cause)
        noise_after[j] = np.where(targets[j], done - cause, held[j])
    return {
        "z": np.stack([z, after], axis=1),
        "noise": np.stack([noise, noise_after], axis=1),
        "targets": targets,
    }


def _weighted(z: Floats, weights: Floats, parents: NDArray[np.intp], j: int) -> Floats:
    total = np.zeros(z.shape[1])
    for i in parents:
        total += weights[i, j] * z[i]
    return total


def _responses(recipe: Mapping[str, Any]) -> Floats:
    """Return T of z = T ε, (d, d)."""
    d = recipe["d"]
    weights, rows = weights_of(recipe), np.zeros((d, d))
    for j in order_of(d, recipe["seed"], recipe["problem"]):
        rows[j, j] = 1
        for i in np.flatnonzero(weights[:, j]):
            rows[j] += weights[i, j] * rows[i]
    return rows


def _deviations(recipe: Mapping[str, Any], mixing: Rotation | Diffeomorphism) -> Floats:
    """Return the standard deviations (d,) of observations x = Q T ε before an intervention."""
    return _norms(mixing.mix(_responses(recipe)))


def _norms(rows: Floats) -> Floats:
    return np.array([math.sqrt(math.fsum(v * v for v in row)) for row in rows.tolist()])
