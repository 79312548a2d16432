"""How an image becomes an artifact, and how it is shown."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from numpy.typing import NDArray

__all__ = ["Png", "thumbnail"]


class Png:
    """An image as a lossless PNG, written for speed: level 1, one row filter."""

    @staticmethod
    def dump(value: NDArray[np.uint8]) -> bytes:
        """Return the PNG of a uint8 (H, W, 3) RGB image."""
        import cv2

        options = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_FILTER]
        options.append(cv2.IMWRITE_PNG_FILTER_UP)
        _, data = cv2.imencode(".png", cv2.cvtColor(value, cv2.COLOR_RGB2BGR), options)
        return data.tobytes()

    @staticmethod
    def load(data: bytes) -> NDArray[np.uint8]:
        """Return the uint8 (H, W, 3) RGB image of ``dump``'s bytes.

        Raises:
            ValueError: they are no PNG.
        """
        import cv2

        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        if image is None:
            raise ValueError("the artifact is no PNG image")
        return cv2.cvtColor(image, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)


def thumbnail(data: bytes, max_side: int) -> bytes:
    """Return a WebP of the image in ``data``, with no side longer than ``max_side`` pixels.

    Args:
        data: an artifact of :class:`Png`, or a file of a dataset.
        max_side: pixels; a smaller image keeps its size.

    Raises:
        ValueError: ``data`` is no image a dataset accepts.
    """
    from PIL import Image

    from harness_plugins.codec.images import read_image

    image = Image.fromarray(read_image(data))
    image.thumbnail((max_side, max_side), Image.Resampling.LANCZOS)
    buffer = BytesIO()
    image.save(buffer, "WEBP", quality=85, method=4)
    return buffer.getvalue()
