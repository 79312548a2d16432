"""BD-rates of published curves on Kodak: the values others get from the same points."""

from __future__ import annotations

import json

import numpy as np
import pytest

from harness import stats

# Against vtm.json, PSNR-RGB, all points: cubic, pchip, akima.
PSNR = {
    "bpg_444_x265_ycbcr": (22.05, 21.99, 21.98),
    "hm": (23.39, 23.31, 23.30),
    "av1": (16.22, 16.18, 16.18),
    "webp": (78.14, 78.75, 78.75),
    "jpeg": (210.22, 208.49, 208.49),
    "jpeg2000": (97.07, 97.97, 97.89),
    "compressai-bmshj2018-factorized_mse_cuda": (67.81, 68.10, 68.01),
    "compressai-bmshj2018-hyperprior_mse_cuda": (30.14, 30.49, 30.47),
    "compressai-mbt2018-mean_mse_cuda": (21.03, 21.28, 21.28),
    "compressai-mbt2018_mse_cuda": (10.61, 11.02, 11.01),
    "compressai-cheng2020-anchor_mse_cuda": (3.79, 3.68, 3.59),
    "compressai-cheng2020-attn_mse_cuda": (5.63, 5.51, 5.46),
    "paper-minnen2020-cc10_mse": (1.08, 1.11, 1.06),
    "paper-elic2022_mse": (-7.17, -7.02, -7.06),
}
# The same on MS-SSIM in dB; the second and third are known to one decimal.
MS_SSIM = {
    "bpg_444_x265_ycbcr": ((21.74, 21.51, 21.50), 0.02),
    "webp": ((60.9, 61.3, 61.3), 0.06),
    "compressai-bmshj2018-hyperprior_mse_cuda": ((6.8, 7.3, 7.4), 0.06),
}
# BPG against VTM on equal slices of their points (QP), cubic: the value is one of the window.
WINDOWS = {
    (0, 4): 31.8,
    (1, 5): 27.1,
    (1, 6): 24.8,
    (2, 6): 22.4,
    (2, 7): 20.0,
    (1, 8): 20.2,
    (3, 8): 15.7,
    (4, 8): 13.2,
}


@pytest.fixture
def curve(harness_data):
    def read(name, metric="psnr-rgb"):
        path = harness_data / "published" / "compressai" / f"{name}.json"
        results = json.loads(path.read_text())["results"]
        return np.array(results["bpp"]), np.array(results[metric])

    return read


def _bd(anchor, test, min_overlap=0.0):
    (ra, qa), (rt, qt) = anchor, test
    return stats.bd_rate(
        rate_anchor=ra,
        quality_anchor=qa,
        rate_test=rt,
        quality_test=qt,
        min_overlap=min_overlap,
    )


def _all(result):
    assert not result.refusal
    return (result.cubic, result.pchip, result.akima)


@pytest.mark.parametrize("codec", PSNR)
def test_bd_rate_on_psnr(curve, codec):
    got = _bd(curve("vtm"), curve(codec))
    assert _all(got) == pytest.approx(PSNR[codec], abs=0.02)


@pytest.mark.parametrize("codec", MS_SSIM)
def test_bd_rate_on_ms_ssim_in_db(curve, codec):
    def db(name):
        rate, ms_ssim = curve(name, "ms-ssim-rgb")
        return rate, -10 * np.log10(1 - ms_ssim)

    want, tolerance = MS_SSIM[codec]
    assert _all(_bd(db("vtm"), db(codec))) == pytest.approx(want, abs=tolerance)


@pytest.mark.parametrize("ends", WINDOWS)
def test_bd_rate_is_a_function_of_the_window(curve, ends):
    part = slice(*ends)
    anchor, test = ([c[part] for c in curve(n)] for n in ("vtm", "bpg_444_x265_ycbcr"))
    assert _bd(anchor, test).cubic == pytest.approx(WINDOWS[ends], abs=0.06)


@pytest.mark.parametrize("codec", ["compressai-cheng2020-anchor_mse_cuda", "paper-elic2022_mse"])
def test_short_curves_are_refused_against_the_long_anchor(curve, codec):
    got = _bd(curve("vtm"), curve(codec), min_overlap=0.75)
    assert "at least 75 % is needed" in got.refusal
    assert 0.3 < got.overlap < 0.5


def test_swapped_columns_of_real_curves_are_refused(curve):
    swapped = _bd(curve("vtm")[::-1], curve("bpg_444_x265_ycbcr")[::-1])
    assert swapped.refusal.endswith("rate and quality are swapped")


def test_no_published_curve_is_taken_for_a_swapped_one(curve, harness_data):
    for path in sorted((harness_data / "published" / "compressai").glob("*.json")):
        results = json.loads(path.read_text())["results"]
        if "psnr-rgb" in results:
            assert "swapped" not in _bd(curve("vtm"), curve(path.stem)).refusal, path.stem
