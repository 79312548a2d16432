"""Any environment of gymnasium: what is taken, what is refused, and in which words."""

from __future__ import annotations

import numpy as np
import pytest

from harness_plugins.policy import stages
from harness_plugins.policy.environments import datasets
from harness_plugins.policy.interface import Lacking
from harness_plugins.policy.rollout import Asked, play

gymnasium = pytest.importorskip("gymnasium")
spaces = gymnasium.spaces
NUMBERS = {
    "episodes": 4,
    "block": 2,
    "demonstrations": 3,
    "heldout": 2,
    "budget": 100,
    "seed": 0,
}


class Strange(gymnasium.Env):
    """Discrete observations from 5 on and actions from -1 on, as gymnasium allows."""

    observation_space = spaces.Discrete(4, start=5)
    action_space = spaces.Discrete(3, start=-1)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.place = 5
        return self.place, {}

    def step(self, action):
        assert self.action_space.contains(action), action
        self.place = int(np.clip(self.place + action, 5, 8))
        return self.place, float(action), self.place == 8, False, {}


class Spaces(gymnasium.Env):
    def __init__(self, seen, done):
        self.observation_space, self.action_space = seen, done


@pytest.fixture(autouse=True)
def registered():
    before = dict(gymnasium.registry)
    gymnasium.register("Strange-v0", entry_point=Strange, max_episode_steps=9)
    gymnasium.register("Endless-v0", entry_point=Strange)
    gymnasium.register("Spaces-v0", entry_point=Spaces, max_episode_steps=9)
    yield
    gymnasium.registry.clear()
    gymnasium.registry.update(before)


def index(**own):
    fields = {"id": "CartPole-v1", "options": {}, "horizon": 0, "expert": "", "minari": ""}
    return datasets.any_gymnasium(**NUMBERS, **(fields | own))


def test_a_random_expert_demonstrates_where_one_is_asked_for():
    blocks = [dict(item.meta) for item in index(expert="random")]
    left = stages.demonstrate(None, {"episodes": blocks}, {}, None)
    told = left["environment"]
    assert (told["observation"]["shape"], told["action"]["n"], told["horizon"]) == ([4], 2, 500)
    shown = left["demonstrations"]
    assert shown["observations"].shape == (3, 500, 4)
    assert shown["observations"].dtype == np.float32
    assert (shown["lengths"] < 200).all()
    assert left["contexts"]["heldout"].shape == (2, 0)
    assert set(told["versions"]) == {"gymnasium", "autoreset"}


def test_episodes_are_those_of_a_plain_loop(worlds):
    world = worlds.environment_of("gymnasium", id="CartPole-v1", expert="random")
    played = play(world, [3, 4], lambda: Asked(world, [3, 4]))
    plain = gymnasium.make("CartPole-v1")
    for row, seed in enumerate((3, 4)):
        seen, _ = plain.reset(seed=seed)
        for t in range(played["lengths"][row]):
            np.testing.assert_array_equal(played["observations"][row, t], seen)
            seen, reward, terminated, truncated, _ = plain.step(played["actions"][row, t])
            assert played["rewards"][row, t] == reward
        assert terminated == played["terminated"][row]
        assert terminated or truncated


def test_the_time_limit_is_the_horizon_and_may_be_changed(worlds):
    world = worlds.environment_of("gymnasium", id="CartPole-v1", expert="random", horizon=5)
    played = play(world, range(4), lambda: Asked(world, range(4)))
    assert played["lengths"].tolist() == [5] * 4
    assert not played["terminated"].any()
    assert played["rewards"].shape == (4, 5)


def test_numbers_of_discrete_spaces_begin_with_0_here(worlds):
    world = worlds.environment_of("gymnasium", id="Strange-v0", expert="random")
    assert (world.observation["n"], world.action["n"]) == (4, 3)
    right = worlds.By(lambda o: np.full(len(o), 2))
    played = play(world, [0], lambda: right)
    assert played["observations"][0, :3].tolist() == [0, 1, 2]
    assert played["lengths"].tolist() == [3]
    assert played["rewards"][0, :3].tolist() == [1, 1, 1]
    assert played["final_observations"].tolist() == [3]


def test_options_reach_the_environment(worlds):
    pytest.importorskip("Box2D")
    own = {"id": "LunarLander-v3", "expert": "heuristic", "options": {"continuous": True}}
    world = worlds.environment_of("gymnasium", **own)
    assert world.action == {"shape": [2], "low": [-1.0, -1.0], "high": [1.0, 1.0]}
    played = play(world, range(4), lambda: Asked(world, range(4)))
    assert played["actions"].dtype == np.float32
    assert worlds.returns(played).mean() > 100  # it lands


@pytest.mark.parametrize(
    ("own", "says"),
    [
        ({"id": ""}, "give it params {id: ID}"),
        ({"id": "LunarLander-v2"}, "Please use `LunarLander-v3`"),
        ({"id": "CartPool-v1"}, "Did you mean"),
        ({"id": "nothing_here:Env-v0"}, "nothing_here"),
        ({}, r"CartPole-v1 has no expert of its own: .*minari.*expert"),
        ({"expert": "heuristic"}, "ships no heuristic for CartPole-v1"),
        ({"expert": "oracle"}, "none of heuristic, random"),
        ({"expert": "random", "minari": "x"}, "either"),
    ],
)
def test_what_is_missing_is_told_in_one_line(own, says):
    with pytest.raises(ValueError, match=says) as caught:
        index(**own)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("id_", "options", "says"),
    [
        ("Endless-v0", {}, "no time limit"),
        ("Spaces-v0", {"seen": spaces.Text(4), "done": spaces.Discrete(2)}, "neither a Box nor"),
        (
            "Spaces-v0",
            {"seen": spaces.Discrete(2), "done": spaces.Box(-np.inf, 0, (1,))},
            "bounded",
        ),
        ("Spaces-v0", {"seen": spaces.Discrete(2), "done": spaces.Box(0, 1, (2, 2))}, "one axis"),
        (
            "Spaces-v0",
            {"seen": spaces.Discrete(2), "done": spaces.Box(0, 1, (1,))},
            "random expert",
        ),
    ],
)
def test_what_no_policy_could_act_in_is_refused(worlds, id_, options, says):
    with pytest.raises(ValueError, match=says):
        worlds.environment_of("gymnasium", id=id_, options=options, expert="random")


def test_images_stay_bytes(worlds):
    options = {"seen": spaces.Box(0, 255, (4, 4, 3), np.uint8), "done": spaces.Discrete(2)}
    world = worlds.environment_of("gymnasium", id="Spaces-v0", options=options, expert="random")
    assert world.observation == {"shape": [4, 4, 3], "dtype": "uint8"}


def test_without_an_expert_nobody_demonstrates():
    params = {"id": "CartPole-v1", "options": {}, "horizon": 0, "expert": ""}
    block = {
        **NUMBERS,
        "environment": "gymnasium",
        "params": params,
        "seeds": [0],
        "versions": {},
    }
    with pytest.raises(Lacking, match="no expert to record"):
        stages.demonstrate(None, {"episodes": [block]}, {}, None)


def test_the_simulators_of_an_environment_are_part_of_its_items():
    from harness_plugins.policy.environments.any_gymnasium import simulators

    assert simulators("CartPole-v1") == ("gymnasium",)
    assert simulators("LunarLander-v3") == ("gymnasium", "box2d")
    assert simulators("Hopper-v5") == ("gymnasium", "mujoco")
