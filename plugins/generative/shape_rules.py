"""Rules that tell whether a picture shows the shape that was asked for, and if not, why.

No network and no threshold learned: the ground is known, the colour is the nearest of four, and
the shape is the one that fits best into the box around what stands on the ground.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness_plugins.generative.images import Images
from harness_plugins.generative.shapes import COLOURS, GROUND, SHAPES, inside

__all__ = ["UnknownPromptError", "Verdict", "judge"]

_STANDS_OUT = 60.0  # least distance from the ground, of 0 … 441, that is no ground
_LEAST = 6  # pixels of which something consists
_GRID = 24  # points along the box in which shapes are compared
_INKS = np.array(list(COLOURS.values()), np.float64)


class UnknownPromptError(ValueError):
    """A prompt asks for something of which the rules know nothing."""

    outcome = "skipped"


@dataclass(frozen=True)
class Verdict:
    """What a picture shows.

    Attributes:
        colour, shape: as seen; "nothing" where the ground is empty.
        right: whether both are what was asked for.
        reason: what is wrong, empty where nothing is.
    """

    colour: str
    shape: str
    right: bool
    reason: str


def judge(images: Images, prompts: Sequence[str]) -> list[Verdict]:
    """Judge each picture by its own prompt, such as ``red circle``.

    Raises:
        UnknownPromptError: a prompt does not say a colour and a shape of :mod:`.shapes`.
    """
    return [
        _judge(*_asked(text), *_seen(p)) for p, text in zip(images.bytes_(), prompts, strict=True)
    ]


def _asked(text: str) -> tuple[str, str]:
    colour, _, shape = text.partition(" ")
    if colour not in COLOURS or shape not in SHAPES:
        raise UnknownPromptError(
            f"{text!r} does not say one of {', '.join(COLOURS)} and one of {', '.join(SHAPES)}"
        )
    return colour, shape


def _judge(colour: str, shape: str, seen_colour: str, seen_shape: str) -> Verdict:
    if seen_shape == "nothing":
        return Verdict(seen_colour, seen_shape, right=False, reason="nothing stands on the ground")
    wrong = [
        f"{what}: {seen}, not {asked}"
        for what, asked, seen in (("colour", colour, seen_colour), ("shape", shape, seen_shape))
        if seen != asked
    ]
    return Verdict(seen_colour, seen_shape, right=not wrong, reason="; ".join(wrong))


def _seen(pixels: NDArray[np.uint8]) -> tuple[str, str]:
    levels = pixels.astype(np.float64)
    apart = np.linalg.norm(levels - np.array(GROUND, np.float64), axis=-1)
    stands = apart > _STANDS_OUT
    if stands.sum() < _LEAST:
        return "nothing", "nothing"
    solid = stands & (apart >= np.quantile(apart[stands], 0.5))  # edges are mixed with ground
    mean = levels[solid].mean(axis=0)
    colour = list(COLOURS)[int(np.linalg.norm(_INKS - mean, axis=1).argmin())]
    return colour, _best(_box(apart / apart[solid].mean()))


def _box(covered: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the box around what is covered, stretched to a square grid of shares."""
    top, left = _edge(covered), _edge(covered.T)
    bottom = covered.shape[0] - _edge(covered[::-1])
    right = covered.shape[1] - _edge(covered.T[::-1])
    at = (np.arange(_GRID) + 0.5) / _GRID
    y = np.clip(top + at * (bottom - top), 0, covered.shape[0] - 1e-9).astype(int)
    x = np.clip(left + at * (right - left), 0, covered.shape[1] - 1e-9).astype(int)
    return np.clip(covered[np.ix_(y, x)], 0, 1)


def _edge(covered: NDArray[np.float64]) -> float:
    """Return where, from the first row, something begins: within a row by how much it holds."""
    most = covered.max(axis=1)
    first = int(np.flatnonzero(most > 0.25)[0]) if (most > 0.25).any() else 0
    return first + 1 - min(1.0, float(most[first]))


def _best(box: NDArray[np.float64]) -> str:
    scores = [float(np.minimum(box, t).sum() / np.maximum(box, t).sum()) for t in _TEMPLATES]
    return SHAPES[int(np.argmax(scores))]


def _template(shape: str) -> NDArray[np.float64]:
    """Return a shape in its own box, 1 inside."""
    fine = np.linspace(-1, 1, 401)
    whole = inside(shape, fine[None, :], fine[:, None])
    rows, columns = (np.flatnonzero(whole.any(axis=axis)) for axis in (1, 0))
    at = (np.arange(_GRID) + 0.5) / _GRID
    y = np.rint(rows[0] + at * (rows[-1] - rows[0])).astype(int)
    x = np.rint(columns[0] + at * (columns[-1] - columns[0])).astype(int)
    return whole[np.ix_(y, x)].astype(np.float64)


_TEMPLATES = [_template(name) for name in SHAPES]
