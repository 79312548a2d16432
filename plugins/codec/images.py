"""Image files as uint8 RGB arrays, by one stated rule.

Taken as they are: 8-bit RGB. Converted: grey and bilevel (each sample three times) and palette
(its colours), because no sample value is lost. Refused: alpha, more than 8 bits, CMYK and other
colour spaces, and files of several images, because a conversion would have to choose. Colour
profiles and orientation tags change how an image is shown, not its samples, and are left alone.
"""

from __future__ import annotations

import re
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from harness.spec import Item

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["FORMATS", "load", "read_image"]

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "PPM")
_KEPT = {"RGB", "L", "1", "P"}
_ALPHA = {"RGBA", "LA", "PA", "La", "RGBa", "RGBX"}
_DEEP = {"I", "F", "I;16", "I;16B", "I;16L", "I;16N"}


def read_image(data: bytes) -> NDArray[np.uint8]:
    """Return the image in the bytes of a file as uint8 (H, W, 3) RGB.

    Raises:
        ValueError: one line: it is truncated or damaged, in none of ``FORMATS``, or it is
            refused by the rule, with how to convert it.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(BytesIO(data), formats=FORMATS) as image:
            refused = _refusal(image)
            if not refused:
                return np.asarray(image.convert("RGB"))
    except UnidentifiedImageError:
        refused = f"it is no image of the kinds {', '.join(FORMATS)}, or its head is damaged"
    except Exception as error:  # noqa: BLE001 - decoders of damaged files raise anything
        refused = f"it is truncated or damaged ({' '.join(str(error).split())})"
    raise ValueError(refused)


def load(item: Item, data: bytes | None) -> NDArray[np.uint8]:
    """Return the image of a dataset's item as uint8 (H, W, 3) RGB, from its file's bytes.

    Raises:
        ValueError: one line that names the item.
    """
    if data is None:
        raise ValueError(f"{item.id}: its file was not read")
    try:
        return read_image(data)
    except ValueError as error:
        raise ValueError(f"{item.id}: {error}") from error


def _refusal(image: Image.Image) -> str:
    """Say why the image is refused and what to do; "" where it is not."""
    frames = getattr(image, "n_frames", 1)
    if frames > 1:
        return f"it holds {frames} images: save the one that is meant"
    if image.mode in _ALPHA or "transparency" in image.info:
        return "it has an alpha channel: remove it, e.g. with ImageMagick's -alpha off"
    if image.mode in _DEEP or _is_deep(image):
        return "it has more than 8 bits per sample: convert it, e.g. with ImageMagick's -depth 8"
    if image.mode not in _KEPT:
        return f"it is {image.mode}: convert it to sRGB, e.g. with ImageMagick's -colorspace sRGB"
    return ""


def _is_deep(image: Image.Image) -> bool:
    """Say whether the file has more than 8 bits where its decoder would reduce them to 8."""
    for codec, _, _, given in getattr(image, "tile", []):
        layout, *rest = given if isinstance(given, tuple) else (given,)
        if re.fullmatch(r"(?!BGR).*;(1[0-9]|32|64).*", str(layout)):  # BGR;16 is 5-6-5 bits
            return True
        if codec == "ppm" and rest and rest[0] > 255:  # its greatest sample value
            return True
    return False
