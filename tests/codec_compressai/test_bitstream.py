from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness_plugins.codec_compressai.bitstream import Bitstream, pack, unpack

sides = st.integers(1, (1 << 28) - 1)
streams = st.builds(
    Bitstream,
    st.integers(1, 200),
    st.tuples(sides, sides),
    st.lists(st.binary(max_size=300), min_size=1, max_size=3).map(tuple),
)


@given(streams)
def test_what_is_packed_comes_back(stream: Bitstream) -> None:
    assert unpack(pack(stream), len(stream.strings)) == stream


@given(streams, st.data())
def test_a_cut_bitstream_is_refused(stream: Bitstream, data: st.DataObject) -> None:
    packed = pack(stream)
    cut = data.draw(st.integers(0, len(packed) - 1))
    with pytest.raises(ValueError, match="damaged"):
        unpack(packed[:cut], len(stream.strings))


@given(streams, st.binary(min_size=1, max_size=9))
def test_more_bytes_than_the_header_says_are_refused(stream: Bitstream, more: bytes) -> None:
    with pytest.raises(ValueError, match="damaged"):
        unpack(pack(stream) + more, len(stream.strings))


@given(st.binary(max_size=40), st.integers(1, 2))
def test_any_bytes_are_refused_or_are_what_would_be_written(data: bytes, strings: int) -> None:
    try:
        stream = unpack(data, strings)
    except ValueError:
        return
    assert min(stream.size) >= 1
    # not always equal: a number may be written with more bytes than it needs
    assert len(pack(stream)) <= len(data)
    assert unpack(pack(stream), strings) == stream


def test_the_header_of_a_photograph_has_ten_bytes() -> None:
    stream = Bitstream(3, (512, 768), (bytes(40_000), bytes(1_000)))
    # quality 1, height 2, width 2, lengths 3 and 2
    assert len(pack(stream)) == 41_000 + 10


@pytest.mark.parametrize("size", [(1 << 28, 1), (1, -1)])
def test_a_number_out_of_range_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        pack(Bitstream(1, size, (b"",)))


def test_an_empty_image_is_refused() -> None:
    with pytest.raises(ValueError, match="an image of 0 x 5"):
        unpack(bytes([1, 0, 5, 0]), 1)
