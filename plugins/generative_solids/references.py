"""Models that learn nothing, or nothing but by heart: the ends of the scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import trimesh

from harness_plugins.generative.solids.artifact import Solids
from harness_plugins.generative.solids.primitives import build
from harness_plugins.generative.solids.scenes import every_scene, parse

__all__ = ["AnyPrimitive", "PrimitiveBuilder", "Retrieval", "distance"]


class PrimitiveBuilder:
    """Reads the prompt and builds what it says; it knows the grammar, and has nothing to learn."""

    def shape(self, prompt: str, seed: int, _point: object) -> trimesh.Trimesh:
        """Return the scene of the prompt, its sizes drawn from the seed.

        Raises:
            ValueError: the prompt is not of the grammar.
        """
        return build(parse(prompt), np.random.default_rng(seed))


class AnyPrimitive:
    """Builds any scene there is, whatever the prompt: what chance achieves."""

    def shape(self, _prompt: str, seed: int, _point: object) -> trimesh.Trimesh:
        """Return a scene drawn from the seed."""
        rng = np.random.default_rng(seed)
        scenes = every_scene()
        return build(scenes[rng.integers(len(scenes))], rng)


class Retrieval:
    """Returns the mesh of the training prompt that is nearest to what is asked.

    Nearest is what the fewest insertions, deletions and replacements of words lead to; among
    equals the seed decides.
    """

    def fit(self, data: Mapping[str, Any], _seed: int, _budget: int) -> bytes:
        """Keep the first mesh of each training prompt."""
        solids: Solids = data["solids"]
        first = {prompt: n for n, prompt in reversed(list(enumerate(solids.prompts)))}
        numbers = sorted(first.values())
        kept = Solids(
            prompts=tuple(solids.prompts[n] for n in numbers),
            seeds=tuple(solids.seeds[n] for n in numbers),
            meshes=tuple(solids.meshes[n] for n in numbers),
        )
        return Solids.dump(kept)

    def load(self, checkpoint: bytes) -> None:
        """Remember the meshes."""
        self._solids = Solids.load(checkpoint)
        self._words = [prompt.split() for prompt in self._solids.prompts]

    def shape(self, prompt: str, seed: int, _point: object) -> trimesh.Trimesh:
        """Return the mesh of the nearest training prompt."""
        asked = prompt.split()
        away = np.array([distance(asked, words) for words in self._words])
        nearest = np.flatnonzero(away == away.min())
        return self._solids.meshes[np.random.default_rng(seed).choice(nearest)]


def distance(a: Sequence[str], b: Sequence[str]) -> int:
    """Return the edit distance of two sequences (Levenshtein 1966)."""
    row = list(range(len(b) + 1))
    for i, left in enumerate(a, 1):
        before, row = row, [i]
        for j, right in enumerate(b, 1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (left != right)))
    return row[-1]
