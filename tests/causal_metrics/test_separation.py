"""MIG, SAP and IRS: on full grids, against other implementations, on codes of odd kinds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import helmert

from harness_plugins.causal.interface import Lacking

NAMES = ("mig", "sap", "irs")


def three(coded, z, codes):
    return [coded(name, z, codes) for name in NAMES]


@pytest.fixture(scope="module")
def grids(grid):
    """The grid four times over: 256 pairs, above the least number."""
    return np.tile(grid, (4, 1))


def mutual_information(one, other) -> float:
    """Return the mutual information of two columns of numbers in nats, from its definition."""
    values = [np.unique(column, return_inverse=True)[1] for column in (one, other)]
    joint = np.zeros((values[0].max() + 1, values[1].max() + 1))
    np.add.at(joint, tuple(values), 1 / len(one))
    apart = np.outer(joint.sum(axis=1), joint.sum(axis=0))
    return float((joint[joint > 0] * np.log(joint[joint > 0] / apart[joint > 0])).sum())


def mean_gap(z, codes, bins=lambda column: column) -> float:
    gaps = []
    for variable in z.T:
        found = np.sort([mutual_information(variable, bins(latent)) for latent in codes.T])
        gaps.append((found[-1] - found[-2]) / mutual_information(variable, variable))
    return float(np.mean(gaps))


def test_permuted_and_scaled_variables_have_one(coded, grids) -> None:
    assert three(coded, grids, grids[:, [2, 0, 1]] * [3, -0.2, 100]) == pytest.approx([1, 1, 1])


def test_sums_and_differences_by_hand(coded, grids) -> None:
    codes = grids @ np.array([[1, 1, 0], [1, -1, 0], [0, 0, 1.0]])
    assert three(coded, grids, codes) == pytest.approx([1 / 3, 1 / 3, 0.6], abs=1e-9)


def test_an_orthonormal_mixture_by_hand(coded, grids) -> None:
    codes = grids @ helmert(3, full=True).T
    found = three(coded, grids, codes)
    assert found[1:] == pytest.approx([0.2222, 0.4396], abs=5e-5)
    exact = mean_gap(grids, np.round(codes, 9))
    assert found[0] == pytest.approx(exact, abs=1e-9)
    assert found[0] == pytest.approx(0.1889, abs=5e-5)


def test_mixtures_quoted_higher_owe_it_to_rounding_at_the_edges_of_bins(coded, grids) -> None:
    codes = grids @ helmert(3, full=True).T  # 10, 7 and 13 levels, but for rounding

    def quoted(column):
        return np.digitize(column, np.histogram(column, 20)[1][:-1])  # as disentanglement_lib

    assert mean_gap(grids, codes, quoted) == pytest.approx(0.2146, abs=5e-5)
    assert mean_gap(grids, codes / 3, quoted) != pytest.approx(0.2146, abs=0.01)
    assert coded("mig", grids, codes / 3) == pytest.approx(coded("mig", grids, codes), abs=1e-9)


@settings(max_examples=20)
@given(seed=st.integers(0, 2**16), d=st.integers(1, 3), k=st.integers(2, 4))
def test_mig_follows_its_definition(coded, seed, d, k) -> None:
    rng = np.random.default_rng(seed)
    z = rng.integers(0, 5, size=(250, d))
    codes = rng.integers(0, 7, size=(250, k)) + z[:, [0] * k] * rng.integers(0, 2, size=k)
    assert coded("mig", z, codes) == pytest.approx(mean_gap(z, codes), abs=1e-9)


def test_mig_of_continuous_values_takes_twenty_bins_of_equal_width(coded, normal) -> None:
    z, codes = normal(3000, 2), normal(3000, 2) + 0.3 * normal(3000, 2, seed=1)

    def bins(x):
        return np.stack(
            [np.digitize(c, np.linspace(c.min(), c.max(), 21)[1:-1]) for c in x.T], axis=1
        )

    expected = mean_gap(bins(z), bins(codes))
    assert coded("mig", z, codes) == pytest.approx(expected, abs=1e-9)


def irs_of_disentanglement_lib(z, codes) -> float:
    """Return IRS by the loops of disentanglement_lib, on variables with few levels."""
    furthest = np.max(np.abs(codes - codes.mean(axis=0)), axis=0)
    summed = np.zeros((codes.shape[1], z.shape[1]))
    for i in range(z.shape[1]):
        levels = np.unique(z[:, i])
        for level in levels:
            rows = codes[z[:, i] == level]
            summed[:, i] += np.percentile(np.abs(rows - rows.mean(axis=0)), q=99, axis=0)
        summed[:, i] /= len(levels)
    best = (1 - summed / furthest[:, None]).max(axis=1)
    return float(np.average(best, weights=furthest))


@settings(max_examples=20)
@given(seed=st.integers(0, 2**16), d=st.integers(1, 3), k=st.integers(1, 4))
def test_irs_equals_that_of_disentanglement_lib(coded, seed, d, k) -> None:
    rng = np.random.default_rng(seed)
    z = rng.integers(0, 5, size=(250, d))
    codes = z @ rng.normal(size=(d, k)) + rng.normal(size=(250, k))
    assert coded("irs", z, codes) == pytest.approx(irs_of_disentanglement_lib(z, codes), abs=1e-9)


def test_sap_is_the_gap_of_squared_correlations(coded, normal) -> None:
    z, codes = normal(500, 2), normal(500, 3, seed=1)
    codes[:, 1] += z[:, 0]
    squared = np.corrcoef(z.T, codes.T)[:2, 2:] ** 2
    ordered = np.sort(squared, axis=1)
    expected = np.mean(ordered[:, -1] - ordered[:, -2])
    assert coded("sap", z, codes) == pytest.approx(expected, abs=1e-9)


def test_codes_of_odd_kinds(coded, grids) -> None:
    dead = np.column_stack([grids, np.zeros(256), np.full(256, 0.1)])
    assert three(coded, grids, dead) == pytest.approx([1, 1, 1])
    assert three(coded, grids, np.full((256, 2), 0.1)) == [0, 0, 0]
    twice = np.column_stack([grids, grids])
    assert three(coded, grids, twice) == pytest.approx([0, 0, 1])
    one = grids[:, :1]
    assert three(coded, grids, one) == pytest.approx([1 / 3, 1 / 3, 1])  # the others: 0 - 0
    assert three(coded, one, one) == pytest.approx([1, 1, 1])


@pytest.mark.parametrize("metric", NAMES)
def test_what_is_not_defined_is_skipped(coded, normal, metric) -> None:
    z = normal(300, 2)
    with pytest.raises(Lacking, match="199 test pairs are too few: at least 200"):
        coded(metric, z[:199], z[:199])
    z[:, 0] = 1e9
    with pytest.raises(Lacking, match="true variable 0 is constant"):
        coded(metric, z, normal(300, 2))


def test_chance_and_perfection_of_normal_variables(coded, normal) -> None:
    z = normal(10_000, 5)
    assert three(coded, z, normal(10_000, 5, seed=1))[:2] == pytest.approx([0, 0], abs=0.01)
    assert 0.4 < coded("irs", z, normal(10_000, 5, seed=1)) < 0.6  # outer bins hold few pairs
    assert three(coded, z, z) == pytest.approx([0.993, 1, 0.953], abs=0.01)
