"""Statistics of runs by tasks against worked values and independent ways of counting."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import mannwhitneyu

from harness.stats import cvar, optimality_gap, performance_profile, probability_of_improvement

FLOATS = st.floats(-1e6, 1e6)
X = [[1.0, 2.0], [2.0, 3.0], [3.0, 4.0]]
Y = [[0.0, 2.0], [1.0, 2.0], [2.0, 5.0]]


def test_probability_of_improvement_of_a_worked_example():
    assert probability_of_improvement(X, Y) == pytest.approx(2 / 3)
    assert probability_of_improvement(Y, X) == pytest.approx(1 / 3)


def test_probability_of_improvement_is_the_mann_whitney_statistic():
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 5, (7, 3)).astype(float), rng.integers(0, 5, (4, 3)).astype(float)
    by_task = [mannwhitneyu(x[:, t], y[:, t]).statistic / (7 * 4) for t in range(3)]
    assert probability_of_improvement(x, y) == pytest.approx(np.mean(by_task))


@given(arrays(float, (3, 2), elements=FLOATS), arrays(float, (4, 2), elements=FLOATS))
def test_one_side_wins_what_the_other_loses(x, y):
    assert probability_of_improvement(x, y) + probability_of_improvement(y, x) == pytest.approx(1)


def test_the_profile_counts_strictly_above():
    found = performance_profile(np.ravel(X), [0, 1, 2, 3])
    assert found == pytest.approx([1, 5 / 6, 0.5, 1 / 6])


@given(arrays(float, (2, 9), elements=FLOATS), arrays(float, 5, elements=FLOATS))
def test_the_profile_is_a_plain_count(scores, taus):
    plain = (scores[:, None, :] > taus[:, None]).mean(axis=-1)
    assert performance_profile(scores, taus) == pytest.approx(plain)


def test_the_optimality_gap_of_a_worked_example():
    assert optimality_gap(np.array([1, 2, 3, 4, 5, 6, 7, 1000]) / 10) == pytest.approx(0.525)


def test_the_tail_is_the_mean_of_the_worst():
    values = np.arange(20.0)
    assert cvar(values) == 0.5  # two of twenty
    assert cvar(values, 0.075) == pytest.approx(1 / 3)  # one whole, half of the next
    assert cvar(values, 1) == values.mean()
    assert cvar([3.0, 1.0, 2.0]) == 1.0
    assert cvar([np.inf, 1.0, 2.0]) == 1.0
    with pytest.raises(ValueError, match="share"):
        cvar(values, 0)


@given(arrays(float, (3, 11), elements=FLOATS), st.floats(0.01, 1))
def test_the_tail_is_never_better_than_the_mean(values, share):
    slack = 1e-9 * max(1.0, np.abs(values).max())
    assert np.all(cvar(values, share) <= values.mean(axis=-1) + slack)
    assert np.all(cvar(values, share) >= values.min(axis=-1) - slack)
