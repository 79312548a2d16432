"""What makes an editor that inverts cheaper: fewer tokens, or fewer steps, outside the object.

Kahatapitiya et al., Object-centric diffusion for efficient video editing, arXiv 2401.05735.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.cost import Component, NotMeasuredError
from harness.spec import Json
from harness_plugins.generative.interface import Array, Lacking, Point
from harness_plugins.generative_editing.sampling import Pace

__all__ = ["Paced", "frames_apart", "merging", "object_centric", "sampling"]

_LARGEST = 0.75  # share of tokens that are no destinations of merging


def merging(model: Any, _items: Any, ratio: float, object_first: float) -> Paced:
    """Return a model that merges tokens, those of the background before those of the object.

    Args:
        model: the base.
        ratio: share of all tokens that are merged into others, 0 … 0.75; 0 changes nothing.
        object_first: factor of a likeness where a token of the object would be merged, 0 … 1.
    """
    if not 0 <= ratio <= _LARGEST:
        raise ValueError(f"ratio must be 0 to {_LARGEST}, got {ratio!r}")
    pace = Pace(merged=ratio, object_first=_share(object_first, "object_first"))
    return _paced(model, pace, {"merged_tokens": ratio})


def sampling(model: Any, _items: Any, every: int) -> Paced:
    """Return a model that computes the background at each ``every``-th step only; 1 is all."""
    if isinstance(every, bool) or not isinstance(every, int) or every < 1:
        raise ValueError(f"every must be a whole number from 1 on, got {every!r}")
    return _paced(model, Pace(every=every), {"background_every": every})


def object_centric(
    model: Any, _items: Any, ratio: float, object_first: float, every: int
) -> Paced:
    """Return a model with both."""
    one, other = merging(model, None, ratio, object_first), sampling(model, None, every)
    told = {**one.told, **other.told}
    return _paced(model, replace(one.pace, every=every), told)


def frames_apart(model: Any, _items: Any) -> Paced:
    """Return a model whose pairs of frames know nothing of each other."""
    return _paced(model, Pace(apart=True), {"frames": "apart"})


def _paced(model: Any, pace: Pace, told: Mapping[str, Json]) -> Paced:
    if not hasattr(model, "invert") or not hasattr(model, "net"):
        raise NotMeasuredError("the model does not edit by inverting tokens")
    return Paced(model, pace, told)


def _share(value: float, name: str) -> float:
    if not 0 <= value <= 1:
        raise ValueError(f"{name} must be 0 to 1, got {value!r}")
    return value


class Paced:
    """A model at another pace; all else is the model's own.

    Args:
        model: the base.
        pace: what is left out.
        told: what is kept of it with the samples.
    """

    def __init__(self, model: Any, pace: Pace, told: Mapping[str, Json]) -> None:
        self.model, self.pace, self.told = model, pace, told

    def load(self, checkpoint: bytes) -> None:
        """Become the model of a checkpoint."""
        self.model.load(checkpoint)

    def invert(
        self,
        frames: Array,
        source_prompt: str,
        mask: NDArray[np.bool_] | None,
        point: Point,
    ) -> dict[str, NDArray[np.float32]]:
        """Invert at the pace."""
        found: dict[str, Any] = self.model.invert(frames, source_prompt, mask, point, self.pace)
        return found

    def edit(self, *asked: Any) -> Array:
        """Edit at the pace; arguments as of the model's own."""
        found: Array = self.model.edit(*asked, self.pace)
        return found

    def settings(self, point: Point) -> dict[str, Json]:
        """Return how edits are made."""
        return {**self.model.settings(point), **self.told}

    def components(self, item: Any, point: Point) -> list[Component]:
        """Return the network as one video calls it."""
        found: list[Component] = self.model.components(item, point, self.pace)
        return found

    def identity(self) -> tuple[Any, Any]:
        """Return the base, and the same at the pace at which nothing is left out.

        Raises:
            Lacking: there is no such pace.
        """
        if self.pace.apart:
            raise Lacking("frames apart are never together: there is no setting that does nothing")
        return self.model, Paced(self.model, replace(self.pace, merged=0.0, every=1), {})
