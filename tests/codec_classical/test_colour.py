from __future__ import annotations

import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from harness_plugins.codec_classical import colour


def there_and_back(image: np.ndarray) -> np.ndarray:
    planes = (colour.quantise(p).astype(np.float32) for p in colour.rgb_to_ycbcr(image))
    return colour.ycbcr_to_rgb(tuple(planes))


@given(hnp.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3))))
def test_444_round_trip_is_the_identity(image: np.ndarray):
    np.testing.assert_array_equal(there_and_back(image), image)


@pytest.mark.slow
def test_444_round_trip_is_the_identity_on_every_colour():
    green, blue = np.mgrid[0:256, 0:256].astype(np.uint8)
    for red in range(256):
        image = np.stack([np.full_like(green, red), green, blue], axis=-1)
        np.testing.assert_array_equal(there_and_back(image), image)


@pytest.mark.parametrize(
    ("rgb", "expected"),
    [
        # ITU-T H.273 full range, 10 bit: black, white, and the pure colours by the equations.
        ((0, 0, 0), (0, 512, 512)),
        ((255, 255, 255), (1023, 512, 512)),
        ((255, 0, 0), (217, 395, 1023)),
        ((0, 255, 0), (732, 118, 47)),
        ((0, 0, 255), (74, 1023, 465)),
    ],
)
def test_planes_are_bt709_full_range(rgb: tuple[int, ...], expected: tuple[int, ...]):
    image = np.array(rgb, np.uint8).reshape(1, 1, 3)
    got = tuple(int(colour.quantise(p)[0, 0]) for p in colour.rgb_to_ycbcr(image))
    assert got == expected


@given(st.integers(1, 20), st.integers(1, 20), st.integers(0, 1023))
@settings(max_examples=50)
def test_420_keeps_flat_planes_and_sizes(height: int, width: int, level: int):
    plane = np.full((height, width), level, np.float32)
    small = colour.halve(plane)
    assert small.shape == ((height + 1) // 2, (width + 1) // 2)
    back = colour.upsample(small, height, width)
    assert back.shape == plane.shape
    np.testing.assert_allclose(back, plane, atol=1e-3)


def test_420_has_no_phase_shift():
    # A ramp is its own 2:1 subsampling and back, away from the borders, only where the
    # samples are sited in the middle of the pixels they stand for.
    ramp = np.tile(np.arange(64, dtype=np.float32), (64, 1))
    back = colour.upsample(colour.halve(ramp), 64, 64)
    np.testing.assert_allclose(back[16:48, 16:48], ramp[16:48, 16:48], atol=0.06)
