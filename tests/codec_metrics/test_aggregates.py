from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from harness_plugins.codec.metrics.aggregates import CAP_DB, capped_mean, db_of_mean

INF = np.inf
decibels = hnp.arrays(np.float64, st.integers(1, 30), elements=st.floats(0, 120))


@given(decibels)
def test_below_the_cap_it_is_the_plain_mean(values) -> None:
    values = np.minimum(values, CAP_DB)
    assert capped_mean(values) == pytest.approx(values.mean(), rel=1e-12)


def test_an_exact_image_counts_as_100_db() -> None:
    assert capped_mean(np.array([40.0, INF])) == 70.0
    assert capped_mean(np.array([40.0, 108.8])) == 70.0
    assert capped_mean(np.array([INF, INF])) == CAP_DB


@given(hnp.arrays(np.float64, st.integers(1, 30), elements=st.floats(1e-6, 65025)))
def test_psnr_of_the_mean_mse(mse) -> None:
    psnr = 10 * np.log10(255**2 / mse)
    assert db_of_mean(psnr) == pytest.approx(10 * np.log10(255**2 / mse.mean()), abs=1e-9)


@given(hnp.arrays(np.float64, st.integers(1, 30), elements=st.floats(0, 1 - 1e-9)))
def test_db_of_the_mean_ms_ssim(values) -> None:
    per_image = -10 * np.log10(1 - values)
    assert db_of_mean(per_image) == pytest.approx(-10 * np.log10(1 - values.mean()), abs=1e-6)


@given(decibels)
def test_of_the_mean_error_is_never_above_the_mean_of_decibels(values) -> None:
    assert db_of_mean(values) <= values.mean() + 1e-9
    assert db_of_mean(values) >= values.min() - 1e-9


def test_exact_images_have_no_error() -> None:
    assert db_of_mean(np.array([INF, INF])) == INF
    assert db_of_mean(np.array([40.0, INF])) == pytest.approx(40 + 10 * np.log10(2), abs=1e-12)


@pytest.mark.parametrize("aggregate", [capped_mean, db_of_mean])
def test_missing_scores_stay_missing_and_the_input_stays_as_it_is(aggregate) -> None:
    values = np.array([[30.0, np.nan], [30.0, 30.0], [INF, 30.0]])
    before = values.copy()
    reduced = aggregate(values)
    assert np.isnan(reduced[0])
    assert reduced[1] == pytest.approx(30.0, abs=1e-12)
    assert np.array_equal(values, before, equal_nan=True)
