"""Derived scores of policies: scale, direction, intervals, refusals."""

from __future__ import annotations

import zlib

import numpy as np
import pytest

from harness import stats
from harness.spec import Curve
from harness_plugins.policy import comparisons as c

B, N = 500, 40


def curve(entry, seeds=1, **scores):
    """``scores``: metric to (N,) or (S, N)."""
    rng = np.random.default_rng(zlib.crc32(entry.encode()))
    by_seed = {k: np.atleast_2d(np.asarray(v, float))[:, None] for k, v in scores.items()}
    (n,) = {v.shape[2] for v in by_seed.values()}
    return Curve(
        entry=entry,
        points=({},),
        items=tuple(f"block:{k}" for k in range(n)),
        scores={k: v.mean(axis=0) for k, v in by_seed.items()},
        aggregate=dict.fromkeys(scores, stats.mean),
        resamples=stats.resample_indices(n, B, seed=1),
        by_seed=by_seed,
        seed_resamples=rng.integers(0, seeds, (B, seeds)) if seeds > 1 else None,
    )


@pytest.fixture
def returns():
    rng = np.random.default_rng(2)
    return {
        "expert (privileged)": 100 + rng.normal(size=N),
        "random": rng.normal(size=N),
        "half": 50 + rng.normal(size=N),
    }


def scores_of(found):
    return {s.entry: s for s in found}


def test_the_scale_runs_from_random_to_expert(returns):
    curves = [curve(k, episode_return=v) for k, v in returns.items()]
    found = scores_of(c.normalised_return(curves, None, expert="expert", random="random"))
    assert found["expert (privileged)"].value == 1
    assert found["random"].value == 0
    plain = (returns["half"].mean() - returns["random"].mean()) / (
        returns["expert (privileged)"].mean() - returns["random"].mean()
    )
    assert found["half"].value == pytest.approx(plain)
    assert found["half"].low < plain < found["half"].high
    assert found["random"].replicates == pytest.approx(np.zeros(B))


def test_no_scale_without_its_ends_or_where_it_is_noise(returns):
    curves = [curve(k, episode_return=v) for k, v in returns.items() if k != "random"]
    found = list(c.normalised_return(curves, None, expert="expert", random="random"))
    assert all("no row 'random'" in s.refusal for s in found)
    rng = np.random.default_rng(3)
    near = [curve(k, episode_return=rng.normal(size=N)) for k in ("expert", "random")]
    found = list(c.normalised_return(near, None, expert="expert", random="random"))
    assert all("measure more episodes" in s.refusal for s in found)


def test_improvement_is_that_of_the_row_and_not_of_the_anchor():
    rng = np.random.default_rng(4)
    better, worse = rng.normal(1.0, 1, (3, N)), rng.normal(0.0, 1, (5, N))
    curves = [
        curve("new", 3, episode_return=better),
        curve("old", 5, episode_return=worse),
    ]
    found = scores_of(c.probability_of_improvement(curves, "old"))
    assert found["new"].value == pytest.approx(
        float(stats.probability_of_improvement(better, worse))
    )
    assert found["new"].value > 0.6
    assert found["new"].low < found["new"].value < found["new"].high
    assert found["old"].value == 0.5
    assert all("no anchor" in s.refusal for s in c.probability_of_improvement(curves, None))


def test_a_rate_of_one_training_run_has_wilsons_interval():
    found = scores_of(c.success_rate([curve("x", success=[1] * 18 + [0] * 2)], None))["x"]
    assert found.value == 0.9
    assert found.low == pytest.approx(0.699, abs=0.02)  # replicates scatter nearly binomially
    assert found.high == pytest.approx(0.9721, abs=0.01)
    sure = scores_of(c.success_rate([curve("x", success=[1] * 20)], None))["x"]
    assert (sure.value, sure.high) == (1.0, 1.0)
    assert sure.low == pytest.approx(0.8389, abs=1e-4)


def test_training_runs_that_differ_make_a_rate_less_sure():
    apart = np.repeat([[1.0], [0.0], [1.0], [0.0]], N, axis=1)
    alike = np.tile([1.0, 0.0], (4, N // 2))
    wide = next(iter(c.success_rate([curve("x", 4, success=apart)], None)))
    narrow = next(iter(c.success_rate([curve("x", 4, success=alike)], None)))
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)


def test_the_worst_context_is_found_and_told():
    contexts = np.arange(N) % 2
    returns = np.where(contexts == 0, 10.0, 2.0) + np.linspace(0, 1, N)
    found = next(
        iter(
            c.return_worst_context(
                [curve("x", episode_return=returns, context_index=contexts)], None
            )
        )
    )
    assert found.value == pytest.approx(returns[contexts == 1].mean())
    assert found.details == {
        "context 0": pytest.approx(returns[contexts == 0].mean()),
        "context 1": pytest.approx(returns[contexts == 1].mean()),
    }
    assert found.low <= found.value <= found.high < 4


def test_latching_is_told_against_the_expert():
    rng = np.random.default_rng(5)
    expert, stuck = rng.uniform(0.2, 0.4, N), rng.uniform(0.7, 0.9, N)
    curves = [curve("expert (privileged)", action_repeats=expert)]
    curves.append(curve("stuck", action_repeats=stuck))
    found = scores_of(c.latching_gap(curves, None, expert="expert"))
    assert found["stuck"].value == pytest.approx(stuck.mean() - expert.mean())
    assert found["expert (privileged)"].value == 0
    assert all("no row" in s.refusal for s in c.latching_gap(curves[1:], None, expert="expert"))
