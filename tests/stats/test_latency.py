from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.stats import (
    block_length,
    median_replicates,
    paired_ratio,
    percentile_interval,
    summarise_latency,
)

times = st.lists(st.floats(1e-3, 1e6), min_size=1, max_size=60)


def wandering(n: int, memory: float, rng: np.random.Generator) -> np.ndarray:
    """Return log-normal times whose logarithms are an AR(1) series: true median 1."""
    noise = rng.normal(size=n + 200)
    series = np.empty(n + 200)
    value = 0.0
    for place, shock in enumerate(noise):
        value = memory * value + shock
        series[place] = value
    return np.exp(0.1 * series[200:])


@given(times)
def test_summary_orders_and_scales(samples):
    found = summarise_latency(samples)
    assert found.minimum <= found.median <= found.p90 <= max(samples)
    assert found.iqr >= 0
    assert found.n == len(samples)
    doubled = summarise_latency([2 * t for t in samples])
    assert doubled.median == pytest.approx(2 * found.median)
    assert doubled.iqr == pytest.approx(2 * found.iqr, abs=1e-9)
    assert doubled.p90 == pytest.approx(2 * found.p90)


@given(times, st.randoms())
def test_summary_forgets_the_order(samples, random):
    shuffled = samples[:]
    random.shuffle(shuffled)
    assert summarise_latency(shuffled) == summarise_latency(samples)


def test_summary_of_eleven_calls():
    # 0, 1, …, 10 shifted by 1: quantile q lies at 1 + 10 q
    found = summarise_latency(np.arange(1.0, 12.0))
    assert (found.minimum, found.median, found.iqr, found.p90, found.n) == (1, 6, 5, 10, 11)


@pytest.mark.parametrize("bad", [[], [1.0, 0.0], [1.0, -1.0], [np.nan], [np.inf], [[1.0]]])
def test_no_summary_of_what_is_no_time(bad):
    with pytest.raises(ValueError, match="time"):
        summarise_latency(bad)


def test_replicates_are_seeded_and_of_blocks():
    samples = wandering(400, 0.9, np.random.default_rng(5))
    drawn = median_replicates(samples, seed=3)
    assert drawn.shape == (200,)
    assert np.array_equal(drawn, median_replicates(samples, seed=3))
    assert not np.array_equal(drawn, median_replicates(samples, seed=4))
    assert samples.min() <= drawn.min() <= np.median(samples) <= drawn.max() <= samples.max()


def test_replicates_do_not_depend_on_how_many_are_held_at_once(monkeypatch):
    from harness.stats import latency

    samples = wandering(100, 0.5, np.random.default_rng(5))
    whole = median_replicates(samples)
    monkeypatch.setattr(latency, "_BLOCK", 300)
    assert np.array_equal(whole, median_replicates(samples))


def test_blocks_grow_with_the_memory_of_the_series():
    rng = np.random.default_rng(0)

    def typical(memory):
        return np.median([block_length(wandering(1000, memory, rng)) for _ in range(15)])

    independent, some, much = typical(0.0), typical(0.5), typical(0.95)
    assert independent <= 2
    assert independent < some < much
    # The optimal length for an AR(1) mean, (6 n)^(1/3) (r / (1 - r^2))^(2/3), r = 0.5, is 14;
    # signs remember less: their correlation is 2/pi arcsin(r).
    assert 5 <= some <= 14


@given(st.lists(st.sampled_from([1.0, 2.0, 3.0]), min_size=1, max_size=40))
def test_blocks_fit_any_series(values):
    assert 1 <= block_length(values) <= max(1, -(-len(values) // 3))


def coverage(memory: float, replicates) -> float:
    rng = np.random.default_rng(11)
    hits = 0
    for trial in range(300):
        samples = wandering(300, memory, rng)
        low, high = percentile_interval(replicates(samples, trial), samples.size)
        hits += bool(low <= 1 <= high)
    return hits / 300


def independent_draws(samples, seed):
    chosen = np.random.default_rng(seed).integers(0, samples.size, (200, samples.size))
    return np.median(samples[chosen], axis=-1)


def test_intervals_of_medians_cover():
    # 300 trials: standard error of a coverage of 0.95 is 0.013
    assert coverage(0.0, lambda s, t: median_replicates(s, seed=t)) > 0.92
    blocks = coverage(0.8, lambda s, t: median_replicates(s, seed=t))
    assert blocks > 0.85
    assert coverage(0.8, independent_draws) < blocks - 0.15


@given(times, st.integers(0, 3))
def test_a_ratio_turns_with_its_sides(samples, seed):
    other = samples[::-1]
    forth, back = paired_ratio(samples, other, seed=seed), paired_ratio(other, samples, seed=seed)
    assert forth.ratio * back.ratio == pytest.approx(1)
    assert forth.n == len(samples)


def test_a_ratio_of_a_series_with_itself_is_one():
    samples = wandering(200, 0.9, np.random.default_rng(1))
    found = paired_ratio(samples, samples)
    assert (found.ratio, found.low, found.high) == (1, 1, 1)


def test_a_ratio_sees_through_common_noise():
    rng = np.random.default_rng(2)
    common = wandering(500, 0.98, rng)  # spread of about 0.5 in logarithms
    second = 1.02 * common * np.exp(rng.normal(0, 0.005, 500))
    found = paired_ratio(common, second)
    assert found.low < 1.02 < found.high
    assert found.high - found.low < 0.003


def test_one_pair_has_no_interval():
    found = paired_ratio([1.0], [3.0])
    assert found.ratio == pytest.approx(3)
    assert np.isnan(found.low)
    assert np.isnan(found.high)


def test_a_ratio_needs_pairs():
    with pytest.raises(ValueError, match="by pairs"):
        paired_ratio([1.0, 2.0], [1.0])
