"""Lunar Lander against gymnasium itself and against reference returns.

Reference values (200 episodes): without noise and with the right keys 244.8 +- 101.0, median
267.1, 90 % solved; with noise 0.1: right keys 196 +- 135, a fixed guess -105 +- 373, wrong keys
-437 +- 222, nothing pressed -139 +- 46.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from harness_plugins.policy.environments import lunarlander
from harness_plugins.policy.environments.registry import knowledge
from harness_plugins.policy.rollout import Asked, play

gymnasium = pytest.importorskip("gymnasium")
pytest.importorskip("Box2D")

SWAP = [[0, 1, 2, 3], [0, 2, 1, 3]]
STATES = arrays(np.float32, (7, 8), elements=st.floats(-1.5, 1.5, width=32))


def plain_loop(seeds, choose):
    """Return the return of each episode of gymnasium's own loop."""
    env = gymnasium.make("LunarLander-v3")
    found = []
    for seed in seeds:
        state, _ = env.reset(seed=seed)
        rewards, over = [], False
        while not over:
            state, reward, terminated, truncated, _ = env.step(choose(env, state))
            rewards.append(float(reward))
            over = terminated or truncated
        found.append(rewards)
    env.close()
    return found


@given(states=STATES, legs=arrays(np.float32, (7, 2), elements=st.sampled_from([0.0, 1.0])))
def test_the_expert_is_gymnasiums_heuristic_to_the_last_bit(states, legs):
    from types import SimpleNamespace

    from gymnasium.envs.box2d.lunar_lander import heuristic

    states[:, 6:] = legs
    for continuous in (False, True):
        env = SimpleNamespace(unwrapped=SimpleNamespace(continuous=continuous))
        found = lunarlander.heuristic(states, continuous=continuous)
        expected = np.array([heuristic(env, state) for state in states])
        np.testing.assert_array_equal(found, expected)


def test_a_batch_plays_what_a_plain_loop_plays(worlds):
    from gymnasium.envs.box2d.lunar_lander import heuristic

    expected = plain_loop(range(4), heuristic)
    world = worlds.environment_of("confounded_lunarlander", bindings=[[0, 1, 2, 3]], noise=0.0)
    played = play(world, range(4), lambda: Asked(world, range(4)))
    for episode, rewards in enumerate(expected):
        assert played["lengths"][episode] == len(rewards)
        np.testing.assert_array_equal(played["rewards"][episode, : len(rewards)], rewards)


def test_reference_returns(worlds):
    """50 episodes; within 3 standard errors of them and of the references together."""
    world = worlds.environment_of("confounded_lunarlander")
    seeds = range(50)
    guess = np.random.default_rng(0).integers(2, size=(50, 1))

    def error(sd):
        return 3 * sd * np.sqrt(1 / 50 + 1 / 200)

    def keys(context):
        return worlds.By(lambda o: world.expert(o, context()).argmax(axis=1))

    oracle = worlds.returns(play(world, seeds, lambda: Asked(world, seeds)))
    assert oracle.mean() == pytest.approx(196, abs=error(135))
    guessed = worlds.returns(play(world, seeds, lambda: keys(lambda: guess)))
    assert guessed.mean() == pytest.approx(-105, abs=error(373))
    wrong = worlds.returns(play(world, seeds, lambda: keys(lambda: 1 - world.context)))
    assert wrong.mean() == pytest.approx(-437, abs=error(222))
    idle = worlds.returns(
        play(world, seeds, lambda: worlds.By(lambda o: np.zeros(len(o), np.int64)))
    )
    assert idle.mean() == pytest.approx(-139, abs=error(46))
    assert oracle.mean() > guessed.mean() + 150  # seed by seed the confounding costs much


@pytest.mark.slow
def test_reference_returns_without_noise_on_200_episodes(worlds):
    world = worlds.environment_of("confounded_lunarlander", noise=0.0)
    found = worlds.returns(play(world, range(200), lambda: Asked(world, range(200))))
    assert found.mean() == pytest.approx(244.8, abs=0.05)
    assert found.std() == pytest.approx(101.0, abs=0.05)
    assert np.median(found) == pytest.approx(267.1, abs=0.1)
    assert (found >= 200).mean() == 0.9


def test_what_happens_follows_from_seed_and_actions_alone(worlds):
    def run(seeds):
        world = worlds.environment_of("confounded_lunarlander")
        return play(world, seeds, lambda: Asked(world, seeds))

    together, alone = run([3, 9, 4]), run([9])
    for name, values in alone.items():
        assert values.tobytes() == together[name][1:2].tobytes(), name


def test_bindings_and_noise_are_drawn_as_they_are_told(worlds):
    world = worlds.environment_of("confounded_lunarlander", bindings=SWAP, noise=0.25)
    world.reset(range(40))
    assert set(world.context[:, 0]) == {0.0, 1.0}
    assert 8 < world.context.sum() < 32
    assert world._slips.mean() == pytest.approx(0.25, abs=0.01)
    assert np.bincount(world._instead.ravel()).min() / world._instead.size > 0.24


def test_the_right_key_of_a_binding_fires_the_engine_that_the_heuristic_wants():
    known = knowledge({"id": "confounded_lunarlander", "params": {"bindings": SWAP, "noise": 0.1}})
    falling = np.zeros((2, 8), np.float32)
    falling[:, 3] = -1.0
    assert lunarlander.heuristic(falling).tolist() == [2, 2]  # the main engine
    keys = known.rule(falling, np.array([[0], [1]])).argmax(axis=1)
    assert keys.tolist() == [2, 1]
    assert set(known.draw(np.random.default_rng(0), 50)[:, 0]) == {0.0, 1.0}


def test_success_is_a_return_of_200(worlds):
    world = worlds.environment_of("confounded_lunarlander")
    assert world.success(np.array([199.9, 200.0]), None, None).tolist() == [False, True]


@pytest.mark.parametrize(
    ("bindings", "noise"), [([], 0.1), ([[0, 1, 2]], 0.1), ([[0, 1, 1, 3]], 0.1), (SWAP, 1.5)]
)
def test_what_is_no_binding_is_refused(bindings, noise):
    with pytest.raises(ValueError, match=r"permutations|no probability"):
        lunarlander.check(bindings, noise)
