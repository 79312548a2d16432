"""Pictures of a robot arm before three buttons and three lights: 64 × 64 RGB, drawn by distances.

Seen from above: the shoulder stands at the bottom, the hand moves on an arc over the buttons
(red, green and blue from left to right), wires lead to the lights at the top. All that depends
on the variables is where the arm is and how bright each light is; the arm never covers a light.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["BUTTONS", "SIDE", "render"]

Floats = NDArray[np.float32]

SIDE = 64
BUTTONS = (0.15, 0.5, 0.85)  # arm positions at which the hand is on the red, green, blue button

_BATCH = 128
_TOP = 22  # the arm lies below this row, the lights above
_SHOULDER = (32.0, 59.0)
_REACH, _LINK = 31.0, 18.0
_BULGE = float(np.sqrt(_LINK**2 - (_REACH / 2) ** 2))  # of the elbow, off the straight line
_HALF_TURN = float(1 / np.sqrt(3))  # tan(60°/2): the arm swings 60° to either side
_LIGHTS = ((12.0, 10.0), (32.0, 10.0), (52.0, 10.0))
_PURE = np.array([[1.0, 0.16, 0.12], [0.15, 0.95, 0.25], [0.2, 0.4, 1.0]], np.float32)
_DARK, _STEEL, _SHINE, _JOINT, _HAND = (
    np.array(colour, np.float32)
    for colour in (
        (0.13, 0.14, 0.17),
        (0.85, 0.55, 0.16),
        (0.97, 0.75, 0.36),
        (0.22, 0.23, 0.27),
        (0.93, 0.94, 0.96),
    )
)


def render(arm: NDArray[np.float64], lights: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Draw pictures.

    Args:
        arm: (n,) position of the hand, 0 (left) … 1 (right).
        lights: (n, 3) brightness of the red, green and blue light, 0 (off) … 1.

    Returns:
        (n, 64, 64, 3).
    """
    images = np.empty((len(arm), SIDE, SIDE, 3), np.uint8)
    for start in range(0, len(arm), _BATCH):
        part = slice(start, start + _BATCH)
        images[part] = _draw(arm[part].astype(np.float32), lights[part].astype(np.float32))
    return images


def _draw(arm: Floats, lights: Floats) -> NDArray[np.uint8]:
    board, glow = _board()
    canvas = np.repeat(board[:, None], len(arm), axis=1)  # colour, picture, row, column
    for n in range(3):
        canvas[:, :, :_TOP] += glow[n][:, None] * lights[:, n, None, None]
    for colour, cover in _arm(arm):
        for plane, value in enumerate(colour):
            below = canvas[plane, :, _TOP:]
            below += cover * (value - below)
    np.clip(canvas, 0, 1, out=canvas)
    canvas *= 255
    canvas += 0.5
    return canvas.astype(np.uint8).transpose(1, 2, 3, 0)


def _arm(arm: Floats) -> list[tuple[Floats, Floats]]:
    """Return the layers of the arm from below: colour (3,) and cover (n, rows, 64) in 0…1."""
    y, x = _pixels()[:, _TOP:]
    right, up = _direction(arm)
    hand_x, hand_y = _SHOULDER[0] + _REACH * right, _SHOULDER[1] - _REACH * up
    elbow_x = _SHOULDER[0] + _REACH / 2 * right + _BULGE * up
    elbow_y = _SHOULDER[1] - _REACH / 2 * up + _BULGE * right
    shoulder_x, shoulder_y = (np.full_like(arm, value) for value in _SHOULDER)
    upper = _to_segment(x, y, shoulder_x, shoulder_y, elbow_x, elbow_y)
    lower = _to_segment(x, y, elbow_x, elbow_y, hand_x, hand_y)
    bones = np.minimum(upper, lower)
    elbow = _to_point(x, y, elbow_x, elbow_y)
    shoulder = _to_point(x, y, shoulder_x, shoulder_y)
    hand = _to_point(x, y, hand_x, hand_y)
    return [
        (_JOINT, _inside(shoulder, 6.5)),
        (_STEEL, _inside(bones, 2.6)),
        (_SHINE, _inside(bones, 0.9)),
        (_JOINT, np.maximum(_inside(elbow, 3.2), _inside(shoulder, 3.4))),
        (_JOINT, _inside(hand, 4.0)),
        (_HAND, _inside(hand, 2.8)),
    ]


def _direction(arm: Floats) -> tuple[Floats, Floats]:
    """Return sine and cosine of the arm's angle from the upright, without a sine or cosine."""
    t = np.float32(_HALF_TURN) * (2 * arm - 1)
    return 2 * t / (1 + t * t), (1 - t * t) / (1 + t * t)


@cache
def _board() -> tuple[Floats, list[Floats]]:
    """Return what never changes, (3, 64, 64), and what each light adds when on, (3, _TOP, 64)."""
    y, x = _pixels()
    board = np.stack([0.60 + 0.10 * y / SIDE, 0.63 + 0.09 * y / SIDE, 0.66 + 0.08 * y / SIDE])
    board = board.astype(np.float32)
    glow = []
    for position, (light_x, light_y), pure in zip(BUTTONS, _LIGHTS, _PURE, strict=True):
        right, up = _direction(np.array([position], np.float32))
        button = float(_SHOULDER[0] + _REACH * right[0]), float(_SHOULDER[1] - _REACH * up[0])
        ends = (np.array([v], np.float32) for v in (light_x, light_y, *button))
        _blend(board, _DARK + 0.25, _inside(_to_segment(x, y, *ends)[0], 0.5))
        from_button = np.sqrt((x - button[0]) ** 2 + (y - button[1]) ** 2)
        _blend(board, _DARK, _inside(from_button, 5.6))
        _blend(board, 0.75 * pure, _inside(from_button, 4.2))
        from_light = np.sqrt((x - light_x) ** 2 + (y - light_y) ** 2)
        _blend(board, _DARK, _inside(from_light, 8.9))
        bulb = _inside(from_light, 7.6)
        _blend(board, 0.12 * pure + 0.06, bulb)
        halo = np.clip(1 - from_light / 12, 0, 1) ** 2 * (1 - bulb)  # the bulb stays linear
        whole = (0.78 * pure + 0.04)[:, None, None] * bulb + 0.5 * pure[:, None, None] * halo
        glow.append(whole[:, :_TOP].astype(np.float32))
    return board, glow


@cache
def _pixels() -> Floats:
    """Return the rows and columns of the pixels' centres, (2, 64, 64)."""
    return np.stack(np.mgrid[:SIDE, :SIDE]).astype(np.float32) + np.float32(0.5)


def _blend(board: Floats, colour: Floats, cover: Floats) -> None:
    board += cover * (colour[:, None, None] - board)


def _inside(distance: Floats, radius: float) -> Floats:
    """Return 1 inside, 0 outside, and a ramp of one pixel between."""
    return np.clip(np.float32(radius + 0.5) - distance, 0, 1)


def _to_point(x: Floats, y: Floats, at_x: Floats, at_y: Floats) -> Floats:
    return np.sqrt((x - at_x[:, None, None]) ** 2 + (y - at_y[:, None, None]) ** 2)


def _to_segment(
    x: Floats, y: Floats, from_x: Floats, from_y: Floats, to_x: Floats, to_y: Floats
) -> Floats:
    """Return the distance of each pixel from each segment, (n, rows, 64)."""
    along_x, along_y = (to_x - from_x)[:, None, None], (to_y - from_y)[:, None, None]
    off_x, off_y = x - from_x[:, None, None], y - from_y[:, None, None]
    length = along_x * along_x + along_y * along_y
    share = np.clip((off_x * along_x + off_y * along_y) / length, 0, 1)
    off_x -= share * along_x
    off_y -= share * along_y
    return np.sqrt(off_x * off_x + off_y * off_y)
