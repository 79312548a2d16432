"""Cameras of novel view synthesis: where they stand, which rays they see, where points fall.

The conventions, for every dataset and model of the task:

- the world is right-handed, z is up, and the object lies inside the cube [−0.5, 0.5]³, so a unit
  of length is the side of that cube;
- a pose is float64 (4, 4), *camera to world*: its columns are the camera's x (right), y (down) and
  z (forward, into the picture) axes in the world, and its place;
- intrinsics are float64 (3, 3), K = [[fx, 0, cx], [0, fy, cy], [0, 0, 1]] in pixels: a point
  (x, y, z) of the camera falls on (fx x/z + cx, fy y/z + cy), where the pixel of row j and column
  i covers [i, i + 1] × [j, j + 1], so its centre is (i + ½, j + ½).

This is the camera of OpenCV, but for its pixel centres, which lie on whole numbers there.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Floats", "around", "pinhole", "project", "rays", "turns"]

Floats = NDArray[np.float64]


def around(yaw: float, pitch: float, distance: float) -> Floats:
    """Return the pose (4, 4) of an upright camera on a sphere that looks at the origin.

    Args:
        yaw: degrees around z, counted from the x axis towards the y axis.
        pitch: degrees above the horizon, −90 < pitch < 90.
        distance: of the camera from the origin.
    """
    turn, rise = math.radians(yaw), math.radians(pitch)
    out = np.array(
        [math.cos(rise) * math.cos(turn), math.cos(rise) * math.sin(turn), math.sin(rise)]
    )
    right = np.array([-math.sin(turn), math.cos(turn), 0.0])
    pose = np.eye(4)
    pose[:3, 0], pose[:3, 1], pose[:3, 2] = right, np.cross(right, out), -out
    pose[:3, 3] = distance * out
    return pose


def pinhole(field: float, size: int) -> Floats:
    """Return the intrinsics of a square picture.

    Args:
        field: degrees that the picture spans.
        size: pixels of a side.
    """
    focal = size / (2 * math.tan(math.radians(field) / 2))
    return np.array([[focal, 0, size / 2], [0, focal, size / 2], [0, 0, 1]])


def rays(
    pose: ArrayLike, intrinsics: ArrayLike, size: tuple[int, int], samples: int = 1
) -> Floats:
    """Return the directions of the rays of a picture, in the world; they start at the camera.

    Args:
        pose: (4, 4).
        intrinsics: (3, 3).
        size: height and width in pixels.
        samples: each pixel has samples² rays, the centres of equal squares.

    Returns:
        (H·W, samples², 3), of depth 1: a ray's point at t has depth t in front of the camera.
    """
    k = np.asarray(intrinsics, np.float64)
    height, width = size
    part = (np.arange(samples) + 0.5) / samples
    y = np.arange(height)[:, None, None, None] + part[:, None]
    x = np.arange(width)[None, :, None, None] + part
    x, y = np.broadcast_arrays((x - k[0, 2]) / k[0, 0], (y - k[1, 2]) / k[1, 1])
    seen = np.stack([x, y, np.ones_like(x)], axis=-1).reshape(height * width, samples**2, 3)
    found: Floats = seen @ np.asarray(pose, np.float64)[:3, :3].T
    return found


def project(points: ArrayLike, pose: ArrayLike, intrinsics: ArrayLike) -> tuple[Floats, Floats]:
    """Return where points of the world fall in a picture.

    Args:
        points: (..., 3).
        pose: (4, 4).
        intrinsics: (3, 3).

    Returns:
        (..., 2) pixels, x and y, and (...) depths; a point behind the camera has a depth below 0
        and no place that means anything.
    """
    k, camera = np.asarray(intrinsics, np.float64), np.asarray(pose, np.float64)
    local = (np.asarray(points, np.float64) - camera[:3, 3]) @ camera[:3, :3]
    depth = local[..., 2]
    safe = np.where(np.abs(depth) < 1e-9, 1e-9, depth)
    x = k[0, 0] * local[..., 0] / safe + k[0, 2]
    y = k[1, 1] * local[..., 1] / safe + k[1, 2]
    return np.stack([x, y], axis=-1), depth


def turns(poses: ArrayLike, target: ArrayLike) -> Floats:
    """Return the angles (v,), in radians, by which cameras have to turn to be as the target is.

    The angle of the rotation between two orientations: of two cameras that look at the origin
    it knows both the direction and the roll.
    """
    relative = np.asarray(poses, np.float64)[:, :3, :3].transpose(0, 2, 1)
    relative = relative @ np.asarray(target, np.float64)[:3, :3]
    # The chord is exact near 0, where the cosine of the trace is not.
    chord = np.linalg.norm(relative - np.eye(3), axis=(1, 2)) / math.sqrt(8)
    found: Floats = 2 * np.arcsin(np.clip(chord, 0, 1))
    return found
