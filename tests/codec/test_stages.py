"""What the stages pass on, what they refuse, and how long they say it took."""

from __future__ import annotations

import time
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from harness import trace
from harness_plugins.codec import stages
from harness_plugins.codec.interface import Codec, EstimatesBits
from harness_plugins.codec.outputs import as_bitstream, as_image

IMAGE = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)


@pytest.fixture(autouse=True)
def no_marks():
    trace.reset()
    yield
    trace.reset()


class Raw:
    """The simplest codec: shape and samples, and a pause to be timed."""

    pause = 0.0

    def encode(self, image, point):
        time.sleep(self.pause)
        assert point == {"quality": 1}
        return bytes(image.shape[:2]) + image.tobytes()

    def decode(self, data):
        time.sleep(self.pause)
        return np.frombuffer(data, np.uint8, offset=2).reshape(data[0], data[1], 3)


class Estimating(Raw):
    bits: object = 17.5

    def estimate_bits(self, image, point):
        time.sleep(0.05)
        return self.bits


def encode(model, **inputs):
    return stages.encode(model, {"reference": IMAGE, **inputs}, {"quality": 1}, 0)


def decode(returned):
    model = SimpleNamespace(decode=lambda data: returned)
    return stages.decode(model, {"bitstream": b"x"}, {}, 0)["reconstruction"]


def test_through_bytes_and_back():
    made = encode(Raw())
    assert set(made) == {"bitstream"}
    back = stages.decode(Raw(), made, {"quality": 1}, 0)
    assert set(back) == {"reconstruction"}
    assert np.array_equal(back["reconstruction"], IMAGE)


def test_repetitions_return_the_same_under_other_names():
    made = encode(Raw())
    again = stages.encode_again(Raw(), {"reference": IMAGE}, {"quality": 1}, 0)
    assert again == {"bitstream_again": made["bitstream"]}
    back = stages.decode_again(Raw(), made, {}, 0)
    assert list(back) == ["reconstruction_again"]
    assert np.array_equal(back["reconstruction_again"], IMAGE)


def test_protocols():
    assert isinstance(Raw(), Codec)
    assert not isinstance(Raw(), EstimatesBits)
    assert isinstance(Estimating(), EstimatesBits)
    assert not isinstance(SimpleNamespace(encode=len), Codec)


def test_time_is_that_of_the_model_alone():
    model = Estimating()
    model.pause = 0.01
    encode(model)
    spans, notes = trace.taken()
    assert notes == {"estimated_bits": 17.5}
    assert list(spans) == ["encode"]
    assert 0.01 <= spans["encode"] < 0.05  # the estimate's 50 ms are not in it


def test_a_span_of_the_model_stands():
    class Marking(Raw):
        def decode(self, data):
            trace.add_seconds("decode", 123.0)
            return super().decode(data)

    stages.decode(Marking(), encode(Raw()), {}, 0)
    assert trace.taken()[0]["decode"] == 123.0


@pytest.mark.parametrize("bits", [float("nan"), float("inf"), -1.0])
def test_estimates_must_be_numbers_of_bits(bits):
    model = Estimating()
    model.bits = bits
    with pytest.raises(ValueError, match=r"estimate_bits returned .*, expected a number of bits"):
        encode(model)


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        (None, "encode returned None, expected bytes"),
        ("text", "encode returned str, expected bytes"),
        (bytearray(b"x"), "encode returned bytearray, expected bytes"),
        (IMAGE, "encode returned numpy.ndarray, expected bytes"),
        (b"", "encode returned no bytes: a decoder cannot start from nothing"),
    ],
)
def test_no_bitstream(returned, said):
    with pytest.raises(ValueError) as raised:
        encode(SimpleNamespace(encode=lambda image, point: returned))
    assert str(raised.value) == said
    assert raised.value.outcome == "invalid"


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        (None, "decode returned None, "),
        ([[1]], "decode returned list, "),
        (IMAGE[..., 0], r"decode returned the shape \(2, 3\), "),
        (IMAGE[..., :2], r"decode returned the shape \(2, 3, 2\), "),
        (np.zeros((2, 3, 4), np.uint8), r"decode returned the shape \(2, 3, 4\), "),
        (np.zeros((1, 2, 3, 3), np.uint8), r"decode returned the shape \(1, 2, 3, 3\), "),
        (np.zeros((0, 3, 3), np.uint8), r"decode returned the shape \(0, 3, 3\), "),
        (IMAGE.astype(np.int16), "decode returned the dtype int16, "),
        (IMAGE.astype(bool), "decode returned the dtype bool, "),
        (IMAGE.astype(complex), "decode returned the dtype complex128, "),
    ],
)
def test_no_image(returned, said):
    with pytest.raises(ValueError, match=said + r"expected a uint8 array \(H, W, 3\)$") as raised:
        decode(returned)
    assert raised.value.outcome == "invalid"


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_not_finite(bad):
    image = IMAGE.astype(np.float32)
    image[0, 1, 2] = bad
    with pytest.raises(ValueError, match="decode returned NaN or infinity") as raised:
        decode(image)
    assert raised.value.outcome == "nonfinite"


def test_floats_are_rounded_half_to_even_and_clipped():
    values = [-3.0, -0.5, 0.5, 1.5, 2.5, 254.5, 255.4, 256.0, 1e9]
    image = np.array(values, np.float64).reshape(1, 3, 3)
    assert as_image(image).ravel().tolist() == [0, 0, 0, 2, 2, 254, 255, 255, 255]


@given(hnp.arrays(np.uint8, st.tuples(st.integers(1, 4), st.integers(1, 4), st.just(3))))
def test_eight_bits_pass_unchanged_in_any_layout(image):
    for given_as in (image, image[::-1][::-1], np.asfortranarray(image)):
        assert np.array_equal(as_image(given_as), image)
    for kind in (np.float16, np.float32, np.float64):
        assert np.array_equal(as_image(image.astype(kind)), image)


@given(st.binary(min_size=1))
def test_bytes_pass_unchanged(data):
    assert as_bitstream(data) is data
