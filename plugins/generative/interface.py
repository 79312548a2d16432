"""What models of the generative family do: each method is optional, and a task of its own.

Images are uint8 (…, H, W, 3) RGB arrays. ``point`` is the operating point: number of steps, the
guidance, the scheduler, … as the model declares them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from harness.spec import Json

__all__ = [
    "Array",
    "Diverged",
    "InvalidOutputError",
    "Lacking",
    "Learner",
    "Point",
    "Shaper",
    "TextToImage",
    "VideoEditor",
    "ViewRenderer",
]

Array = NDArray[np.uint8]
Point = Mapping[str, Json]


class TextToImage(Protocol):
    """Makes images of texts.

    Optional: ``settings(point) -> dict``, plain data kept beside the samples (scheduler, steps,
    guidance).
    """

    def generate(self, prompts: Sequence[str], seeds: Sequence[int], point: Point) -> Array:
        """Return uint8 (n, H, W, 3): one image for each pair of a prompt and a seed.

        An image depends on its own pair, and on nothing else: neither on the others in the call
        nor on the number of calls. All that is random comes from the seed.
        """
        ...


class VideoEditor(Protocol):
    """Changes a video as a text says.

    Optional: ``invert(frames, source_prompt, mask, point) -> arrays``, a dict of arrays that
    ``edit`` then gets as ``inverted``. It is a stage of its own, and timed apart.
    """

    def edit(
        self,
        frames: Array,
        source_prompt: str,
        prompt: str,
        mask: NDArray[np.bool_] | None,
        seed: int,
        point: Point,
        inverted: Mapping[str, NDArray[Any]],
    ) -> Array:
        """Return the edited frames, uint8 (t, H, W, 3) as the given ones.

        Args:
            frames: of the source.
            source_prompt: what they show.
            prompt: what they shall show.
            mask: (t, H, W), where the edit belongs, or None where nobody says.
            seed: of all that is random.
            point: the operating point.
            inverted: what ``invert`` gave; empty where there is no such method.
        """
        ...


class ViewRenderer(Protocol):
    """Renders an object from a pose, given some views of it.

    The protocol gives as many views as the operating point's ``views`` says. Poses, intrinsics and
    the place of the object are as :mod:`harness_plugins.generative.views.cameras` defines them;
    the background is white.
    """

    def render(
        self,
        views: Array,
        poses: NDArray[np.float64],
        intrinsics: NDArray[np.float64],
        target_poses: NDArray[np.float64],
        seed: int,
        point: Point,
    ) -> Array:
        """Return an image of each target pose, uint8 (t, H, W, 3).

        Args:
            views: (v, H, W, 3) the images that are known.
            poses: (v, 4, 4) camera to world, of each view.
            intrinsics: (3, 3) of all cameras, in pixels.
            target_poses: (t, 4, 4).
            seed: of all that is random.
            point: the operating point.
        """
        ...


class Shaper(Protocol):
    """Makes a solid of a text."""

    def shape(self, prompt: str, seed: int, point: Point) -> Any:
        """Return a coloured ``trimesh.Trimesh``, or its six views, uint8 (6, H, W, 3).

        Views are front, back, left, right, top, bottom, as
        :mod:`harness_plugins.generative.solids` defines them.
        """
        ...


class Learner(Protocol):
    """A model that is trained by the suite; a pretrained one has none of these methods.

    ``fit`` is done once for a model, whatever the variant; ``adapt`` is done after it by each
    variant that learns something of its own (an adaptor, a distilled student).
    """

    def fit(self, data: Mapping[str, Any], seed: int, budget: int) -> bytes:
        """Learn, and return a checkpoint from which :meth:`load` makes the same model.

        Args:
            data: what the task's training data holds; see the task's stages.
            seed: of everything random.
            budget: examples that training may look at, repetitions counted.

        Raises:
            Diverged: the loss is no longer finite.
        """
        ...

    def load(self, checkpoint: bytes) -> None:
        """Become the model that a checkpoint holds."""
        ...


class Lacking(Exception):  # noqa: N818 - an outcome, not a mistake
    """The model cannot do what a stage asks for, or the data has nothing to ask."""

    outcome = "skipped"


class InvalidOutputError(ValueError):
    """A model gave something of another form than its interface says."""

    outcome = "invalid"


class Diverged(ArithmeticError):  # noqa: N818 - an outcome, not a mistake
    """Training or sampling left the finite numbers."""

    outcome = "nonfinite"
