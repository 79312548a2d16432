from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given

from harness_plugins.codec_classical import elementary

# What emulation prevention leaves inside a NAL unit: no start code, no zero at the end.
units = st.lists(
    st.binary(min_size=1, max_size=300).map(lambda b: b.replace(b"\0", b"\1")),
    min_size=1,
    max_size=6,
)


@given(units, st.sampled_from([b"\0\0\1", b"\0\0\0\1", b"\0\0\0\0\1"]))
def test_split_finds_the_units_behind_any_start_code(given_units: list[bytes], code: bytes):
    stream = b"".join(code + unit for unit in given_units)
    assert elementary.split_units(stream) == given_units


@given(units)
def test_unpack_restores_the_stream(given_units: list[bytes]):
    stream = b"".join(elementary.START_CODE + unit for unit in given_units)
    packed = elementary.pack_units(given_units)
    assert elementary.unpack_units(packed) == stream
    assert len(packed) < len(stream)


@given(units, st.data())
def test_a_cut_inside_a_unit_is_noticed(given_units: list[bytes], data: st.DataObject):
    packed = elementary.pack_units(given_units)
    last = elementary.pack_units(given_units[-1:])
    cut = data.draw(st.integers(1, len(last) - 1))
    with pytest.raises(ValueError, match="damaged"):
        elementary.unpack_units(packed[:-cut])


@given(st.binary(max_size=64))
def test_any_bytes_end_in_a_stream_or_one_line(data: bytes):
    fault, stream = "", elementary.START_CODE + b"?"
    try:
        stream = elementary.unpack_units(data)
    except ValueError as error:
        fault = str(error)
    assert stream.startswith(elementary.START_CODE)
    assert len(stream) > len(elementary.START_CODE)
    assert not fault or ("bitstream" in fault and "\n" not in fault)


def test_nothing_is_no_stream():
    with pytest.raises(ValueError, match="empty"):
        elementary.unpack_units(b"")


def obu(payload: bytes, *, extended: bool) -> bytes:
    header = bytes([0x32 | extended << 2]) + (b"\0" if extended else b"")
    return header + elementary.pack_units([payload])


@given(st.lists(st.tuples(st.binary(min_size=1, max_size=300), st.booleans()), min_size=1))
def test_whole_obus_pass_and_a_cut_is_noticed(parts: list[tuple[bytes, bool]]):
    stream = b"".join(obu(payload, extended=extended) for payload, extended in parts)
    assert elementary.whole_obus(stream) == stream
    with pytest.raises(ValueError, match="damaged"):
        elementary.whole_obus(stream[:-1])


@pytest.mark.parametrize("data", [b"", b"\x80\0", b"\x30\0", b"RIFF"])
def test_what_are_no_obus_is_said(data: bytes):
    with pytest.raises(ValueError, match="bitstream"):
        elementary.whole_obus(data)
