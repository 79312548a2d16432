"""Pictures of others as reference images: how they are cropped and resized, and what is refused.

A picture that shall be square is cut to the square in its middle, as large as fits, and resized to
``size`` by Pillow's bicubic filter, which averages where it makes smaller, in 8 bits. Colours are
converted to RGB without a profile, and the orientation that a tag tells is not applied: pixels are
used as they are stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image, Resampling

    from harness_plugins.generative.images import Images

__all__ = ["FITTING", "LOSSY", "SUFFIXES", "batches", "check_size", "decode", "square"]

FITTING = "square:centre|resize:pillow-bicubic"  # part of signatures: what the text above says
SUFFIXES = {
    ".bmp": "BMP",
    ".jpeg": "JPEG",
    ".jpg": "JPEG",
    ".png": "PNG",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".webp": "WEBP",
}
LOSSY = {"JPEG", "WEBP"}  # a WebP can be lossless; its name does not tell
_PLAIN = {"1", "CMYK", "L", "P", "RGB", "YCbCr"}  # modes that become RGB without losing anything
_BATCH = 50


def check_size(size: object) -> int | None:
    """Return the side of square pictures in pixels, or None where they are used as they are.

    Raises:
        ValueError: it is neither; one line.
    """
    if size is None or (isinstance(size, int) and not isinstance(size, bool) and size > 0):
        return size
    raise ValueError(f"size must be a number of pixels from 1 on, or null, got {size!r}")


def decode(stream: Any, form: str, size: int | None) -> NDArray[np.uint8]:
    """Return the picture in an open file, uint8 (H, W, 3), cropped and resized.

    Args:
        stream: of the file.
        form: what it must be, as Pillow names it, e.g. ``"JPEG"``.
        size: as :func:`check_size` has it.

    Raises:
        ValueError, OSError: it is damaged, of another form, or has transparency or 16 bits.
    """
    import numpy as np
    from PIL import Image

    with Image.open(stream, formats=[form]) as image:
        if image.mode not in _PLAIN or "transparency" in image.info:
            raise ValueError(f"a picture of mode {image.mode} cannot be a plain RGB one")
        middle = square(image.convert("RGB"), size, Image.Resampling.BICUBIC)
        return np.array(middle, np.uint8)


def square(image: Image, size: int | None, way: Resampling) -> Image:
    """Return the middle of a picture, (size, size); the picture itself where that is None.

    Args:
        image: of any mode.
        size: side in pixels, or None.
        way: the filter by which it is resized.
    """
    if size is None:
        return image
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    middle = image.crop((left, top, left + side, top + side))
    return middle if side == size else middle.resize((size, size), way)


def batches(pictures: Iterable[tuple[str, NDArray[np.uint8]]]) -> Iterator[Images]:
    """Yield pictures, each given with its name, some at a time.

    Raises:
        InvalidImagesError: one has another size than those before it; its name is told.
    """
    import numpy as np

    from harness_plugins.generative.images import Images, InvalidImagesError

    shape, waiting = None, []
    for name, pixels in pictures:
        shape = shape or pixels.shape
        if pixels.shape != shape:
            raise InvalidImagesError(
                f"{name} is {pixels.shape[0]} x {pixels.shape[1]}, those before it "
                f"{shape[0]} x {shape[1]}: give the dataset a size"
            )
        waiting.append(pixels)
        if len(waiting) == _BATCH:
            yield Images.of(np.stack(waiting))
            waiting = []
    if waiting:
        yield Images.of(np.stack(waiting))
