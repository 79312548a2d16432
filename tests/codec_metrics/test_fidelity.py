from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from harness_plugins.codec.metrics.colour import halve, ycbcr, yuv420p_limited
from harness_plugins.codec.metrics.fidelity import mse_rgb, psnr_rgb, psnr_yuv

METRICS = [psnr_rgb(), psnr_yuv([6, 1, 1]), psnr_yuv([4, 1, 1])]
IDS = ["rgb", "yuv611", "yuv411"]


@st.composite
def pairs(draw, largest=9):
    shape = (draw(st.integers(1, largest)), draw(st.integers(1, largest)), 3)
    return tuple(draw(hnp.arrays(np.uint8, shape)) for _ in range(2))


@given(pairs())
def test_psnr_rgb_is_its_formula(pair) -> None:
    x, y = (image.astype(float) for image in pair)
    mse = np.mean((x - y) ** 2)
    assert mse_rgb(*pair) == pytest.approx(mse, rel=1e-12)
    expected = 10 * math.log10(255**2 / mse) if mse else math.inf
    assert psnr_rgb()(*pair) == pytest.approx(expected, abs=1e-9)


@given(pairs(), st.sampled_from([(6, 1, 1), (4, 1, 1)]))
def test_psnr_yuv_converts_images_as_it_converts_their_difference(pair, weights) -> None:
    planes = [ycbcr(image) for image in pair]
    grids = [(y, halve(cb), halve(cr)) for y, cb, cr in planes]
    errors = [np.mean((a - b) ** 2) for a, b in zip(*grids, strict=True)]
    if np.array_equal(*pair):
        expected = math.inf
    else:
        psnr = [min(10 * math.log10(255**2 / max(e, 1e-30)), 100) for e in errors]
        expected = np.average(psnr, weights=weights)
    assert psnr_yuv(weights)(*pair) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("metric", METRICS, ids=IDS)
@given(pair=pairs())
def test_symmetric_nonnegative_and_infinite_for_equal_images_only(metric, pair) -> None:
    x, y = pair
    assert metric(x, y) == metric(y, x) >= 0
    assert metric(x, x) == math.inf
    assert (metric(x, y) == math.inf) == np.array_equal(x, y)


@pytest.mark.parametrize("metric", METRICS, ids=IDS)
def test_falls_as_noise_grows(metric, photo, noisy) -> None:
    values = [metric(photo, noisy(photo, a)) for a in (0.5, 1, 2, 4, 8, 16, 32)]
    assert values == sorted(values, reverse=True)
    assert values[0] > values[-1] + 30


def test_the_largest_error_has_no_decibels() -> None:
    black, white = np.zeros((4, 4, 3), np.uint8), np.full((4, 4, 3), 255, np.uint8)
    assert psnr_rgb()(black, white) == 0.0


def test_an_exact_plane_counts_as_100_db() -> None:
    x = np.full((4, 4, 3), 100, np.uint8)
    y = x + np.uint8(10)  # grey: luma is off by 10, chroma exact
    assert psnr_yuv([6, 1, 1])(x, y) == pytest.approx(
        (6 * 10 * math.log10(650.25) + 200) / 8, abs=1e-9
    )


@pytest.mark.parametrize("weights", [(6, 1, 1), (4, 1, 1)])
def test_chroma_is_the_mean_of_blocks_with_the_last_odd_row_and_column_repeated(weights) -> None:
    plane = np.array([[0.0, 4.0, 8.0], [4.0, 8.0, 0.0], [2.0, 2.0, 6.0]])
    assert np.array_equal(halve(plane), [[4.0, 4.0], [2.0, 6.0]])
    rng = np.random.default_rng(1)
    x, y = (rng.integers(0, 256, (5, 7, 3), dtype=np.uint8) for _ in range(2))
    padded = [np.pad(i, ((0, 1), (0, 1), (0, 0)), mode="edge") for i in (x, y)]
    odd = [np.mean(np.square(halve(p))) for p in ycbcr(x.astype(float) - y)[1:]]
    even = [np.mean(np.square(halve(p))) for p in ycbcr(padded[0].astype(float) - padded[1])[1:]]
    assert odd == pytest.approx(even, rel=1e-12)


@given(hnp.arrays(np.uint8, (3, 5, 3)))
def test_ycbcr_can_be_undone(rgb) -> None:
    y, cb, cr = ycbcr(rgb)
    red, blue = y + 1.5748 * cr, y + 1.8556 * cb
    green = (y - 0.2126 * red - 0.0722 * blue) / 0.7152
    assert np.allclose(np.stack([red, green, blue], -1), rgb, atol=1e-9)


def test_limited_range_planes_of_the_primaries() -> None:
    # 8-bit values as in BT.709-6, 3.4: quantisation of E'Y, E'CB, E'CR
    known = {
        (0, 0, 0): (16, 128, 128),
        (255, 255, 255): (235, 128, 128),
        (255, 0, 0): (63, 102, 240),
        (0, 255, 0): (173, 42, 26),
        (0, 0, 255): (32, 240, 118),
    }
    for rgb, (y, u, v) in known.items():
        image = np.full((3, 5, 3), rgb, np.uint8)
        assert yuv420p_limited(image) == bytes([y] * 15 + [u] * 6 + [v] * 6)


@pytest.mark.parametrize("metric", METRICS, ids=IDS)
@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (np.zeros((2, 2, 3), np.uint8), np.zeros((2, 3, 3), np.uint8), r"\(2, 3, 3\), expected"),
        (np.zeros((2, 2, 3), np.uint8), np.zeros((2, 2, 3)), "reconstruction must be a uint8"),
        (np.zeros((2, 2), np.uint8), np.zeros((2, 2), np.uint8), "reference must be a uint8"),
        (np.zeros((2, 2, 4), np.uint8), np.zeros((2, 2, 4), np.uint8), "reference must be"),
        (np.zeros((0, 2, 3), np.uint8), np.zeros((0, 2, 3), np.uint8), "2 x 0; both sides"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_one_line(metric, x, y, message) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        metric(x, y)
    assert "\n" not in str(caught.value)


def test_equals_scikit_image(photo, jpeg) -> None:
    from skimage.metrics import peak_signal_noise_ratio

    for quality in (5, 40, 95):
        other = jpeg(photo, quality)
        expected = peak_signal_noise_ratio(photo, other, data_range=255)
        assert psnr_rgb()(photo, other) == pytest.approx(expected, abs=1e-10)
