"""Whether a model tells what was intervened on: naming by assignment, and by the values."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness_plugins.causal.interface import Lacking

SEEDS = st.integers(0, 2**16)


def targets_of(done, d):
    """Return (t, d) bool from the numbers of variables, 0 for none."""
    return np.asarray(done)[:, None] == np.arange(1, d + 1)


def posterior_of(told, k):
    return np.eye(k + 1)[np.asarray(told)]


def given_told(done, told, d, k):
    return {"truth": {"targets": targets_of(done, d)}, "posterior": posterior_of(told, k)}


def test_a_case_counted_by_hand(score) -> None:
    # none, none, 1, 1, 1, 2, 2: under 1 → latent 2, 2 → latent 1 five of seven are right
    given = given_told([0, 0, 1, 1, 1, 2, 2], [0, 1, 2, 2, 1, 1, 1], 2, 2)
    assert score("intervention_accuracy", **given) == pytest.approx(5 / 7)
    match = {"latent": np.array([1, 0]), "correlation": np.zeros((2, 2))}
    assert score("intervention_accuracy_strict", **given, match=match) == pytest.approx(5 / 7)
    match = {"latent": np.array([0, 1]), "correlation": np.zeros((2, 2))}
    assert score("intervention_accuracy_strict", **given, match=match) == pytest.approx(2 / 7)


@given(seed=SEEDS, d=st.integers(1, 4), extra=st.integers(0, 1))
def test_the_assignment_is_the_best_of_all_permutations(score, seed, d, extra) -> None:
    rng = np.random.default_rng(seed)
    k = d + extra
    done, told = rng.integers(0, d + 1, 80), rng.integers(0, k + 1, 80)
    done[0] = 1
    told[: 80 // 2] = done[: 80 // 2]
    best = max(
        np.mean(told == np.concatenate([[0], np.array(way) + 1])[done])
        for way in itertools.permutations(range(k), d)
    )
    found = score("intervention_accuracy", **given_told(done, told, d, k))
    assert found == pytest.approx(best, abs=1e-12)


@given(seed=SEEDS, d=st.integers(1, 5), k=st.integers(1, 6))
def test_the_order_of_latents_changes_nothing(score, seed, d, k) -> None:
    rng = np.random.default_rng(seed)
    done = rng.integers(0, d + 1, 60)
    done[0] = 1
    posterior = rng.dirichlet(np.ones(k + 1), 60)
    order = rng.permutation(k)
    moved = posterior[:, [0, *(order + 1)]]
    latent = np.full(d, -1)
    latent[: min(d, k)] = rng.permutation(k)[:d]
    moved_latent = np.where(latent >= 0, np.argsort(order)[latent], -1)
    correlation = np.zeros((d, k))
    truth = {"targets": targets_of(done, d)}
    free = score("intervention_accuracy", truth=truth, posterior=posterior)
    assert score("intervention_accuracy", truth=truth, posterior=moved) == pytest.approx(free)
    strict = [
        score(
            "intervention_accuracy_strict",
            truth=truth,
            posterior=p,
            match={"latent": chosen, "correlation": correlation},
        )
        for p, chosen in ((posterior, latent), (moved, moved_latent))
    ]
    assert strict[0] == pytest.approx(strict[1])
    assert strict[0] <= free + 1e-12


def test_sixteen_variables_need_no_search(score) -> None:
    rng = np.random.default_rng(0)
    done = rng.integers(0, 17, 10_000)
    order = np.concatenate([[0], rng.permutation(16) + 1])
    start = time.thread_time()
    assert score("intervention_accuracy", **given_told(done, order[done], 16, 16)) == 1
    assert time.thread_time() - start < 0.2
    wrong = np.where(rng.random(10_000) < 0.25, 0, order[done])
    expected = np.mean(wrong == order[done])
    found = score("intervention_accuracy", **given_told(done, wrong, 16, 16))
    assert found == pytest.approx(expected)


def test_none_stays_none(score) -> None:
    done = [0] * 50 + [1] * 50
    swapped = [1] * 50 + [0] * 50
    assert score("intervention_accuracy", **given_told(done, swapped, 1, 1)) == 0


def test_fewer_or_more_latents_than_variables(score) -> None:
    done = [0, 1, 2, 3, 1, 2, 3, 3]
    assert score("intervention_accuracy", **given_told(done, [0, 1, 0, 0, 1, 0, 0, 0], 3, 1)) == (
        pytest.approx(3 / 8)
    )
    told = [0, 5, 2, 4, 5, 2, 4, 1]
    assert score("intervention_accuracy", **given_told(done, told, 3, 5)) == pytest.approx(7 / 8)


def test_pairs_with_several_targets_are_left_out(score) -> None:
    given = given_told([0, 1, 2, 1], [0, 1, 2, 1], 2, 2)
    given["truth"]["targets"] = np.vstack([given["truth"]["targets"], np.ones((3, 2), bool)])
    given["posterior"] = np.vstack([given["posterior"], posterior_of([0, 0, 0], 2)])
    assert score("intervention_accuracy", **given) == 1


def test_nothing_to_tell_is_skipped(score) -> None:
    for targets in (np.zeros((5, 2), bool), np.ones((5, 2), bool)):
        with pytest.raises(Lacking, match="no test pair has a single target"):
            score(
                "intervention_accuracy",
                truth={"targets": targets},
                posterior=posterior_of([0] * 5, 2),
            )


def test_a_posterior_over_other_latents_than_the_code_is_invalid(score) -> None:
    match = {"latent": np.array([0, 1]), "correlation": np.zeros((2, 3))}
    with pytest.raises(ValueError, match="gave 3 columns, expected 3 latents and one") as caught:
        score("intervention_accuracy_strict", **given_told([1], [1], 2, 2), match=match)
    assert caught.value.outcome == "invalid"
