"""A robot arm that presses buttons which light lights: four variables, pictures of 64 × 64.

After CausalCircuit (Brehmer et al. 2022, section 5.3), with its variables in its order (red,
green, blue, arm) and its graph (arm → red, green, blue; green, blue → red), but with mechanisms
of our own, all of whose parts are exact, and rendered here. With u ~ U(0, 1) for each variable:

- arm z_A = u: the position of the hand on its arc, 0 left … 1 right;
- lights z = 1 / (1 + (1 − v) / v · √((1 − u) / u)): brightness 0 … 1 with median v and density 0
  at both ends;
- v_G = 0.15 + 0.7 b_G, v_B = 0.15 + 0.7 b_B, and
  v_R = 0.15 + 0.7 [1 − (1 − b_R) (1 − 0.8 z_G) (1 − 0.8 z_B)];
- b = max(0, 1 − ((z_A − p) / 0.22)²)²: how far the hand presses the button at p.

A perfect intervention on one variable sets it to a draw of U(0, 1); it hits none or one of the
four, each with probability 1/5. The noise after is the u that gives what is seen without an
intervention.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.spec import Item
from harness_plugins.causal.datasets.recipes import (
    SPLITS,
    check_whole,
    item_of,
    sizes_of,
    stream,
)
from harness_plugins.causal.datasets.render import BUTTONS, render

__all__ = ["EDGES", "VARIABLES", "index", "load"]

VARIABLES = ("red", "green", "blue", "arm")
EDGES = ((3, 0), (3, 1), (3, 2), (1, 0), (2, 0))

Floats = NDArray[np.float64]
Arrays = dict[str, np.ndarray]

_RED, _GREEN, _BLUE, _ARM = range(4)
_WIDTH = 0.22


def index(
    problems: int, train: int, val: int, test: int, budget: int, seed: int
) -> Sequence[Item]:
    """Return the problems: all of one model, each with samples of its own.

    Args:
        problems: how many.
        train: training pairs; ``val`` and ``test`` likewise; a pair is 24 KiB of pictures.
        budget: examples that a model may train on.
        seed: of everything.

    Raises:
        ValueError: a parameter is out of its range; one line.
    """
    recipe = {
        "scm": "circuit",
        "seed": check_whole("seed", seed, 0, 2**32 - 1),
        "budget": check_whole("budget", budget, 1, 2**62),
        **sizes_of(train, val, test),
    }
    edges = {"edges": [list(edge) for edge in EDGES], "variables": list(VARIABLES)}
    return [
        item_of(f"problem-{problem}", {**recipe, "problem": problem}, edges)
        for problem in range(check_whole("problems", problems, 1, 1000))
    ]


def load(item: Item, _data: bytes | None) -> Arrays:
    """Return a problem: the arrays that :mod:`harness_plugins.causal.stages` describes."""
    parts = [_split(item.meta, number, split) for number, split in enumerate(SPLITS)]
    whole = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    adjacency = np.zeros((4, 4), np.uint8)
    for i, j in EDGES:
        adjacency[i, j] = 1
    return whole | {
        "adjacency": adjacency,
        "budget": np.array(item.meta["budget"], np.int64),
    }


def _split(recipe: Mapping[str, Any], number: int, split: str) -> Arrays:
    n = int(recipe[split])

    def draw(purpose: str) -> np.random.Generator:
        return stream(recipe["seed"], recipe["problem"], f"circuit {split} {purpose}")

    noise = 1 - draw("noise").random((n, 4))  # in (0, 1]
    values = 1 - draw("values").random((n, 4))
    label = (draw("targets").random(n) * 5).astype(np.int64) - 1
    targets = label[:, None] == np.arange(4)
    before, _ = _solve(noise, values, np.zeros_like(targets))
    after, noise_after = _solve(noise, values, targets)
    z = np.stack([before, after], axis=1)
    return {
        "x": render(z[..., _ARM].ravel(), z[..., :_ARM].reshape(-1, 3)).reshape(n, 2, 64, 64, 3),
        "z": z,
        "noise": np.stack([noise, noise_after], axis=1),
        "targets": targets,
        "split": np.full(n, number, np.uint8),
    }


def _solve(noise: Floats, values: Floats, targets: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Return the variables, and the noise that gives them without an intervention, (n, 4)."""
    z, found = np.empty_like(noise), noise.copy()
    z[:, _ARM] = found[:, _ARM] = np.where(targets[:, _ARM], values[:, _ARM], noise[:, _ARM])
    for j, median in _MEDIANS:
        odds = _odds(median(z))
        lit = 1 / (1 + np.sqrt(_odds(noise[:, j])) * odds)
        z[:, j] = np.where(targets[:, j], values[:, j], lit)
        would = 1 / (1 + (_odds(values[:, j]) / odds) ** 2)
        found[:, j] = np.where(targets[:, j], would, noise[:, j])
    return z, found


def _odds(p: Floats) -> Floats:
    return (1 - p) / p


def _pressed(z: Floats, light: int) -> Floats:
    return np.maximum(0, 1 - ((z[:, _ARM] - BUTTONS[light]) / _WIDTH) ** 2) ** 2


def _median_of_red(z: Floats) -> Floats:
    dark = (1 - _pressed(z, _RED)) * (1 - 0.8 * z[:, _GREEN]) * (1 - 0.8 * z[:, _BLUE])
    return 0.15 + 0.7 * (1 - dark)


_MEDIANS: tuple[tuple[int, Callable[[Floats], Floats]], ...] = (
    (_GREEN, lambda z: 0.15 + 0.7 * _pressed(z, _GREEN)),
    (_BLUE, lambda z: 0.15 + 0.7 * _pressed(z, _BLUE)),
    (_RED, _median_of_red),
)
