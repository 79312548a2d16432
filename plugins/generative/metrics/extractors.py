"""The networks whose features sets of images are compared by, each under its name."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness_plugins.generative.images import Images

__all__ = ["INCEPTION_WAYS", "extract"]

# extractor → how it brings images to the network's size
INCEPTION_WAYS = {
    "inception_clean": "clean",
    "inception_tf": "tf-legacy",
    "inception_torch": "torch-legacy",
}


def extract(extractor: str, images: Images) -> NDArray[np.float32]:
    """Return the features of images by an extractor with weights, (n, d).

    Args:
        extractor: ``inception_clean``, ``inception_tf``, ``inception_torch``, or ``clip_`` and a
            network of :data:`.weights.NETWORKS`; of the last the rows have length 1.
        images: of any size.

    Raises:
        Unavailable: its weights are not here.
    """
    owner = f"fid_{extractor}"
    if extractor in INCEPTION_WAYS:
        from harness_plugins.generative.metrics.inception import features

        return features(images, INCEPTION_WAYS[extractor], owner)
    found: NDArray[np.float32] = _clip(extractor.removeprefix("clip_"), owner).images(images)
    return found


@cache
def _clip(network: str, owner: str) -> Any:
    from harness_plugins.generative.metrics.clip import Clip

    return Clip.load(network, owner=owner)
