"""The confounded bandit against the values of the literature, as re-derived by exact filters.

Reference values: ``pi(a = theta)`` of the exact policies, 20,000 episodes; Vuorio et al. publish
.5405 and .3247 for them.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness_plugins.policy.environments import bandit
from harness_plugins.policy.environments.registry import knowledge, make
from harness_plugins.policy.environments.seeds import POLICY, uniforms
from harness_plugins.policy.environments.tabular import Belief, choose
from harness_plugins.policy.rollout import Asked, play

OWN = {"arms": 5, "steps": 100, "likely": 0.6, "hit": 0.75, "miss": 0.25}


class Exact:
    """The exact policy as a player."""

    def __init__(self, batch, *, conditional):
        tables = knowledge({"id": "confounded_bandit", "params": OWN}).tables
        self.belief = Belief(tables, batch, conditional=conditional)
        self.draws = uniforms(range(batch), POLICY, 100, 0)

    def act(self, time, observation):
        self.belief.observe(observation)
        chances = self.belief.probabilities()
        return choose(chances, self.draws[:, time]), chances

    def took(self, actions):
        self.belief.took(actions)


def pulls(episodes, *, conditional):
    """Return pi(a = theta), (E, T), and the trajectories."""
    world = make("confounded_bandit", OWN)
    played = play(world, range(episodes), lambda: Exact(episodes, conditional=conditional))
    likely = played["context"].astype(int)[:, :, None]
    return np.take_along_axis(played["probabilities"], likely, 2)[..., 0], played


@pytest.mark.parametrize(
    ("conditional", "mean", "path"),
    [
        (False, 0.541, [0.200, 0.300, 0.389, 0.502, 0.592, 0.600]),
        (True, 0.323, [0.200, 0.281, 0.309, 0.326, 0.331, 0.331]),
    ],
)
@pytest.mark.parametrize(
    ("episodes", "tolerance"), [(4000, 0.012), pytest.param(20_000, 0.005, marks=pytest.mark.slow)]
)
def test_exact_policies_pull_the_likely_arm_as_often_as_is_known(
    conditional, mean, path, episodes, tolerance
):
    found, played = pulls(episodes, conditional=conditional)
    assert found.mean() == pytest.approx(mean, abs=tolerance)
    at = found.mean(axis=0)[[0, 5, 10, 20, 50, 99]]
    np.testing.assert_allclose(at, path, atol=2 * tolerance)
    assert played["rewards"].mean() == pytest.approx(mean, abs=1.5 * tolerance)


@pytest.mark.parametrize(
    ("episodes", "tolerance"),
    [(4000, 0.006), pytest.param(20_000, 0.0025, marks=pytest.mark.slow)],
)
def test_on_the_experts_data_the_deluded_policy_is_the_likelier_one(episodes, tolerance):
    """NLL 1.2397 of the conditional policy, 1.2582 of the interventional, floor 1.2275 nats."""
    world = make("confounded_bandit", OWN)
    played = play(world, range(episodes), lambda: Asked(world, range(episodes)))
    done = played["actions"][..., None]
    nll = {}
    for name in ("conditional", "interventional"):
        chances = getattr(bandit, name)(played["observations"], played["actions"], **OWN)
        nll[name] = -np.log(np.take_along_axis(chances, done, 2)).mean()
    assert nll["conditional"] == pytest.approx(1.2397, abs=tolerance)
    assert nll["interventional"] == pytest.approx(1.2582, abs=tolerance)
    assert nll["conditional"] < nll["interventional"]
    entropy = -0.6 * np.log(0.6) - 0.4 * np.log(0.1)
    assert entropy == pytest.approx(1.2275, abs=1e-4)
    # the conditional policy is the best there is on the expert's data, given the history alone
    assert nll["conditional"] > entropy


def test_regret_is_the_experts_share_less_ones_own():
    """27.7 and 5.90 in a hundred pulls."""
    for conditional, expected in ((True, 27.7), (False, 5.9)):
        _, played = pulls(4000, conditional=conditional)
        world = make("confounded_bandit", OWN)
        regret = world.regret(played["observations"], played["actions"], played["context"])
        np.testing.assert_allclose(regret, 0.6 - played["rewards"], atol=1e-12)
        assert regret.sum(axis=1).mean() == pytest.approx(expected, abs=1.2)


def test_the_environment_gives_the_interventional_policy_of_a_history():
    _, played = pulls(20, conditional=False)
    world = make("confounded_bandit", OWN)
    given_back = world.interventional(played["observations"], played["actions"])
    np.testing.assert_allclose(given_back, played["probabilities"], rtol=1e-12)


def test_answers_are_shifted_by_one_and_the_first_observation_is_none(worlds):
    world = worlds.environment_of("confounded_bandit", hit=0.999, miss=0.001)
    played = play(world, range(50), lambda: worlds.By(lambda o: np.zeros(len(o), np.int64)))
    assert not played["observations"][:, 0].any()
    hit = played["context"][:, 0] == 0
    assert played["observations"][hit, 1:].mean() > 1.98
    assert played["observations"][~hit, 1:].mean() < 1.02
    np.testing.assert_array_equal(played["rewards"].mean(axis=1), hit)


@given(arms=st.integers(2, 7), likely=st.floats(0.01, 0.99))
def test_the_expert_pulls_the_likely_arm_as_often_as_it_is_told(arms, likely):
    tables = bandit.tables(arms=arms, likely=likely)
    np.testing.assert_allclose(tables.expert.sum(-1), 1)
    np.testing.assert_allclose(tables.transition.sum(-1), 1)
    chances = tables.rule(np.zeros(arms, int), np.arange(arms)[:, None])
    np.testing.assert_allclose(np.diag(chances), likely)


@pytest.mark.parametrize("wrong", [{"arms": 1}, {"steps": 0}, {"likely": 1.0}, {"hit": -0.1}])
def test_what_is_no_bandit_is_refused(wrong):
    with pytest.raises(ValueError, match=r"needs at least|between 0 and 1"):
        bandit.tables(**wrong)
