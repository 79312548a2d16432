"""Worlds given by tables: exact policies against enumeration, regret against its definition."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness_plugins.policy.environments.tabular import (
    Belief,
    Tables,
    Tabular,
    choose,
    policies,
)


def some_tables(seed: int, latents=2, states=3, actions=2, horizon=3) -> Tables:
    rng = np.random.default_rng(seed)

    def chances(*shape):
        drawn = rng.gamma(1.0, size=shape) + 0.02
        return drawn / drawn.sum(axis=-1, keepdims=True)

    return Tables(
        prior=chances(latents),
        initial=chances(latents, states),
        transition=chances(latents, states, actions, states),
        expert=chances(latents, states, actions),
        reward=rng.normal(size=(latents, states, actions)),
        horizon=horizon,
    )


def by_enumeration(tables, states, actions, *, conditional):
    """Return the policy after a history, from the joint probability of each latent with it."""
    weights = []
    for z in range(len(tables.prior)):
        weight = tables.prior[z] * tables.initial[z, states[0]]
        for t, action in enumerate(actions):
            if conditional:
                weight *= tables.expert[z, states[t], action]
            weight *= tables.transition[z, states[t], action, states[t + 1]]
        weights.append(weight)
    weights = np.array(weights) / sum(weights)
    return weights @ tables.expert[:, states[-1]]


@given(seed=st.integers(0, 10**6), conditional=st.booleans())
@settings(max_examples=30)
def test_exact_policies_are_those_of_bayes_rule(seed, conditional):
    tables = some_tables(seed)
    rng = np.random.default_rng(seed)
    states = rng.integers(3, size=(5, 4))
    actions = rng.integers(2, size=(5, 4))
    found = policies(tables, states, actions, conditional=conditional)
    for e, t in product(range(5), range(4)):
        expected = by_enumeration(
            tables, states[e, : t + 1], actions[e, :t], conditional=conditional
        )
        np.testing.assert_allclose(found[e, t], expected, rtol=1e-9)


def value_of(tables, policy):
    """Return the expected return of policy (Z, S, A), by summing over all trajectories."""
    total = 0.0
    shape = [range(n) for n in tables.expert.shape[1:]]
    for z in range(len(tables.prior)):
        steps = product(*(shape * tables.horizon))
        for path in steps:
            states, actions = path[::2], path[1::2]
            weight = tables.prior[z] * tables.initial[z, states[0]]
            for t in range(tables.horizon):
                weight *= policy[z, states[t], actions[t]]
                if t:
                    weight *= tables.transition[z, states[t - 1], actions[t - 1], states[t]]
            total += weight * sum(tables.reward[z, states, actions])
    return total


@given(seed=st.integers(0, 10**6))
@settings(max_examples=10)
def test_the_regret_of_a_policy_is_what_the_expert_collects_more(seed):
    """The performance difference lemma, each side by enumeration."""
    tables = some_tables(seed)
    other = some_tables(seed + 1).expert
    costs = tables.advantages()
    occupancy = tables.prior[:, None] * tables.initial
    regret = 0.0
    for t in range(tables.horizon):
        regret += (occupancy[..., None] * other * costs[t]).sum()
        occupancy = np.einsum("zs,zsa,zsan->zn", occupancy, other, tables.transition)
    assert regret == pytest.approx(value_of(tables, tables.expert) - value_of(tables, other))


def test_the_expert_has_no_regret_in_expectation():
    tables = some_tables(3)
    np.testing.assert_allclose((tables.advantages() * tables.expert).sum(-1), 0, atol=1e-12)


@given(
    weights=st.lists(st.integers(0, 9), min_size=2, max_size=6).filter(any),
    uniform=st.floats(0, 1, exclude_max=True),
)
def test_a_choice_follows_its_probabilities_and_never_takes_what_has_none(weights, uniform):
    chances = np.array([weights]) / sum(weights)
    chosen = int(choose(chances, np.array([uniform]))[0])
    assert chances[0, chosen] > 0
    below = chances[0, :chosen].sum()
    assert below - 1e-12 <= uniform < below + chances[0, chosen] + 1e-12


def test_an_environment_follows_its_tables():
    """Frequencies of 40,000 first steps, each within 4 standard errors."""
    tables = some_tables(5)
    n = 40_000
    made = Tabular(tables)
    first = made.reset(range(n))
    latent = made.context[:, 0].astype(int)
    second = made.step(np.zeros(n, int), np.ones(n, bool)).observations
    for z, s in product(range(2), range(3)):
        share = (latent == z) & (first == s)
        expected = tables.prior[z] * tables.initial[z, s]
        assert abs(share.mean() - expected) < 4 * np.sqrt(expected / n)
        moved = np.bincount(second[share], minlength=3) / share.sum()
        assert np.abs(moved - tables.transition[z, s, 0]).max() < 4 * 0.5 / np.sqrt(share.sum())


def test_a_belief_that_never_acted_is_the_prior_and_the_first_state():
    tables = some_tables(7)
    belief = Belief(tables, 3, conditional=True)
    belief.observe([0, 1, 2])
    joint = tables.prior[:, None] * tables.initial
    np.testing.assert_allclose(belief.posterior, (joint / joint.sum(0)).T)
