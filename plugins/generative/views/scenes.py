"""Views of objects: what an item of a dataset that provides ``object_views`` is.

An item is a dict:

``images``
    uint8 (v, H, W, 3), an object on white; or (s, v, H, W, 3), a block of s objects
``poses``
    float64 (v, 4, 4), or (s, v, 4, 4): camera to world, of each image
``intrinsics``
    float64 (3, 3), of all cameras
``training``
    optional, plain data: ``{"ref": "module:function", "params": {...}, "budget": int}``: the
    function gives the objects to learn from, as a block with the same cameras; it is called with
    ``params``. ``budget`` is the number of examples that training may look at.

:mod:`harness_plugins.generative.views.cameras` says what poses and intrinsics mean. The first
four images of an object are those that a model may be given, in this order; all others are asked
for. So a dataset that wants more to be seen with each view puts the most telling ones first.
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

__all__ = ["KNOWN", "InvalidScenesError", "Scenes", "silhouettes"]

KNOWN = 4  # views of an object that a model may be given
_WHITE = 255
_TOLERANCE = 1e-4  # of a rotation that went through float32


class InvalidScenesError(ValueError):
    """An item is not views of objects as this module describes them."""

    outcome = "invalid"


@dataclass(frozen=True, eq=False)
class Scenes:
    """Objects, each seen from several poses.

    Attributes:
        images: uint8 (s, v, H, W, 3).
        poses: float64 (s, v, 4, 4).
        intrinsics: float64 (3, 3).
        training: where objects to learn from are; empty where there are none.
    """

    images: NDArray[np.uint8]
    poses: NDArray[np.float64]
    intrinsics: NDArray[np.float64]
    training: Mapping[str, Json] = field(default_factory=dict)

    @classmethod
    def of(cls, item: Mapping[str, Any]) -> Scenes:
        """Check an item; one object becomes a block of one.

        Raises:
            InvalidScenesError: what is missing or of another form, in one line.
        """
        for name in ("images", "poses", "intrinsics"):
            if name not in item:
                hint = nearest(name, item)
                raise InvalidScenesError(f"an item of views has no {name!r}{hint}")
        images, poses = np.asarray(item["images"]), np.asarray(item["poses"])
        if images.ndim == 4:
            images, poses = images[None], poses[None]
        if images.ndim != 5:
            raise InvalidScenesError(
                f"images: expected (v, H, W, 3) or (s, v, H, W, 3), got {images.shape}"
            )
        Images.of(images.reshape(-1, *images.shape[2:]), "images")
        if images.shape[1] <= KNOWN:
            raise InvalidScenesError(
                f"images: {images.shape[1]} views of an object; expected {KNOWN} that may be "
                "given and one to be asked for"
            )
        return cls(
            images,
            _checked_poses(poses, images.shape[:2]),
            _checked_intrinsics(item["intrinsics"]),
            item.get("training") or {},
        )

    def __len__(self) -> int:
        return len(self.images)


def silhouettes(images: NDArray[np.uint8], levels: int) -> NDArray[np.bool_]:
    """Return where an object is, (..., H, W), in images (..., H, W, 3) of it on white.

    A pixel shows it where some channel is ``levels`` and more below white.
    """
    found: NDArray[np.bool_] = (images <= _WHITE - levels).any(axis=-1)
    return found


def _checked_poses(poses: NDArray[Any], views: tuple[int, ...]) -> NDArray[np.float64]:
    expected = (*views, 4, 4)
    if poses.shape != expected or poses.dtype.kind != "f":
        raise InvalidScenesError(
            f"poses: expected floats {expected}, one pose for each image, "
            f"got {poses.dtype} {poses.shape}"
        )
    found: NDArray[np.float64] = poses.astype(np.float64)
    axes = found[..., :3, :3]
    faults = {
        "has a NaN or an infinite number": ~np.isfinite(found).all((-2, -1)),
        "does not end with the row 0 0 0 1": (found[..., 3, :] != (0, 0, 0, 1)).any(-1),
        "has axes that are no rotation: scaled, mirrored or skewed": (
            np.abs(axes.swapaxes(-1, -2) @ axes - np.eye(3)).max((-2, -1)) > _TOLERANCE
        )
        | (np.linalg.det(axes) < 0),
    }
    for fault, where in faults.items():
        if where.any():
            scene, view = np.argwhere(where)[0]
            raise InvalidScenesError(f"poses: view {view} of object {scene} {fault}")
    return found


def _checked_intrinsics(given: Any) -> NDArray[np.float64]:
    found = np.asarray(given)
    if found.shape != (3, 3) or found.dtype.kind not in "fi" or not np.isfinite(found).all():
        raise InvalidScenesError(
            f"intrinsics: expected 9 finite numbers (3, 3), got {given!r:.80}"
        )
    zero = (found[0, 1], found[1, 0], found[2, 0], found[2, 1])
    if min(found[0, 0], found[1, 1]) <= 0 or found[2, 2] != 1 or any(zero):
        raise InvalidScenesError(
            "intrinsics: expected [[fx, 0, cx], [0, fy, cy], [0, 0, 1]], f > 0; "
            f"got {found.tolist()}"
        )
    return found.astype(np.float64)
