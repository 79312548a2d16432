"""The loop: one episode for each slot, nothing after its end, and actions that are checked."""

from __future__ import annotations

import weakref
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness_plugins.policy.environments.copies import Copies
from harness_plugins.policy.environments.protocol import Step
from harness_plugins.policy.interface import Lacking
from harness_plugins.policy.rollout import Told, as_actions, as_probabilities, play

DISCRETE = {"n": 3}
BOX = {"shape": [2], "low": [-1.0, -2.0], "high": [1.0, 2.0]}


class Counting:
    """Episode s lasts s + 1 steps, ends by itself if s is even, and earns its step's number."""

    observation: ClassVar = {"shape": [1], "dtype": "float32"}
    action = DISCRETE
    horizon = 6
    expert = None

    def reset(self, seeds):
        self.seeds = np.array(seeds)
        self.context = np.zeros((len(seeds), 0), np.float32)
        self.taken = np.zeros(len(seeds), int)
        return np.zeros((len(seeds), 1), np.float32)

    def step(self, actions, live):
        assert not (live & (self.taken > self.seeds)).any(), "a step after the end"
        self.taken += live
        over = live & (self.taken > self.seeds)
        last = live & (self.taken >= self.horizon)
        rewards = np.where(live, self.taken, 0).astype(float)
        seen = self.taken[:, None].astype(np.float32)
        return Step(
            seen, rewards, over & (self.seeds % 2 == 0), (over & (self.seeds % 2 > 0)) | last
        )


class Noting:
    """A policy that notes what it is shown."""

    def __init__(self):
        self.shown, self.told = [], []

    def act(self, observation):
        self.shown.append(observation.copy())
        observation[:] = 99  # what a policy does to its observation is its own affair
        return np.ones(len(observation), np.int64)

    def took(self, actions):
        self.told.append(actions.copy())


def noted(seeds):
    world, policy = Counting(), Noting()
    return play(world, seeds, lambda: Told(policy, world, seeds, 0)), policy, world


def test_each_slot_plays_its_one_episode_to_the_end_and_no_further():
    played, policy, world = noted([4, 0, 9, 1])
    assert played["lengths"].tolist() == [5, 1, 6, 2] == world.taken.tolist()
    assert played["terminated"].tolist() == [True, True, False, False]
    sums = np.nansum(played["rewards"], axis=1)
    assert sums.tolist() == [15, 1, 21, 3]
    assert played["seeds"].tolist() == [4, 0, 9, 1]
    assert len(policy.shown) == 6


def test_the_batch_keeps_its_size_and_ended_slots_show_their_last_observation():
    _, policy, _ = noted([2, 0, 5])
    assert {shown.shape for shown in policy.shown} == {(3, 1)}
    assert [shown[1, 0] for shown in policy.shown] == [0, 1, 1, 1, 1, 1]
    assert [shown[0, 0] for shown in policy.shown] == [0, 1, 2, 3, 3, 3]
    assert all(told.tolist() == [1, 1, 1] for told in policy.told)


def test_past_the_end_stands_nothing():
    played, _, _ = noted([1, 5])
    assert np.isnan(played["rewards"][0, 2:]).all()
    assert played["rewards"][0, :2].tolist() == [1, 2]
    assert not played["actions"][0, 2:].any()
    assert not played["observations"][0, 2:].any()
    assert played["actions"].shape == (2, 6)
    assert played["final_observations"][:, 0].tolist() == [2, 6]


@given(seeds=st.lists(st.integers(0, 9), min_size=1, max_size=6))
def test_an_episode_is_the_same_in_any_company(seeds):
    together, _, _ = noted(seeds)
    for place, seed in enumerate(seeds):
        alone, _, _ = noted([seed])
        for name, values in alone.items():
            assert values.tobytes() == together[name][place : place + 1].tobytes()


def test_the_first_to_finish_are_not_favoured():
    """With slots refilled, the first 8 to finish of 4 slots would be short ones."""
    seeds = [5, 0, 5, 0, 5, 0, 5, 0]
    played, _, _ = noted(seeds)
    assert played["lengths"].tolist() == [s + 1 for s in seeds]


class Fair:
    def __init__(self, chances):
        self.chances = chances

    def action_probabilities(self, observation):
        return np.tile(self.chances, (len(observation), 1))


def drawn(seeds, seed=0, chances=(0.2, 0.3, 0.5)):
    world = Counting()
    return play(world, seeds, lambda: Told(Fair(np.array(chances)), world, seeds, seed))


def test_the_harness_draws_each_episodes_actions_from_its_own_generator():
    together, alone = drawn([9, 8, 7]), drawn([7])
    assert together["actions"][2].tolist() == alone["actions"][0].tolist()
    assert drawn([9, 8, 7], seed=1)["actions"].tolist() != together["actions"].tolist()
    np.testing.assert_array_equal(together["probabilities"][0, 0], [0.2, 0.3, 0.5])
    assert np.isnan(drawn([1, 9])["probabilities"][0, 2:]).all()


def test_actions_follow_the_probabilities():
    found = drawn(list(range(9, 5009)))["actions"]
    shares = np.bincount(found.ravel(), minlength=3) / found.size
    np.testing.assert_allclose(shares, [0.2, 0.3, 0.5], atol=0.01)


def test_two_policies_are_drawn_from_by_the_same_numbers():
    one = drawn([9] * 1, chances=(0.0, 1.0, 0.0))["actions"]
    assert (one == 1).all()


@pytest.mark.parametrize(
    ("found", "says"),
    [
        ([0, 3], "action 3 is not in 0…2"),
        ([-1, 0], "action -1 is not in 0…2"),
        ([0.0, 1.0], "float64"),
        ([True, False], "bool"),
        ([0], r"expected int64 \(2,\)"),
        ([[0], [1]], r"\(2, 1\)"),
        ("ab", "<U2"),
        (None, "object"),
    ],
)
def test_discrete_actions_of_another_form_are_invalid(found, says):
    with pytest.raises(ValueError, match=says) as caught:
        as_actions(found, DISCRETE, 2)
    assert caught.value.outcome == "invalid"


@pytest.mark.parametrize(
    ("found", "says"),
    [
        ([[0.0, 2.1], [0.0, 0.0]], "action 2.1 lies outside"),
        ([[-1.001, 0.0], [0.0, 0.0]], "lies outside"),
        ([[0, 0], [0, 0]], "int64"),
        ([[0.0], [0.0]], r"expected float32 \(2, 2\)"),
    ],
)
def test_continuous_actions_of_another_form_are_invalid(found, says):
    with pytest.raises(ValueError, match=says) as caught:
        as_actions(found, BOX, 2)
    assert caught.value.outcome == "invalid"


def test_actions_at_the_bounds_are_taken_and_kept_as_they_are():
    found = as_actions(np.array([[1, -2], [-1, 2]], np.float64), BOX, 2)
    assert found.dtype == np.float32
    assert found.tolist() == [[1, -2], [-1, 2]]
    assert as_actions(np.array([0, 2], np.uint8), DISCRETE, 2).dtype == np.int64


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_is_nonfinite(value):
    for call in (
        lambda: as_actions(np.full((2, 2), value), BOX, 2),
        lambda: as_probabilities(np.full((2, 3), value), 2, 3),
    ):
        with pytest.raises(ArithmeticError) as caught:
            call()
        assert caught.value.outcome == "nonfinite"


@pytest.mark.parametrize(
    "found", [[[0.5, 0.6, 0.0]], [[-0.1, 0.6, 0.5]], [[0.5, 0.5]], [[1, 0, 0]]]
)
def test_what_is_no_probability_is_invalid(found):
    with pytest.raises(ValueError, match="probabilities") as caught:
        as_probabilities(found, 1, 3)
    assert caught.value.outcome == "invalid"


def test_a_policy_without_a_way_to_act_here_lacks_it():
    world = Counting()
    world.action = BOX
    with pytest.raises(Lacking, match=r"no act\(\)"):
        Told(Fair([1.0]), world, [0], 0)


class Ends:
    """A copy of gymnasium's kind that ends after some steps and must not be stepped again."""

    def __init__(self, steps):
        self.left = steps

    def reset(self, seed):
        return np.array([seed], np.float64), {}

    def step(self, action):
        self.left -= 1
        assert self.left >= 0
        return np.array([self.left], np.float64), 1.0, self.left == 0, False, {}

    def close(self):
        self.closed = True


def test_copies_are_stepped_while_they_live_and_cut_at_the_horizon():
    made = []

    def make(place):
        made.append(Ends([2, 9][place]))
        return made[-1]

    copies = Copies(make, {"dtype": "float32"}, horizon=3)
    world = SimpleNamespace(
        reset=copies.reset,
        step=lambda actions, live: copies.step(actions.tolist(), live),
        action=DISCRETE,
        horizon=3,
        context=np.zeros((2, 0), np.float32),
    )
    played = play(world, [7, 8], lambda: Told(Noting(), world, [7, 8], 0))
    assert played["lengths"].tolist() == [2, 3]
    assert played["terminated"].tolist() == [True, False]
    assert played["observations"].dtype == np.float32
    assert played["observations"][:, 0, 0].tolist() == [7, 8]
    assert played["final_observations"][:, 0].tolist() == [0, 6]
    copies.reset([1, 2])
    assert made[0].closed
    assert len(made) == 4  # a copy of its own for each episode


def test_copies_are_let_go_before_others_are_made():
    alive = weakref.WeakSet()
    most = []

    def make(_place):
        made = Ends(3)
        alive.add(made)
        most.append(len(alive))
        return made

    copies = Copies(make, {"dtype": "float32"}, horizon=3)
    for seed in range(3):
        copies.reset([seed, seed + 1])
    assert max(most) == 2
