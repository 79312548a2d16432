"""Videos to edit: what an item of a dataset that provides ``video_edits`` is.

An item is a dict:

``frames``
    uint8 (t, H, W, 3), two frames or more; or (n, t, H, W, 3), a block of n videos
``source_prompt``, ``prompt``
    text, or n texts: what the frames show, and what they shall show
``mask``
    optional, bool (t, H, W) or (n, t, H, W): where the edit belongs
``target``
    optional, uint8 as ``frames``: the edited video, where it is known
``training``
    optional, plain data: ``{"ref": "module:function", "params": {...}, "budget": int}``: the
    function gives ``videos`` uint8 (m, t, H, W, 3), their ``prompts`` and ``masks`` bool
    (m, t, H, W), as those of videos to edit. ``budget`` is the number of videos that training may
    look at, repetitions counted
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import nearest
from harness.spec import Json
from harness_plugins.generative.images import Images
from harness_plugins.generative.samples import Samples

__all__ = ["Edits", "InvalidEditsError", "videos"]

Pixels = NDArray[np.uint8]


class InvalidEditsError(ValueError):
    """An item is not videos to edit as this module describes them."""

    outcome = "invalid"


@dataclass(frozen=True, eq=False)
class Edits:
    """A block of videos with their edits.

    Attributes:
        frames: uint8 (n, t, H, W, 3).
        source_prompts, prompts: n of each.
        mask: (n, t, H, W), or None where nobody says where edits belong.
        target: as ``frames``, or None where nobody knows.
        training: where videos to learn from are; empty where there are none.
    """

    frames: Pixels
    source_prompts: tuple[str, ...]
    prompts: tuple[str, ...]
    mask: NDArray[np.bool_] | None = None
    target: Pixels | None = None
    training: Mapping[str, Json] = field(default_factory=dict)

    @classmethod
    def of(cls, item: Mapping[str, Any]) -> Edits:
        """Check an item; one video becomes a block of one.

        Raises:
            InvalidEditsError: what is missing or of another form, in one line.
        """
        for name in ("frames", "source_prompt", "prompt"):
            if name not in item:
                raise InvalidEditsError(f"a video to edit has no {name!r}{nearest(name, item)}")
        frames = np.asarray(item["frames"])
        single = frames.ndim == 4
        frames = frames[None] if single else frames
        if frames.ndim != 5 or frames.shape[1] < 2:
            raise InvalidEditsError(
                "frames: expected (t, H, W, 3) or (n, t, H, W, 3), t from 2 on, "
                f"got {frames.shape[single:]}"
            )
        Images.of(frames.reshape(-1, *frames.shape[2:]), "frames")
        mask = _like(item, "mask", single, frames.shape[:-1], np.bool_)
        if mask is not None and not mask.any(axis=(1, 2, 3)).all():
            raise InvalidEditsError("mask: it is empty, there is nothing to edit")
        return cls(
            frames,
            _texts(item["source_prompt"], "source_prompt", len(frames)),
            _texts(item["prompt"], "prompt", len(frames)),
            mask,
            _like(item, "target", single, frames.shape, np.uint8),
            item.get("training") or {},
        )

    def __len__(self) -> int:
        return len(self.frames)


def videos(
    frames: Pixels, prompts: tuple[str, ...] = (), settings: Mapping[str, Json] | None = None
) -> Samples:
    """Keep videos (n, t, H, W, 3): a sample is a video."""
    flat = Images.of(frames.reshape(-1, *frames.shape[2:]), "videos")
    return Samples(flat, prompts, settings=settings or {}, frames=frames.shape[1])


def _like(
    item: Mapping[str, Any], name: str, single: bool, shape: tuple[int, ...], dtype: Any
) -> NDArray[Any] | None:
    if item.get(name) is None:
        return None
    found = np.asarray(item[name])
    found = found[None] if single else found
    if found.dtype != dtype or found.shape != shape:
        raise InvalidEditsError(
            f"{name}: expected {np.dtype(dtype)} {shape[single:]} beside the frames, "
            f"got {found.dtype} {found.shape[single:]}"
        )
    return found


def _texts(given: Any, name: str, count: int) -> tuple[str, ...]:
    texts = (given,) if isinstance(given, str) else tuple(str(text) for text in given)
    if len(texts) != count or not all(text.strip() for text in texts):
        raise InvalidEditsError(
            f"{name}: expected a text for each of {count} videos, got {texts!r:.80}"
        )
    return texts
