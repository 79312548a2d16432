"""Mean correlation coefficients and R² from single latents."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from harness_plugins.causal.interface import Lacking

MCC = [f"mean_corr_coef{r}{s}" for r in ("", "_spearman") for s in ("", "_in_sample")]


def by_all_permutations(correlation) -> float:
    """Return the best mean over all ways to give each variable a latent of its own; k ≥ d."""
    d, k = correlation.shape
    ways = itertools.permutations(range(k), d)
    return max(correlation[np.arange(d), list(way)].mean() for way in ways)


@pytest.mark.parametrize("metric", MCC)
def test_permuted_scaled_flipped_and_shifted_variables_are_recovered(coded, normal, metric):
    z = normal(1000, 5)
    codes = z[:, [3, 1, 4, 0, 2]] * [1e6, -1, 1e-9, 20, -0.1] + [0, 1e3, 0, -5, 2]
    assert coded(metric, z, codes) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("metric", MCC[:2])
@pytest.mark.parametrize(("degrees", "expected"), [(15, 0.966), (30, 0.866), (45, 0.707)])
def test_a_rotation_of_two_variables_costs_its_cosine(coded, normal, metric, degrees, expected):
    z = normal(40_000, 2)
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    assert coded(metric, z, z @ [[c, -s], [s, c]]) == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("steep", [0.3, 1.0])
def test_an_increasing_map_costs_pearson_only(coded, normal, steep) -> None:
    z = normal(100_000, 2)
    codes = np.exp(steep * z)[:, ::-1]
    pearson = steep / np.sqrt(np.expm1(steep**2))  # of a normal and its log-normal
    assert coded("mean_corr_coef", z, codes) == pytest.approx(pearson, abs=0.01)
    assert coded("mean_corr_coef_spearman", z, codes) == pytest.approx(1, abs=1e-12)
    assert coded("mean_corr_coef_spearman_in_sample", z, codes) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize(
    ("rows", "d", "expected"),
    [
        *((100, 5, 0.136), (100, 16, 0.194), (1000, 5, 0.044), (1000, 16, 0.059)),
        *((10_000, 5, 0.017), (10_000, 16, 0.019)),
    ],
)
def test_chance_is_higher_in_sample(coded, rows, d, expected) -> None:
    rng = np.random.default_rng(rows + d)
    found = {name: [] for name in MCC}
    for _ in range(20 if rows < 10_000 else 3):
        z, codes = rng.normal(size=(2, rows, d))
        for name in MCC if rows < 10_000 else MCC[:2]:
            found[name].append(coded(name, z, codes))
    means = {name: np.mean(values) for name, values in found.items() if values}
    # what is expected was measured elsewhere, on one draw
    assert means["mean_corr_coef_in_sample"] == pytest.approx(expected, rel=0.3)
    # E|r| of n independent normal rows is √(2/π) / √(n − 1); half B has n / 2 of them
    held_out = np.sqrt(2 / np.pi / (rows / 2 - 1))
    assert means["mean_corr_coef"] == pytest.approx(held_out, rel=0.15)
    assert means["mean_corr_coef"] < means["mean_corr_coef_in_sample"]


@given(seed=st.integers(0, 2**16), d=st.integers(1, 4), extra=st.integers(0, 1))
def test_the_assignment_is_the_best_of_all_permutations(coded, seed, d, extra) -> None:
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(60, d))
    codes = z @ rng.normal(size=(d, d + extra)) + rng.normal(size=(60, d + extra))
    for name, correlate in (
        ("", lambda x: np.corrcoef(x.T)),
        ("_spearman", lambda x: np.corrcoef(stats.rankdata(x, axis=0).T)),
    ):
        correlation = np.abs(correlate(np.hstack([z, codes]))[:d, d:])
        found = coded(f"mean_corr_coef{name}_in_sample", z, codes)
        assert found == pytest.approx(by_all_permutations(correlation), abs=1e-9)


def test_ties_share_their_ranks_as_scipy_says(coded) -> None:
    rng = np.random.default_rng(0)
    z = rng.integers(0, 4, size=(500, 1))
    codes = z + rng.integers(0, 3, size=(500, 1))
    expected = abs(stats.spearmanr(z[:, 0], codes[:, 0]).statistic)
    found = coded("mean_corr_coef_spearman_in_sample", z, codes)
    assert found == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("metric", MCC)
def test_a_variable_without_a_latent_counts_zero(coded, normal, metric) -> None:
    z = normal(1000, 4)
    assert coded(metric, z, z[:, :3]) == pytest.approx(0.75, abs=1e-9)
    assert coded(metric, z, z[:, [0, 0, 1, 1, 2]]) == pytest.approx(0.75, abs=0.03)
    dead = np.column_stack([z[:, :2], np.zeros(1000), np.full(1000, 1e7)])
    assert coded(metric, z, dead) == pytest.approx(0.5, abs=1e-9)
    assert coded(metric, z, np.ones((1000, 6))) == 0


@pytest.mark.parametrize("metric", [*MCC, "r2_diagonal", "r2_off_diagonal"])
def test_constant_variables_and_few_pairs_are_skipped(coded, normal, metric) -> None:
    z = normal(50, 3)
    with pytest.raises(Lacking, match="19 test pairs are too few"):
        coded(metric, z[:19], z[:19])
    z[:, 2] = 0.1
    with pytest.raises(Lacking, match="true variable 2 is constant"):
        coded(metric, z, normal(50, 3))


def test_sixteen_variables_of_ten_thousand_pairs_take_ten_milliseconds(coded, normal) -> None:
    z = normal(10_000, 16)
    codes = z @ normal(16, 16, seed=1)
    took = []
    for _ in range(8):
        start = time.thread_time()  # 2.7 ms idle; a busy machine costs memory bandwidth
        coded("mean_corr_coef", z, codes)
        took.append(time.thread_time() - start)
    assert min(took) <= 0.010


def test_r2_by_hand(score) -> None:
    r2 = np.array([[0.2, 0.9, 0.1], [0.8, 0.95, 0.3]])
    # 0.9 + 0.8 is more than 0.2 + 0.95 or 0.1 + 0.95
    assert score("r2_diagonal", predictability=r2) == pytest.approx(0.85)
    assert score("r2_off_diagonal", predictability=r2) == pytest.approx((0.2 + 0.95) / 2)
    assert score("r2_diagonal", predictability=r2.T) == pytest.approx(1.7 / 3)
    assert score("r2_off_diagonal", predictability=r2.T) == pytest.approx((0.2 + 0.95 + 0.3) / 3)


def test_r2_of_one_latent_has_no_other(score) -> None:
    assert score("r2_diagonal", predictability=np.array([[0.5], [0.7]])) == pytest.approx(0.35)
    with pytest.raises(Lacking, match="one latent"):
        score("r2_off_diagonal", predictability=np.array([[0.5], [0.7]]))
    assert score("r2_diagonal", predictability=np.zeros((3, 3))) == 0
    assert score("r2_off_diagonal", predictability=np.zeros((3, 3))) == 0
