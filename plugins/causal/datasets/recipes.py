"""What every generated problem shares: its recipe, its random streams, its form.

An item's digest is that of its recipe, which says all that its content follows from; nothing is
drawn to make it. ``VERSION`` is raised when equal recipes come to give other arrays, and golden
digests in the tests tell when they do. Numbers are made of operations that IEEE 754 rounds one
way only (no BLAS, no vectorised exp), so that a problem is the same on every machine.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from harness.spec import Item

if TYPE_CHECKING:
    import numpy as np

__all__ = ["SPLITS", "VERSION", "check_whole", "item_of", "sizes_of", "stream"]

VERSION = 1
SPLITS = ("train", "val", "test")


def item_of(name: str, recipe: Mapping[str, Any], facts: Mapping[str, Any] | None = None) -> Item:
    """Return the item of a recipe.

    Args:
        name: the item's id.
        recipe: all that its content follows from.
        facts: what follows from the recipe and is worth knowing without generating it.
    """
    known = {"version": VERSION, **recipe}
    text = json.dumps(known, sort_keys=True, separators=(",", ":"))
    return Item(name, hashlib.sha256(text.encode()).hexdigest(), "", {**known, **(facts or {})})


def check_whole(name: str, value: object, low: int, high: int = 10_000_000) -> int:
    """Return a parameter that has to be a whole number in low…high.

    Raises:
        ValueError: it is not; one line.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ValueError(f"{name} is {value!r}; expected a whole number in {low}…{high}")
    return value


def sizes_of(train: object, val: object, test: object) -> dict[str, int]:
    """Return the numbers of pairs by the name of the split, checked."""
    given = dict(zip(SPLITS, (train, val, test), strict=True))
    return {name: check_whole(name, value, 1) for name, value in given.items()}


def stream(seed: int, problem: int, purpose: str) -> np.random.Generator:
    """Return a generator of its own for each purpose.

    Drawing more for one purpose changes nothing of another, so a problem with fewer training
    pairs has the first of them, and the same test pairs.
    """
    import numpy as np

    word = int.from_bytes(hashlib.sha256(purpose.encode()).digest()[:8], "little")
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence((seed, problem, word))))
