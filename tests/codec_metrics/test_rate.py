from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness_plugins.codec.metrics.rate import bpp


@given(st.integers(1, 50), st.integers(1, 50), st.integers(0, 3000))
def test_bits_over_pixels_of_the_original(height, width, length) -> None:
    reference = np.zeros((height, width, 3), np.uint8)
    assert bpp()(reference, bytes(length)) == 8 * length / (height * width)


def test_known_answer() -> None:
    assert bpp()(np.zeros((512, 768, 3), np.uint8), bytes(33_020)) == pytest.approx(
        0.67179, abs=1e-5
    )


def test_an_image_without_pixels_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no pixels.*\(0, 4, 3\)"):
        bpp()(np.zeros((0, 4, 3), np.uint8), b"x")
