"""Elementary streams, reduced to what a decoder needs.

H.264, HEVC and VVC come as NAL units between start codes (Annex B), among them messages that
only name the encoder and its settings: 600 bytes of text in an x264 stream. Here such units are
dropped, and the others are kept with their length in front, as ISO/IEC 14496-15 does, in
LEB128. That costs fewer bytes than start codes, and a stream that was cut short is noticed,
which the decoders alone do not (ffmpeg's HEVC decoder fills up the picture without a word).

AV1 needs none of this: its OBUs carry their sizes, which are only checked.
"""

from __future__ import annotations

import re

__all__ = ["START_CODE", "pack_units", "split_units", "unpack_units", "whole_obus"]

START_CODE = b"\0\0\0\1"
_PREFIX = re.compile(b"\0\0\1")


def split_units(stream: bytes) -> list[bytes]:
    """Return the NAL units of an Annex B stream, without start codes and trailing zeros."""
    starts = [match.end() for match in _PREFIX.finditer(stream)]
    ends = [start - len(b"\0\0\1") for start in starts[1:]] + [len(stream)]
    return [stream[start:end].rstrip(b"\0") for start, end in zip(starts, ends, strict=True)]


def _leb128(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _extent(data: bytes, at: int) -> tuple[int, int]:
    """Return where the unit begins and ends whose length (LEB128) stands at ``at``."""
    length = shift = 0
    while shift < 56:
        byte = data[at] if at < len(data) else 0
        at += 1
        length |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    if at + length > len(data):
        left = max(0, len(data) - at)
        raise ValueError(f"bitstream is damaged: {length} bytes announced, {left} left")
    return at, at + length


def pack_units(units: list[bytes]) -> bytes:
    """Join NAL units, each with its length (LEB128) in front."""
    return b"".join(_leb128(len(unit)) + unit for unit in units)


def unpack_units(data: bytes) -> bytes:
    """Return the Annex B stream of what ``pack_units`` joined.

    Raises:
        ValueError: a unit is empty or cut short.
    """
    out, at = bytearray(), 0
    while at < len(data):
        start, at = _extent(data, at)
        if start == at:
            raise ValueError(f"bitstream is damaged: an empty unit before byte {at}")
        out += START_CODE + data[start:at]
    if not out:
        raise ValueError("bitstream is empty")
    return bytes(out)


def whole_obus(data: bytes) -> bytes:
    """Return ``data`` if it is a sequence of whole AV1 OBUs (AV1 5.3.2, low-overhead format).

    Raises:
        ValueError: it is empty, an OBU has no size, or one is cut short.
    """
    if not data:
        raise ValueError("bitstream is empty")
    at = 0
    while at < len(data):
        header = data[at]
        if header & 0x83 != 0x02:  # forbidden and reserved bit 0, obu_has_size_field 1
            raise ValueError(f"bitstream is damaged: no OBU header at byte {at}")
        _start, at = _extent(data, at + (2 if header & 0x04 else 1))
    return data
