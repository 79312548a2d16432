"""What a method uses besides demonstrations is counted, and shows no more than it may."""

from __future__ import annotations

import numpy as np
import pytest

from harness_plugins.policy.environments.seeds import episode_seeds
from harness_plugins.policy.interface import Lacking
from harness_plugins.policy.simulator import CountedExpert, CountedSimulator, Watched


@pytest.fixture
def simulator(worlds):
    return CountedSimulator(lambda: worlds.environment_of("confounded_bandit", steps=5))


def test_steps_are_counted_over_all_episodes_while_they_go_on(simulator):
    first = simulator.reset(3, 0)
    assert first.shape == (3,)
    assert simulator.steps == 0
    for n in range(1, 8):
        _, ended = simulator.step(np.zeros(3, np.int64))
        assert simulator.steps == 3 * min(n, 5)
        assert ended.all() == (n >= 5)
    simulator.reset(2, 1)
    simulator.step(np.zeros(2, np.int64))
    assert simulator.steps == 17


def test_queries_are_counted_by_episode(simulator):
    expert = CountedExpert(simulator)
    simulator.reset(4, 0)
    assert expert.act().shape == (4,)
    assert expert.act([1, 3]).shape == (2,)
    assert expert.act([]).shape == (0,)
    assert expert.queries == 6


def test_the_expert_answers_for_the_present_state_and_the_same_when_asked_again(simulator):
    expert = CountedExpert(simulator)
    simulator.reset(200, 0)
    latent = simulator._environment.context[:, 0]
    said = []
    for _ in range(5):
        said.append(expert.act())
        np.testing.assert_array_equal(expert.act(), said[-1])
        simulator.step(said[-1])
    assert np.mean([s == latent for s in said]) == pytest.approx(0.6, abs=0.05)
    assert (np.diff(said, axis=0) != 0).any()


def test_it_shows_neither_rewards_nor_contexts(simulator):
    """Its public face, and what it returns: observations, and who has ended."""
    public = {name for name in dir(simulator) if not name.startswith("_")}
    assert public == {"reset", "step", "steps", "expert_actions"}
    simulator.reset(2, 0)
    assert len(simulator.step(np.zeros(2, np.int64))) == 2
    assert {n for n in dir(CountedExpert(simulator)) if not n.startswith("_")} == {
        "act",
        "queries",
    }


def test_its_episodes_are_none_that_is_evaluated_or_demonstrated(simulator):
    mine = episode_seeds("simulator", 0, 1000)
    others = [episode_seeds(role, 0, 1000) for role in ("evaluation", "demonstrations", "heldout")]
    assert not set(mine) & set().union(*map(set, others))


def test_the_same_seed_gives_the_same_episodes(simulator):
    def answers(seed):
        simulator.reset(20, seed)
        return np.stack([simulator.step(np.ones(20, np.int64))[0] for _ in range(5)])

    first = answers(4)
    assert (answers(5) != first).any()
    np.testing.assert_array_equal(answers(4), first)


def test_wrong_actions_and_no_reset_are_told(simulator):
    with pytest.raises(RuntimeError, match="not reset"):
        simulator.step(np.zeros(1, np.int64))
    simulator.reset(2, 0)
    with pytest.raises(ValueError, match="not in 0…4"):
        simulator.step(np.array([0, 5]))


def test_where_nobody_knows_what_to_do_nobody_can_be_asked(worlds):
    pytest.importorskip("gymnasium")
    simulator = CountedSimulator(
        lambda: worlds.environment_of("gymnasium", id="CartPole-v1", expert="")
    )
    simulator.reset(1, 0)
    with pytest.raises(Lacking, match="no expert"):
        CountedExpert(simulator).act()


def test_demonstrations_that_nobody_looks_at_count_for_nothing():
    watched = Watched({"lengths": np.ones(7, int), "actions": np.zeros((7, 1), int)})
    assert len(watched) == 2
    assert sorted(watched) == ["actions", "lengths"]
    assert watched.episodes == 0
    assert watched["actions"].shape == (7, 1)
    assert watched.episodes == 7
