"""The dataset ``coloured_primitives``: prompts of a small grammar, and solids to learn from.

Some compositions of two primitives are held out: nobody learns from them, and a third of what is
asked are such. What is held out and what is asked for follow from the seed alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.spec import Item
from harness_plugins.generative.prompts import blocks
from harness_plugins.generative.solids.scenes import Scene, every_scene

__all__ = ["CATEGORIES", "HELD_OUT", "Primitives", "index"]

HELD_OUT = "held out"
#: What is asked for in turn: one primitive, two as in the training data, two as never there.
CATEGORIES = ("single", "seen", HELD_OUT)
_SPLIT, _ASKED, _TRAINING = 1, 2, 3  # purposes of generators


@dataclass(frozen=True)
class Primitives:
    """Where solids to learn from come from.

    Args:
        count: how many solids.
        size: pixels of a view's side.
        heldout: share of the compositions of two that is not among them.
        budget: solids that training may look at, repetitions counted.
        seed: of all of them.
    """

    count: int
    size: int
    heldout: float
    budget: int
    seed: int

    def training(self) -> dict[str, Any]:
        """Return ``prompts``, a mesh of each (``meshes``), its six ``views`` and ``budget``.

        All compositions that are not held out come in turn; views are uint8 (n, 6, size, size, 3).
        """
        from harness_plugins.generative.solids.primitives import build
        from harness_plugins.generative.solids.rasteriser import render

        rng = np.random.default_rng([self.seed, _TRAINING])
        single, seen, _ = _split(self.heldout, self.seed)
        known = single + seen
        order = np.concatenate(
            [rng.permutation(len(known)) for _ in range(-(-self.count // len(known)))]
        )
        scenes = [known[number] for number in order[: self.count]]
        meshes = [build(scene, rng) for scene in scenes]
        return {
            "prompts": tuple(map(str, scenes)),
            "meshes": tuple(meshes),
            "views": np.stack([render(mesh, self.size) for mesh in meshes]),
            "budget": self.budget,
        }


def index(
    *,
    count: int,
    block: int,
    size: int,
    train: int,
    heldout: float,
    budget: int,
    seed: int,
) -> Sequence[Item]:
    """Return blocks of prompts, ``CATEGORIES`` in turn.

    A larger ``count`` keeps the prompts that were there.

    Args:
        count: how many prompts.
        block: how many of them are an item.
        size: pixels of a view's side, of what is rendered and of what is learned from.
        train: solids to learn from.
        heldout: share of the compositions of two that training has not.
        budget: solids that training may look at, repetitions counted.
        seed: of everything.

    Raises:
        ValueError: a number is out of its range; one line.
    """
    least = {"count": (count, 1), "size": (size, 8), "train": (train, 1), "budget": (budget, 0)}
    for name, (value, lowest) in (least | {"seed": (seed, 0)}).items():
        if isinstance(value, bool) or not isinstance(value, int) or value < lowest:
            raise ValueError(f"{name} must be a whole number from {lowest} on, got {value!r}")
    if not 0 < heldout < 1:
        raise ValueError(f"heldout must lie between 0 and 1, got {heldout!r}")
    groups = _split(heldout, seed)
    asked = np.random.default_rng([seed, _ASKED])
    orders = [asked.permutation(len(group)) for group in groups]
    kinds = [number % len(CATEGORIES) for number in range(count)]
    scenes = []
    for number, kind in enumerate(kinds):
        turn = number // len(CATEGORIES)
        scenes.append(groups[kind][orders[kind][turn % len(orders[kind])]])
    params = {
        "count": train,
        "size": size,
        "heldout": heldout,
        "budget": budget,
        "seed": seed,
    }
    return blocks(
        list(map(str, scenes)),
        seed=seed,
        block=block,
        size=(size, size),
        categories=[CATEGORIES[kind] for kind in kinds],
        source={"ref": f"{__name__}:Primitives", "params": params},
    )


def _split(heldout: float, seed: int) -> tuple[list[Scene], list[Scene], list[Scene]]:
    """Return scenes of one primitive, those of two to learn from, and those held out."""
    every = every_scene()
    single = [scene for scene in every if scene.second is None]
    pairs = [scene for scene in every if scene.second is not None]
    order = np.random.default_rng([seed, _SPLIT]).permutation(len(pairs))
    out = min(len(pairs) - 1, max(1, round(heldout * len(pairs))))
    return single, [pairs[n] for n in order[out:]], [pairs[n] for n in order[:out]]
