"""Whether six views show what a prompt of coloured primitives says: rules, and no network.

Each view is judged by itself, in three steps, and the first that fails is its fault:

``colour``
    It shows the colours that the scene has from this side, and none that the scene has not.
``shape``
    Each primitive that must be seen whole is in one piece, about as long as it is wide, and fits
    the outline that it has from this side (a square, a disc or a triangle) better than the others.
``relation``
    The primitives stand to each other as the prompt says.

Where a prompt leaves a choice, such as which of two stands at the left, any will do. Rules tell
why, as those of GenEval do (Ghosh et al., NeurIPS 2023), which asks detectors; flat colours on a
known background need none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from harness_plugins.generative.solids.hexaview import BACKGROUND, VIEWS, silhouettes
from harness_plugins.generative.solids.scenes import COLOURS, Primitive, Scene

__all__ = ["FAULTS", "Verdict", "judge"]

#: What can be wrong with a view, in the order in which it is looked for.
FAULTS = ("colour", "shape", "relation")

Mask = NDArray[np.bool_]
Masks = dict[str, Mask]
Box = tuple[slice, slice]

_LEAST_SHARE = 0.05  # of what a view shows, from which on a colour counts as there
_WIDEST_ANGLE = np.deg2rad(18)  # between a pixel and a colour, both seen from the background
_LEAST_FIT = 0.75  # intersection over union of a mask and an outline in its bounding box
_LEAST_WHOLE = 0.8  # share of a colour's pixels in its largest piece
_LONGEST = 1.4  # times as long as wide, a pixel aside
_OTHER = "another colour"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found of a view.

    Attributes:
        fault: the first of ``FAULTS``; "" where the view is right.
        reason: one line; "" where the view is right.
    """

    view: str
    fault: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a view shall show.

    Attributes:
        whole: primitives that must be seen whole.
        partly: colours that must be seen besides.
        free: colours that may be seen or not.
        place: how the first primitive of the scene stands to the second here.
    """

    whole: tuple[Primitive, ...]
    partly: tuple[str, ...] = ()
    free: tuple[str, ...] = ()
    place: str = ""


def judge(views: NDArray[np.uint8], scene: Scene) -> list[Verdict]:
    """Judge six views, uint8 (6, n, n, 3), in the order of ``hexaview.VIEWS``."""
    found = []
    for name, pixels in zip(VIEWS, views, strict=True):
        masks = _masks(pixels)
        tried = [_judge(masks, name, wanted, scene) for wanted in _wanted(scene, name)]
        found.append(max(tried, key=lambda verdict: (*FAULTS, "").index(verdict.fault)))
    return found


def _wanted(scene: Scene, view: str) -> Iterator[_Wanted]:
    """Yield what a view may show: several where the prompt leaves a choice."""
    a, b = scene.first, scene.second
    if b is None:
        yield _Wanted((a,))
    elif scene.relation == "on":
        if view == "top":
            yield _Wanted((a,), (b.colour,), place="within")
        elif view == "bottom":
            yield _Wanted((b,), place="hidden")
        else:
            yield _Wanted((a, b), place="above")
    elif view in ("left", "right"):  # the nearer one hides the other, or most of it
        yield _Wanted((a,), free=(b.colour,))
        yield _Wanted((b,), free=(a.colour,))
    else:
        yield _Wanted((a, b), place="beside")


def _judge(masks: Masks, view: str, wanted: _Wanted, scene: Scene) -> Verdict:
    must = {*(p.colour for p in wanted.whole), *wanted.partly}
    scenes = {p.colour for p in scene.primitives}
    lacking = sorted(must - masks.keys())
    strange = sorted(masks.keys() - scenes)
    if lacking or strange:
        told = [f"no {name}" for name in lacking] + [f"shows {name}" for name in strange]
        return Verdict(view, "colour", ", ".join(told))
    for primitive in wanted.whole:
        reason = _misshapen(masks[primitive.colour], primitive, view)
        if reason:
            return Verdict(view, "shape", f"the {primitive} is {reason}")
    reason = _misplaced(masks, wanted, scene)
    return Verdict(view, "relation" if reason else "", reason)


def _masks(pixels: NDArray[np.uint8]) -> Masks:
    """Return where each colour is, of those that hold enough of what a view (n, n, 3) shows.

    A pixel has the colour whose direction from the background, in RGB, is nearest to its own, so
    that a blurred edge keeps its hue.
    """
    shown = silhouettes(pixels)
    to_colours = np.array(list(COLOURS.values()), np.float64) - BACKGROUND
    to_colours /= np.linalg.norm(to_colours, axis=1, keepdims=True)
    to_pixels = pixels[shown] - np.array(BACKGROUND, np.float64)
    likeness = to_pixels @ to_colours.T / np.linalg.norm(to_pixels, axis=1, keepdims=True)
    nearest = np.full(shown.shape, -1)
    far = likeness.max(axis=1) < np.cos(_WIDEST_ANGLE)
    nearest[shown] = np.where(far, len(COLOURS), likeness.argmax(axis=1))
    found = {name: nearest == n for n, name in enumerate((*COLOURS, _OTHER))}
    least = max(1.0, _LEAST_SHARE * np.count_nonzero(shown))
    return {name: mask for name, mask in found.items() if np.count_nonzero(mask) >= least}


def _misshapen(mask: Mask, primitive: Primitive, view: str) -> str:
    """Return what is wrong with the shape of a primitive's mask; "" where it is right."""
    _, piece, count = _largest(mask)
    if np.count_nonzero(piece) < _LEAST_WHOLE * np.count_nonzero(mask):
        return f"in {count} pieces"
    short, long = sorted(piece.shape)
    if long - 1 > _LONGEST * short:
        return f"{piece.shape[1]} pixels wide and {piece.shape[0]} high"
    fits = {name: _fit(piece, outline) for name, outline in _outlines(*piece.shape).items()}
    best = max(fits, key=lambda name: fits[name])
    expected = _outline_of(primitive, view)
    if best != expected or fits[best] < _LEAST_FIT:
        shown = best if fits[best] >= _LEAST_FIT else "shape without a name"
        return f"a {shown} here, expected a {expected}"
    return ""


def _outline_of(primitive: Primitive, view: str) -> str:
    if primitive.shape == "cube":
        return "square"
    if primitive.shape == "sphere" or view in ("top", "bottom"):
        return "disc"
    return "square" if primitive.shape == "cylinder" else "triangle"


def _outlines(height: int, width: int) -> Masks:
    """Return the outlines that fill a box, sampled at the centres of its pixels."""
    y = (np.arange(height)[:, None] + 0.5) * 2 / height - 1
    x = (np.arange(width) + 0.5) * 2 / width - 1
    return {
        "square": np.ones((height, width), bool),
        "disc": x**2 + y**2 <= 1,
        "triangle": np.abs(x) <= (y + 1) / 2,
    }


def _fit(mask: Mask, outline: Mask) -> float:
    both = np.count_nonzero(mask & outline)
    return both / max(1, np.count_nonzero(mask | outline))


def _misplaced(masks: Masks, wanted: _Wanted, scene: Scene) -> str:
    """Return what is wrong with the place of two primitives; "" where it is right."""
    if not wanted.place or scene.second is None:
        return ""
    a, b = scene.first.colour, scene.second.colour
    if wanted.place == "hidden":
        return f"{a} is seen from below {b}" if a in masks else ""
    rim = wanted.place == "within"  # what the first one leaves to be seen: perhaps four corners
    top_a, bottom_a, left_a, right_a = _ends(_largest(masks[a])[0])
    top_b, bottom_b, left_b, right_b = _ends(_box(masks[b]) if rim else _largest(masks[b])[0])
    near = max(2.0, len(masks[a]) / 16)  # pixels
    if wanted.place == "above":
        over = left_b <= (left_a + right_a) / 2 <= right_b
        return "" if over and abs(top_b - bottom_a) <= near else f"{a} does not stand on {b}"
    if rim:
        out = max(left_b - left_a, right_a - right_b, top_b - top_a, bottom_a - bottom_b)
        return "" if out <= near else f"{a} is not within {b}"
    apart = max(left_a, left_b) - min(right_a, right_b)
    level = min(bottom_a, bottom_b) - max(top_a, top_b)
    lower = min(bottom_a - top_a, bottom_b - top_b)
    return "" if abs(apart) <= near and level >= lower / 2 else f"{a} is not beside {b}"


def _ends(box: Box) -> tuple[int, int, int, int]:
    """Return first and last row, first and last column; the last ones lie just outside."""
    rows, columns = box
    return rows.start, rows.stop, columns.start, columns.stop


def _box(mask: Mask) -> Box:
    box: Box = ndimage.find_objects(mask.astype(np.intp))[0]
    return box


def _largest(mask: Mask) -> tuple[Box, Mask, int]:
    """Return the box of a mask's largest piece, the piece in it, and the number of pieces."""
    pieces, count = ndimage.label(mask)
    largest = 1 + int(np.bincount(pieces.ravel())[1:].argmax())
    box = ndimage.find_objects(pieces)[largest - 1]
    return box, pieces[box] == largest, count
