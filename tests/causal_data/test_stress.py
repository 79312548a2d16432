"""Each way to break an assumption breaks that one, by as much as its dial says, and no other."""

from __future__ import annotations

import numpy as np
import pytest

from harness_plugins.causal.datasets import linear
from harness_plugins.causal.datasets.stress import BREAKS

SIZES = {"d": 4, "problems": 2, "train": 20_000, "val": 500, "test": 1000, "budget": 9, "seed": 3}
OF_PAIRS = ("imperfect", "incomplete", "multiple", "unpaired")
DIALS = (0.25, 0.5, 1.0)


def stressed(by, dial, **changed):
    item = linear.index_stressed(by, dial, **{**SIZES, **changed})[1]
    return item, linear.load(item, None)


@pytest.fixture(scope="module")
def plain():
    return linear.load(linear.index_linear(**SIZES)[1], None)


def train(found, *names):
    return [found[name][found["split"] == 0] for name in names]


@pytest.mark.parametrize("by", BREAKS)
@pytest.mark.parametrize("dial", [0, 0.0])
def test_at_dial_0_it_is_linear_son_by_digest_too(by, dial, plain):
    assert linear.index_stressed(by, dial, **SIZES) == linear.index_linear(**SIZES)
    _, found = stressed(by, dial)
    assert all(np.array_equal(found[name], plain[name]) for name in plain)


@pytest.mark.parametrize("by", BREAKS)
def test_a_whole_dial_is_a_number_like_any_other(by):
    assert linear.index_stressed(by, 1, **SIZES) == linear.index_stressed(by, 1.0, **SIZES)
    digests = {linear.index_stressed(by, dial, **SIZES)[0].sha256 for dial in (0, *DIALS)}
    assert len(digests) == 4


@pytest.mark.parametrize("by", OF_PAIRS)
def test_what_breaks_pairs_leaves_the_test_pairs_and_the_variables_before(by, plain):
    _, found = stressed(by, 0.7)
    test = plain["split"] == 2
    for name in ("x", "z", "noise", "targets"):
        assert np.array_equal(found[name][test], plain[name][test])
        assert not np.array_equal(found[name][~test], plain[name][~test]) or name == "targets"
    assert np.array_equal(found["z"][:, 0], plain["z"][:, 0])
    assert np.array_equal(found["adjacency"], plain["adjacency"])


@pytest.mark.parametrize("by", sorted(set(BREAKS) - {"unpaired"}))
def test_the_equations_still_hold(by):
    item, found = stressed(by, 0.6, train=200)
    weights = linear.weights_of(item.meta)
    np.testing.assert_allclose(found["z"], found["noise"] + found["z"] @ weights, atol=1e-9)
    kept = ~found["targets"]
    assert np.array_equal(found["noise"][:, 0][kept], found["noise"][:, 1][kept])


@pytest.mark.parametrize("dial", DIALS)
def test_imperfect_keeps_the_dial_of_the_parents_influence(dial):
    item, found = stressed("imperfect", dial)
    z, targets = train(found, "z", "targets")
    weights = linear.weights_of(item.meta)
    for j in np.flatnonzero(weights.any(axis=0)):
        hit = targets[:, j]
        cause = z[hit, 1] @ weights[:, j]
        slope = np.polyfit(cause, z[hit, 1, j], 1)[0]  # standard error 1 / (sd · √n) ≈ 0.015
        assert abs(slope - dial) < 0.06
        rest = z[hit, 1, j] - dial * cause
        assert abs(rest.std() - 1) < 0.06


@pytest.mark.parametrize("dial", DIALS)
def test_multiple_hits_several_with_the_probability_of_the_dial(dial, plain):
    _, found = stressed("multiple", dial)
    count = train(found, "targets")[0].sum(axis=1)
    was = train(plain, "targets")[0]
    some = count > 0
    assert np.array_equal(some, was.any(axis=1))  # as many pairs without any
    assert np.all(train(found, "targets")[0][was])  # the first target stays
    n = some.sum()
    assert abs(np.mean(count[some] > 1) - dial) <= 5 * np.sqrt(dial * (1 - dial) / n)
    several = count[count > 1]
    shares = [np.mean(several == k) for k in (2, 3, 4)]
    assert np.abs(np.array(shares) - 1 / 3).max() < 5 * np.sqrt(2 / 9 / len(several))
    further = train(found, "targets")[0] & ~was
    assert np.ptp(further[count > 1].mean(axis=0)) < 0.05


@pytest.mark.parametrize("d", [2, 4, 7])
def test_incomplete_never_touches_the_dial_of_the_variables(d):
    before: set[int] = set()
    for dial in (0.1, *DIALS):
        _, found = stressed("incomplete", dial, d=d)
        targets = train(found, "targets")[0]
        never = set(np.flatnonzero(~targets.any(axis=0)))
        assert len(never) == int(dial * d + 0.5)
        assert before <= never  # a larger dial takes more of the same list
        before = never
        shares = [*targets.mean(axis=0)[sorted(set(range(d)) - never)], np.mean(~targets.any(1))]
        assert np.abs(np.array(shares) - 1 / len(shares)).max() < 0.02


@pytest.mark.parametrize("dial", DIALS)
def test_confounded_noises_correlate_by_the_dial(dial):
    _, found = stressed("confounder", dial)
    for split in (0, 2):
        noise = found["noise"][found["split"] == split, 0]
        corr = np.corrcoef(noise.T)[np.triu_indices(4, 1)]
        assert np.abs(corr - dial).max() < 5 / np.sqrt(len(noise))
        assert np.abs(noise.std(axis=0) - 1).max() < 5 / np.sqrt(len(noise))


@pytest.mark.parametrize("dial", DIALS)
def test_noise_is_the_dial_of_the_signal(dial, plain):
    _, found = stressed("noise", dial)
    for split in (0, 1, 2):
        rows = plain["split"] == split
        error = found["x"][rows].astype(np.float64) - plain["x"][rows]
        signal = plain["x"][plain["split"] == 0, 0].std(axis=0)
        ratio = error.std(axis=0) / signal  # (2, d)
        assert np.abs(ratio - dial).max() < 5 * dial / np.sqrt(rows.sum())
        flat = error.reshape(len(error), -1).T
        assert np.abs(np.corrcoef(flat) - np.eye(8)).max() < 5 / np.sqrt(rows.sum())
    for name in ("z", "noise", "targets"):
        assert np.array_equal(found[name], plain[name])


@pytest.mark.parametrize("dial", DIALS)
def test_unpaired_draws_the_share_of_the_dial_anew(dial):
    _, found = stressed("unpaired", dial)
    noise, targets = train(found, "noise", "targets")
    new = np.any((noise[:, 0] != noise[:, 1]) & ~targets, axis=1)
    n = len(new)
    assert abs(new.mean() - dial) <= 5 * np.sqrt(dial * (1 - dial) / n)
    untouched = ~targets.any(axis=1)
    z = train(found, "z")[0][new & untouched]
    across = np.corrcoef(z[:, 0].T, z[:, 1].T)[:4, 4:]
    assert np.abs(across).max() < 5 / np.sqrt(len(z))  # nothing of the pair is left
    np.testing.assert_allclose(
        np.cov(z[:, 1].T), np.cov(z[:, 0].T), atol=0.12 * np.cov(z[:, 0].T).max()
    )


@pytest.mark.parametrize(
    ("by", "dial", "said"),
    [
        ("pairs", 0.5, "by is 'pairs'; expected one of confounder, imperfect"),
        ("noise", 1.5, "dial is 1.5; expected a number in 0…1"),
        ("noise", -0.1, "dial is -0.1"),
        ("noise", float("nan"), "dial is nan"),
        ("noise", "half", "dial is 'half'"),
        ("noise", True, "dial is True"),
    ],
)
def test_wrong_parameters_are_told_in_one_line(by, dial, said):
    with pytest.raises(ValueError, match=said):
        linear.index_stressed(by, dial, **SIZES)
