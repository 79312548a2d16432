"""Pictures that no generator made: true ones, repeated ones, and noise."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from harness_plugins.generative.images import Images
from harness_plugins.generative.interface import Array, Lacking, Point
from harness_plugins.generative.shapes import COLOURS, SHAPES, SIDE, pictures

__all__ = ["MoreReal", "NoiseImages", "Oversampled"]


class MoreReal:
    """Draws what a prompt says by the rule of the data: further real pictures.

    Args:
        blur: pixels along the side of the square whose mean each pixel becomes; 1 leaves it.

    Raises:
        ValueError: ``blur`` is no number of pixels.
    """

    def __init__(self, blur: int = 1) -> None:
        if blur not in range(1, SIDE + 1):
            raise ValueError(f"blur is {blur}, not pixels: one of 1 … {SIDE}")
        self.blur = blur

    def generate(self, prompts: Sequence[str], seeds: Sequence[int], _point: Point) -> Array:
        """Draw; see :class:`harness_plugins.generative.interface.TextToImage`."""
        drawn = []
        for text, seed in zip(prompts, seeds, strict=True):
            colour, shape = _words(text)
            numbers = np.array([list(COLOURS).index(colour)]), np.array([SHAPES.index(shape)])
            drawn.append(pictures(np.random.default_rng(seed), *numbers))
        return self._blurred(np.concatenate(drawn))

    def _blurred(self, images: Array) -> Array:
        from scipy.ndimage import uniform_filter

        size = (1, self.blur, self.blur, 1)
        return np.rint(uniform_filter(images.astype(np.float64), size)).astype(np.uint8)


class Oversampled:
    """Repeats real pictures of the shape that is asked for, of any colour, each as likely."""

    def __init__(self) -> None:
        self.images: Array | None = None
        self.shapes: list[str] = []

    def fit(self, data: Mapping[str, Any], _seed: int, _budget: int) -> bytes:
        """Keep the pictures that are the detector's own; all, where the data says nothing of it.

        See :class:`harness_plugins.generative.interface.Learner`.
        """
        images = Images.of(data["images"]).bytes_()
        own = np.asarray(data.get("own", np.ones(len(images), bool)))
        buffer = io.BytesIO()
        np.savez(buffer, images=images[own], prompts=np.asarray(data["prompts"])[own])
        return buffer.getvalue()

    def load(self, checkpoint: bytes) -> None:
        """Take the pictures of a checkpoint."""
        with np.load(io.BytesIO(checkpoint), allow_pickle=False) as held:
            self.images = held["images"]
            self.shapes = [_words(str(text))[1] for text in held["prompts"]]

    def generate(self, prompts: Sequence[str], seeds: Sequence[int], _point: Point) -> Array:
        """Choose; see :class:`harness_plugins.generative.interface.TextToImage`.

        Raises:
            Lacking: there is no real picture of a shape.
        """
        if self.images is None:
            raise RuntimeError("the model has seen nothing yet: load a checkpoint")
        chosen = []
        for text, seed in zip(prompts, seeds, strict=True):
            wanted = _words(text)[1]
            alike = [place for place, shape in enumerate(self.shapes) if shape == wanted]
            if not alike:
                raise Lacking(f"there is no real picture of a {wanted} to repeat")
            chosen.append(int(np.random.default_rng(seed).choice(alike)))
        return self.images[chosen]


class NoiseImages:
    """Gives noise: each level of each pixel as likely."""

    def generate(self, prompts: Sequence[str], seeds: Sequence[int], _point: Point) -> Array:
        """Draw; see :class:`harness_plugins.generative.interface.TextToImage`."""
        form = (SIDE, SIDE, 3)
        return np.stack(
            [
                np.random.default_rng(seed).integers(0, 256, form, np.uint8)
                for _, seed in zip(prompts, seeds, strict=True)
            ]
        )


def _words(text: str) -> tuple[str, str]:
    """Return colour and shape.

    Raises:
        Lacking: a prompt is not a colour and a shape.
    """
    colour, _, shape = text.partition(" ")
    if colour not in COLOURS or shape not in SHAPES:
        raise Lacking(f"{text!r} does not say one of {', '.join(COLOURS)} and a shape")
    return colour, shape
