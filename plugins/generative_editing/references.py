"""References: the source as it is, and an editor that knows how shapes are drawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness_plugins.generative.interface import Array, Lacking, Point
from harness_plugins.generative.shapes import COLOURS, GROUND, SHAPES, coverage, inside

__all__ = ["CopyFrames", "ExactRecolour"]

Floats = NDArray[np.float64]
_FINE = np.linspace(-1, 1, 801)
_CLEAR = 0.2  # share of a pixel under which its colour may be the texture's alone


class CopyFrames:
    """Gives the source: all of the background, nothing of the edit."""

    def edit(
        self,
        frames: Array,
        _source_prompt: str,
        _prompt: str,
        _mask: NDArray[np.bool_] | None,
        _seed: int,
        _point: Point,
        _inverted: Mapping[str, NDArray[Any]],
    ) -> Array:
        """Return the frames."""
        return frames


class ExactRecolour:
    """Takes the object off and draws it anew, by the rules that ``moving_shapes`` is drawn by.

    Of each pixel inside the mask it finds the share that the object covers, by projecting its
    colour on the line from the ground to the object's ink; the ground behind it is what the pixel
    shows in frames where nothing covers it, and the plain ground where it is never seen. Another
    shape has the old one's centre and radius, by their first and second moments.
    """

    def edit(
        self,
        frames: Array,
        source_prompt: str,
        prompt: str,
        mask: NDArray[np.bool_] | None,
        _seed: int,
        _point: Point,
        _inverted: Mapping[str, NDArray[Any]],
    ) -> Array:
        """Return the frames with the object of the prompt.

        Raises:
            Lacking: a prompt is not a colour and a shape, or there is no mask.
        """
        old, new = _read(source_prompt), _read(prompt)
        if mask is None:
            raise Lacking("the mask is needed to find the object")
        levels = frames.astype(np.float64)
        ink, wanted = (np.array(COLOURS[colour], np.float64) for colour, _ in (old, new))
        ground = np.array(GROUND, np.float64)
        away = ink - ground
        share = np.clip((levels - ground) @ away / (away @ away), 0, 1) * mask
        behind = _behind(levels, share)
        if new[1] != old[1]:
            share = _reshaped(share, old[1], new[1])
        drawn = share[..., None] * wanted + (1 - share[..., None]) * behind
        levels[mask] = drawn[mask]
        return np.rint(levels).clip(0, 255).astype(np.uint8)


def _read(prompt: str) -> tuple[str, str]:
    colour, _, shape = prompt.partition(" ")
    if colour not in COLOURS or shape not in SHAPES:
        raise Lacking(f"{prompt!r} is not a colour and a shape that are known")
    return colour, shape


def _behind(levels: Floats, share: Floats) -> Floats:
    """Return what is behind the object, (H, W, 3): where it is seen in no frame, the ground."""
    seen = share < _CLEAR
    count = seen.sum(axis=0)[..., None]
    total = (levels * seen[..., None]).sum(axis=0)
    plain = np.broadcast_to(np.array(GROUND, np.float64), total.shape)
    return np.where(count > 0, total / np.maximum(count, 1), plain)


def _reshaped(share: Floats, old: str, new: str) -> Floats:
    """Return the shares of another shape at the old one's places, (t, H, W)."""
    y, x = (np.arange(side) + 0.5 for side in share.shape[1:])
    area = share.sum(axis=(1, 2))
    across = (share * x).sum(axis=(1, 2)) / np.maximum(area, 1e-9)
    down = (share * y[:, None]).sum(axis=(1, 2)) / np.maximum(area, 1e-9)
    of_unit, middle = _moments(old)
    radii = np.full(len(share), np.sqrt(np.median(area) / of_unit))
    centres = np.stack([across, down - middle * radii], axis=1)
    return coverage(np.full(len(share), SHAPES.index(new)), centres, radii, share.shape[1])


def _moments(shape: str) -> tuple[float, float]:
    """Return the area of a shape of radius 1, and how far below its centre its middle lies."""
    there = inside(shape, _FINE[None, :], _FINE[:, None])
    return float(there.mean() * 4), float((there * _FINE[:, None]).sum() / there.sum())
