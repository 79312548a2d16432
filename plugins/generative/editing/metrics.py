"""What is measured of edited videos, without any network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness_plugins.codec.metrics.aggregates import CAP_DB
from harness_plugins.generative.interface import InvalidOutputError, Lacking
from harness_plugins.generative.samples import Samples

__all__ = [
    "background_psnr",
    "edit_flicker",
    "edited_share",
    "rule_accuracy",
    "rule_colour",
    "rule_shape",
    "temporal_consistency",
]

Floats = NDArray[np.float64]
Request = Mapping[str, Any]
Verdicts = Sequence[Mapping[str, Any]]


def background_psnr() -> Callable[[Request, Samples], Floats]:
    """Make the PSNR of each video (n,) to its source outside of the mask, dB, 100 at most.

    One mean squared error over all frames and channels. The callable raises ``Lacking`` where
    there is no mask, or a mask leaves nothing.
    """

    def scores(request: Request, samples: Samples) -> Floats:
        outside = ~_mask(request, samples)
        if not outside.any(axis=(1, 2, 3)).all():
            raise Lacking("the mask of a video leaves no background")
        error = (samples.sequences.astype(np.float64) - request["frames"]) ** 2
        means = [e[o].mean() for e, o in zip(error.mean(axis=-1), outside, strict=True)]
        with np.errstate(divide="ignore"):
            levels: Floats = 10 * np.log10(255.0**2 / np.array(means))
        return np.minimum(levels, CAP_DB)

    return scores


def temporal_consistency() -> Callable[[Samples], Floats]:
    """Make the mean cosine of consecutive frames of each video (n,), −1…1, 1 for a still one.

    What is compared are the levels of a frame less the video's mean colour, so that the plain
    ground which every frame shares does not hide what changes. A frame that is of the mean colour
    wholly has the cosine 1 with another such one, and 0 with any else.
    """

    def scores(samples: Samples) -> Floats:
        levels = samples.sequences.astype(np.float64)
        apart = levels - levels.mean(axis=(1, 2, 3), keepdims=True)
        flat = apart.reshape(len(samples), samples.frames, -1)
        lengths = np.linalg.norm(flat, axis=-1)
        product = np.einsum("ntd,ntd->nt", flat[:, 1:], flat[:, :-1])
        both = lengths[:, 1:] * lengths[:, :-1]
        neither = (lengths[:, 1:] == 0) & (lengths[:, :-1] == 0)
        cosines = np.divide(product, both, out=neither.astype(np.float64), where=both > 0)
        found: Floats = cosines.mean(axis=1)
        return found

    return scores


def edit_flicker() -> Callable[[Request, Samples], Floats]:
    """Make how far the mean colour inside the mask moves from frame to frame, (n,) in levels.

    The Euclidean distance in RGB, 0…441, the mean over consecutive frames that both have a mask.
    An object may move: what counts is that its colour stays. Raises ``Lacking`` without a mask.
    """

    def scores(request: Request, samples: Samples) -> Floats:
        mask = _mask(request, samples)
        found = []
        for frames, inside in zip(samples.sequences, mask, strict=True):
            own = [
                f[m].mean(axis=0) if m.any() else None for f, m in zip(frames, inside, strict=True)
            ]
            steps = [
                float(np.linalg.norm(b - a))
                for a, b in pairwise(own)
                if a is not None and b is not None
            ]
            if not steps:
                raise Lacking("no two consecutive frames have a mask")
            found.append(np.mean(steps))
        return np.array(found)

    return scores


def edited_share() -> Callable[[Request], Floats]:
    """Make the share of pixels inside the mask of each video (n,)."""

    def scores(request: Request) -> Floats:
        if "mask" not in request:
            raise Lacking("the dataset does not say where the edit belongs")
        found: Floats = request["mask"].mean(axis=(1, 2, 3))
        return found

    return scores


def rule_accuracy() -> Callable[[Verdicts], Floats]:
    """Make the share of each video's frames that show the colour and the shape asked for."""
    return lambda verdicts: np.array(
        [np.mean([frame["right"] for frame in video["frames"]]) for video in verdicts]
    )


def rule_colour() -> Callable[[Verdicts], Floats]:
    """Make the share of each video's frames in the colour asked for."""
    return lambda verdicts: _agree(verdicts, "colour", 0)


def rule_shape() -> Callable[[Verdicts], Floats]:
    """Make the share of each video's frames in the shape asked for."""
    return lambda verdicts: _agree(verdicts, "shape", 1)


def _agree(verdicts: Verdicts, what: str, word: int) -> Floats:
    return np.array(
        [
            np.mean([frame[what] == video["prompt"].split()[word] for frame in video["frames"]])
            for video in verdicts
        ]
    )


def _mask(request: Request, samples: Samples) -> NDArray[np.bool_]:
    if "mask" not in request:
        raise Lacking("the dataset does not say where the edit belongs")
    mask: NDArray[np.bool_] = request["mask"]
    if samples.sequences.shape[:-1] != mask.shape:
        raise InvalidOutputError(
            f"videos of the shape {samples.sequences.shape} were made, the mask has {mask.shape}"
        )
    return mask
