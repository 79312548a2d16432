from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness_plugins.codec.metrics.structural import ms_ssim, ms_ssim_db, ssim

SSIM, MS_SSIM = ssim(), ms_ssim()


def random_pair(seed, height, width, strength):
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    y = np.clip(x + rng.integers(-strength, strength + 1, x.shape), 0, 255).astype(np.uint8)
    return x, y


sizes = st.integers(161, 190)
cases = st.builds(random_pair, st.integers(0, 2**32), sizes, sizes, st.integers(0, 255))
small_sizes = st.integers(11, 40)
small = st.builds(
    random_pair, st.integers(0, 2**32), small_sizes, small_sizes, st.integers(0, 255)
)


@given(small)
def test_ssim_is_symmetric_and_in_range(pair) -> None:
    x, y = pair
    assert SSIM(x, y) == SSIM(y, x)
    assert -1 <= SSIM(x, y) <= 1
    assert SSIM(x, x) == 1


@settings(max_examples=15, deadline=None)
@given(cases)
def test_ms_ssim_is_symmetric_and_in_range(pair) -> None:
    x, y = pair
    assert MS_SSIM(x, y) == MS_SSIM(y, x)
    assert 0 <= MS_SSIM(x, y) <= 1
    assert MS_SSIM(x, x) == 1


@settings(max_examples=10, deadline=None)
@given(small, cases)
def test_position_and_channel_order_do_not_matter(little, large) -> None:
    for metric, (x, y) in ((SSIM, little), (MS_SSIM, large)):
        value = metric(x, y)
        turned = metric(*(np.ascontiguousarray(i.transpose(1, 0, 2)) for i in (x, y)))
        assert turned == pytest.approx(value, abs=1e-6)
        assert metric(x[..., ::-1], y[..., ::-1]) == value


@pytest.mark.parametrize("metric", [SSIM, MS_SSIM, ms_ssim_db()], ids=["ssim", "ms_ssim", "db"])
def test_falls_as_noise_grows(metric, photo, noisy) -> None:
    values = [metric(photo, noisy(photo, a)) for a in (0.5, 1, 2, 4, 8, 16, 32, 64)]
    assert values == sorted(values, reverse=True)
    assert len(set(values)) == len(values)


def test_decibels_of_ms_ssim(photo, jpeg) -> None:
    other = jpeg(photo, 30)
    assert ms_ssim_db()(photo, other) == -10 * math.log10(1 - MS_SSIM(photo, other))
    assert ms_ssim_db()(photo, photo) == math.inf


def test_one_changed_sample_is_seen(photo) -> None:
    other = photo.copy()
    other[200, 300, 1] ^= 4
    assert 0.999 < SSIM(photo, other) < 1
    assert 0.999 < MS_SSIM(photo, other) < 1
    assert 40 < ms_ssim_db()(photo, other) < math.inf


def test_images_too_small_for_the_window_are_refused() -> None:
    for metric, least in ((SSIM, 11), (MS_SSIM, 161), (ms_ssim_db(), 161)):
        metric(*random_pair(0, least, least + 20, 9))
        for height, width in ((least - 1, 300), (300, least - 1)):
            x, y = random_pair(0, height, width, 9)
            expected = f"{width} x {height}; both sides must have at least {least} pixels"
            with pytest.raises(ValueError, match=expected) as caught:
                metric(x, y)
            assert "\n" not in str(caught.value)


def test_constant_images_by_the_formula() -> None:
    # No variance: SSIM is the luminance term, MS-SSIM the same to the weight of the last scale.
    x, y = (np.full((176, 176, 3), v, np.uint8) for v in (50, 200))
    light = (2 * 50 * 200 + 2.55**2) / (50**2 + 200**2 + 2.55**2)
    assert SSIM(x, y) == pytest.approx(light, abs=1e-6)
    assert MS_SSIM(x, y) == pytest.approx(light**0.1333, abs=1e-6)


def test_ssim_equals_scikit_image(photo, jpeg) -> None:
    from skimage.metrics import structural_similarity

    for quality in (5, 40, 95):
        other = jpeg(photo, quality)
        expected = structural_similarity(
            *(photo, other),
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            data_range=255,
            channel_axis=2,
        )
        assert SSIM(photo, other) == pytest.approx(expected, abs=2e-6)


@pytest.mark.parametrize("size", [(176, 320), (161, 163), (221, 258), (164, 301)])
def test_ms_ssim_equals_pytorch_msssim_in_double_precision(size, photo, jpeg, tensors) -> None:
    import pytorch_msssim
    import torch

    # Its own window is rounded to single precision, which moves SSIM by up to 4e-6.
    window = torch.exp(-((torch.arange(11.0).double() - 5) ** 2) / (2 * 1.5**2))
    window = (window / window.sum()).expand(3, 1, 1, 11)
    image = np.ascontiguousarray(photo[: size[0], : size[1]])
    for quality in (5, 90):
        other = jpeg(image, quality)
        x, y = (t.double() for t in tensors(image, other))
        expected = pytorch_msssim.ms_ssim(x, y, data_range=255, win=window).item()
        assert MS_SSIM(image, other) == pytest.approx(expected, abs=2e-6)
        expected = pytorch_msssim.ssim(x, y, data_range=255, win=window).item()
        assert SSIM(image, other) == pytest.approx(expected, abs=2e-6)


def test_ms_ssim_equals_pytorch_msssim_as_it_is_used(photo, jpeg, tensors) -> None:
    import pytorch_msssim

    for quality in (5, 40, 95):
        other = jpeg(photo, quality)
        expected = pytorch_msssim.ms_ssim(*tensors(photo, other), data_range=255).item()
        assert MS_SSIM(photo, other) == pytest.approx(expected, abs=2e-5)
