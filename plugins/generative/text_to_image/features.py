"""Steps that leave features of images, for each extractor X, found here by these names:
``features_X`` of samples, ``reference_X`` and ``further_X`` of the dataset's own images.

Besides the networks of :mod:`harness_plugins.generative.metrics.extractors` there are two that
need no weights: ``pixels``, the image brought to 8 × 8 by averaging, and ``shapes``, a classifier
of the dataset's own prompts that is trained by the suite.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness_plugins.generative.images import Images, InvalidImagesError
from harness_plugins.generative.interface import Lacking
from harness_plugins.generative.prompts import Prompts, open_source
from harness_plugins.generative.samples import Samples

__all__ = ["learn_classifier", "pixels"]

_SIDE = 8
Features = NDArray[np.float32]
Inputs = Mapping[str, Any]


def __getattr__(name: str) -> Callable[..., dict[str, Any]]:
    """Return the step that leaves the artifact ``name``."""
    what, _, extractor = name.partition("_")
    if what not in _STEPS or not extractor:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return partial(_STEPS[what], extractor)


def learn_classifier(_model: None, inputs: Inputs, _point: Any, _seed: Any) -> dict[str, Any]:
    """Train the classifier whose features are ``shapes``.

    Raises:
        Lacking: the dataset has nothing to learn from.
    """
    from harness_plugins.generative.text_to_image import classifier

    training = inputs["training"]
    if "images" not in training:
        raise Lacking("the dataset has nothing to learn from")
    return {"classifier": classifier.learn(Images.of(training["images"]), training["prompts"])}


def pixels(images: Images) -> Features:
    """Return the means of 8 × 8 equal parts of each image, 0…1: (n, 192).

    Raises:
        InvalidImagesError: the sides are no multiples of 8.
    """
    height, width = images.size
    if height % _SIDE or width % _SIDE:
        raise InvalidImagesError(f"images of {height}x{width} have no {_SIDE}x{_SIDE} equal parts")
    parts = images.floats(layout="NHWC").reshape(
        len(images), _SIDE, height // _SIDE, _SIDE, width // _SIDE, 3
    )
    return parts.mean(axis=(2, 4)).reshape(len(images), -1)


def _of_samples(
    extractor: str, _model: None, inputs: Inputs, _point: Any, _seed: Any
) -> dict[str, Any]:
    samples: Samples = inputs["samples"]
    return {f"features_{extractor}": _features(extractor, samples.images, inputs)}


def _of_reference(
    extractor: str, _model: None, inputs: Inputs, _point: Any, _seed: Any
) -> dict[str, Any]:
    source = open_source(inputs["prompts"][0])
    return {f"reference_{extractor}": _joined(extractor, source.reference(), inputs)}


def _of_further(
    extractor: str, _model: None, inputs: Inputs, _point: Any, _seed: Any
) -> dict[str, Any]:
    block: Prompts = inputs["prompts"][0]
    further = getattr(open_source(block), "further", None)
    if further is None:
        raise Lacking("the dataset has no further real images")
    return {f"further_{extractor}": _joined(extractor, further(), inputs)}


_STEPS: Mapping[str, Callable[..., dict[str, Any]]] = {
    "features": _of_samples,
    "reference": _of_reference,
    "further": _of_further,
}


def _joined(extractor: str, parts: Iterator[Images], inputs: Inputs) -> Features:
    return np.concatenate([_features(extractor, part, inputs) for part in parts])


def _features(extractor: str, images: Images, inputs: Inputs) -> Features:
    if extractor == "pixels":
        return pixels(images)
    if extractor == "shapes":
        from harness_plugins.generative.text_to_image import classifier

        return classifier.features(inputs["classifier"], images)
    from harness_plugins.generative.metrics.extractors import extract

    return extract(extractor, images)
