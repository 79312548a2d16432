"""The bytes of a neural codec: a header of a few bytes, then the strings of its entropy coder.

The header holds, as LEB128 numbers of 7 bits per byte: quality, height, width, and the length of
each string. The shape of the latents follows from the size, so it is not stored. A photograph
of 768 x 512 with two strings has a header of 8 to 10 bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["Bitstream", "pack", "unpack"]

_MOST_BYTES = 4  # of one number: 2²⁸ is more than any side or string


class Bitstream(NamedTuple):
    """What a decoder finds in the bytes.

    Attributes:
        size: height and width of the image, in pixels.
        strings: what the entropy coder wrote, in CompressAI's order: y, then z.
    """

    quality: int
    size: tuple[int, int]
    strings: tuple[bytes, ...]


def pack(stream: Bitstream) -> bytes:
    """Return the bytes of ``stream``.

    Raises:
        ValueError: a number is negative or 2²⁸ or more.
    """
    numbers = [stream.quality, *stream.size, *map(len, stream.strings)]
    return b"".join([*map(_number, numbers), *stream.strings])


def unpack(data: bytes, strings: int) -> Bitstream:
    """Return what ``pack`` was given.

    Args:
        data: the whole bitstream.
        strings: how many strings the codec writes.

    Raises:
        ValueError: ``data`` is shorter or longer than its header says, or the header is damaged.
    """
    numbers: list[int] = []
    at = 0
    for _ in range(3 + strings):
        value, at = _read(data, at)
        numbers.append(value)
    quality, height, width, *lengths = numbers
    if not height or not width:
        raise ValueError(f"the bitstream is damaged: an image of {height} x {width}")
    if at + sum(lengths) != len(data):
        raise ValueError(
            f"the bitstream is damaged: {len(data)} bytes, its header says {at + sum(lengths)}"
        )
    return Bitstream(quality, (height, width), tuple(_split(data, at, lengths)))


def _split(data: bytes, at: int, lengths: Sequence[int]) -> list[bytes]:
    found = []
    for length in lengths:
        found.append(data[at : at + length])
        at += length
    return found


def _number(value: int) -> bytes:
    if not 0 <= value < 1 << (7 * _MOST_BYTES):
        raise ValueError(f"{value} does not fit into the header")
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _read(data: bytes, at: int) -> tuple[int, int]:
    """Return the number at ``at`` and where the next one begins."""
    value = 0
    for index, byte in enumerate(data[at : at + _MOST_BYTES]):
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value, at + index + 1
    raise ValueError("the bitstream is damaged: its header ends early")
