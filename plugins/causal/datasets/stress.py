"""Ways to break one assumption of learning from pairs, each with a dial from 0 (kept) to 1.

========== ==================================================================================
confounder ε_j ← √(1 − dial) ε_j + √dial c with one hidden c ~ N(0, 1): the noises of all
           variables correlate by dial
imperfect  z̃_I = dial · Σ_i A_iI B_iI z̃_i + N(0, 1): the parents keep dial of their influence
incomplete the first ⌊dial · d + ½⌋ variables of a random list are never intervened on
multiple   with probability dial a pair with a target gets further ones: k in 2…d in all,
           each number and each set equally likely
noise      x ← x + dial · sd(x) · N(0, 1), coordinate by coordinate, before and after anew
unpaired   with probability dial what comes after is of another draw: all noise is drawn anew
========== ==================================================================================

What breaks the pairs (imperfect, incomplete, multiple, unpaired) does so in training and
validation. The test pairs are those of dial 0, so scores along the dial are of the same pairs and
tell what was learned, not what can be asked. Noise and confounder are in the test pairs too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["BREAKS", "Stress", "stress_of"]

BREAKS = ("confounder", "imperfect", "incomplete", "multiple", "noise", "unpaired")

Floats = NDArray[np.float64]
Draw = Callable[[str], np.random.Generator]


@dataclass(frozen=True, slots=True)
class Stress:
    """The dials, one of which at most is not 0."""

    confounder: float = 0.0
    imperfect: float = 0.0
    incomplete: float = 0.0
    multiple: float = 0.0
    noise: float = 0.0
    unpaired: float = 0.0

    def at_test(self) -> Stress:
        """Return what is broken in the test pairs."""
        return replace(self, imperfect=0.0, incomplete=0.0, multiple=0.0, unpaired=0.0)

    def confounded(self, noise: Floats, draw: np.random.Generator) -> Floats:
        """Return the noise (d, n) with its hidden common cause."""
        cause = draw.standard_normal(noise.shape[1])
        return np.sqrt(1 - self.confounder) * noise + np.sqrt(self.confounder) * cause

    def targets(
        self, d: int, n: int, draw: Draw, untouched: np.random.Generator
    ) -> NDArray[np.bool_]:
        """Return what is intervened on, (d, n)."""
        left_out = np.argsort(untouched.random(d))[: int(self.incomplete * d + 0.5)]
        allowed = np.array([-1, *np.setdiff1d(np.arange(d), left_out)])
        label = allowed[(draw("targets").random(n) * len(allowed)).astype(np.int64)]
        targets = np.arange(d)[:, None] == label
        rank = np.argsort(np.argsort(draw("further ranks").random((n, d)) + ~targets.T, axis=1))
        count = 2 + (draw("further count").random(n) * (d - 1)).astype(np.int64)
        more = (draw("further").random(n) < self.multiple) & (label >= 0)
        return np.where(more, count > rank.T, targets)


def stress_of(recipe: Mapping[str, Any] | None) -> Stress:
    """Return the dials of a recipe's ``stress``: ``{"by", "dial"}``, or None."""
    return Stress() if recipe is None else Stress(**{recipe["by"]: recipe["dial"]})
