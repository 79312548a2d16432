"""The 24 reconstructions of SwinT-ChARM whose authors published their scores per image."""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
import pytest

from harness_plugins.codec.metrics.aggregates import capped_mean, db_of_mean
from harness_plugins.codec.metrics.fidelity import psnr_rgb
from harness_plugins.codec.metrics.rate import bpp
from harness_plugins.codec.metrics.structural import ms_ssim, ms_ssim_db


class Row(NamedTuple):
    mse: float
    psnr: float
    ms_ssim: float
    ms_ssim_db: float
    bpp: float


@pytest.fixture(scope="module")
def table(harness_data) -> dict[int, Row]:
    text = (harness_data / "swint_charm_kodak" / "published_results.txt").read_text()
    number = r"[^:]*: ([\d.]+)\n"
    found = re.findall(r"kodim(\d+)\n-+\n" + 5 * number, text + "\n")
    return {int(image): Row(*map(float, values)) for image, *values in found}


@pytest.fixture(scope="module")
def images(harness_data):
    from PIL import Image

    def load(folder: str, number: int):
        return np.array(Image.open(harness_data / folder / f"kodim{number:02}.png").convert("RGB"))

    return lambda number: (load("kodak", number), load("swint_charm_kodak", number))


@pytest.fixture(scope="module")
def measured(table, images):
    metrics = (psnr_rgb(), ms_ssim(), ms_ssim_db())
    return {n: [metric(*images(n)) for metric in metrics] for n in table}


def test_the_table_is_whole_and_is_the_published_point(table) -> None:
    assert sorted(table) == list(range(1, 25))
    assert np.mean([row.bpp for row in table.values()]) == pytest.approx(0.9317, abs=5e-5)
    assert np.mean([row.psnr for row in table.values()]) == pytest.approx(37.593, abs=5e-4)


def test_psnr_of_every_image(table, measured) -> None:
    for number, row in table.items():
        assert measured[number][0] == pytest.approx(row.psnr, abs=0.02)


def test_ms_ssim_of_every_image(table, measured) -> None:
    for number, row in table.items():
        assert measured[number][1] == pytest.approx(row.ms_ssim, abs=1e-4)
        # The published decibels are those of an MS-SSIM rounded to no better than 1e-4.
        assert measured[number][2] == pytest.approx(row.ms_ssim_db, abs=0.03)


def test_bpp_of_a_bitstream_of_the_published_length(table, images) -> None:
    for number, row in table.items():
        reference, _ = images(number)
        length = round(row.bpp * 512 * 768 / 8)
        assert bpp()(reference, bytes(length)) == pytest.approx(row.bpp, abs=2e-5)


def test_the_set_in_both_ways_of_averaging(table, measured) -> None:
    psnr = np.array([values[0] for values in measured.values()])
    assert capped_mean(psnr) == pytest.approx(37.593, abs=0.01)
    published = 10 * np.log10(255**2 / np.mean([row.mse for row in table.values()]))
    assert db_of_mean(psnr) == pytest.approx(published, abs=0.01)
    decibels = np.array([values[2] for values in measured.values()])
    mean = np.mean([values[1] for values in measured.values()])
    assert db_of_mean(decibels) == pytest.approx(-10 * np.log10(1 - mean), abs=1e-9)
