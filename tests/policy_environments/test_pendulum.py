"""The pendulum on a slope: a real regulator, and a hidden mass and friction that matter."""

from __future__ import annotations

import numpy as np
import pytest

from harness_plugins.policy.environments import pendulum
from harness_plugins.policy.rollout import Asked, play

pytest.importorskip("mujoco")
pytest.importorskip("imageio")

SLOPE = 5.0


@pytest.fixture(scope="module")
def world(worlds):
    return worlds.environment_of("confounded_pendulum")


def with_context(worlds, world, context):
    return play(
        world,
        range(16),
        lambda: worlds.By(lambda o: pendulum.rule(SLOPE, o, context(world.context))),
    )


def test_the_expert_keeps_every_pole_upright_and_near_the_middle(world, worlds):
    """200 episodes gave 194.1 +- 4.1 of at most 200, all of them upright."""
    played = play(world, range(16), lambda: Asked(world, range(16)))
    assert world.success(None, None, played["terminated"]).all()
    assert worlds.returns(played).min() > 170
    assert worlds.returns(played).mean() == pytest.approx(194.1, abs=4)


def test_the_expert_with_wrong_parameters_does_clearly_worse(world, worlds):
    """200 episodes gave 54 with the wrong mass, 111 with the wrong friction, 45 with both."""
    swaps = {
        "mass": lambda c: np.stack([22 - c[:, 0], c[:, 1]], axis=1),
        "friction": lambda c: np.stack([c[:, 0], 61 - c[:, 1]], axis=1),
        "both": lambda c: np.array([22, 61]) - c,
    }
    mean = {
        name: worlds.returns(with_context(worlds, world, swap)).mean()
        for name, swap in swaps.items()
    }
    assert mean["mass"] < 100
    assert mean["friction"] < 170
    assert mean["both"] < 100


def test_no_single_expert_and_not_their_mean_does_for_all(world, worlds):
    """200 episodes gave 118 for the mean of the four experts' actions."""
    pairs = [(m, f) for m in (2.0, 20.0) for f in (1.0, 60.0)]
    for pair in pairs:
        fixed = with_context(worlds, world, lambda c, pair=pair: np.tile(pair, (len(c), 1)))
        assert worlds.returns(fixed).mean() < 165

    def average(observation):
        each = [pendulum.rule(SLOPE, observation, np.tile(p, (16, 1))) for p in pairs]
        return np.mean(each, axis=0)

    assert worlds.returns(play(world, range(16), lambda: worlds.By(average))).mean() < 165


def test_the_action_depends_on_mass_and_friction_in_one_and_the_same_state():
    rest = pendulum.gains(2.0, 1.0, SLOPE).rest
    still = np.tile(rest, (4, 1))
    moving = still + np.array([0, 0, 0.5, 0])
    contexts = np.array([[2, 1], [2, 60], [20, 1], [20, 60]], float)
    held = pendulum.rule(SLOPE, still, contexts)[:, 0]
    assert held[0] == pytest.approx(held[1], abs=1e-6)
    # at rest it balances the weight on the slope: (cart + pole) g sin(slope), 100 N to a unit
    cart = 10.47197551
    weight = (cart + contexts[:, 0]) * 9.81 * np.sin(np.deg2rad(SLOPE)) / 100
    np.testing.assert_allclose(held, weight, rtol=1e-5)
    pushed = pendulum.rule(SLOPE, moving, contexts)[:, 0]
    assert abs(pushed[0] - pushed[1]) > 0.3
    assert pushed.dtype == np.float32


def test_the_regulator_rests_plumb_and_pushes_only_against_the_slope():
    light, sticky = pendulum.gains(2.0, 1.0, SLOPE), pendulum.gains(2.0, 60.0, SLOPE)
    assert np.abs(light.feedback - sticky.feedback).max() > 1
    assert light.rest[1] == pytest.approx(np.deg2rad(SLOPE), abs=0.01)  # it stands plumb
    assert pendulum.gains(2.0, 1.0, 0.0).hold == pytest.approx(0, abs=1e-9)


def test_gusts_and_bodies_are_those_of_the_seed(world):
    played = play(world, [5, 6], lambda: Asked(world, [5, 6]))
    alone = play(world, [6], lambda: Asked(world, [6]))
    for name, values in alone.items():
        assert values.tobytes() == played[name][1:].tobytes(), name
    masses = [copy.model.body("pole").mass[0] for copy in world._copies._copies]
    np.testing.assert_allclose(masses, alone["context"][:, 0])
    assert world._copies._copies[0].model.dof_damping[0] == alone["context"][0, 1]


def test_a_step_earns_less_away_from_the_middle_and_nothing_in_a_fall(world, worlds):
    played = play(world, range(4), lambda: worlds.By(lambda o: np.zeros((len(o), 1), np.float32)))
    assert played["terminated"].all()
    for rewards, n, final in zip(
        played["rewards"], played["lengths"], played["final_observations"], strict=True
    ):
        assert rewards[n - 1] == 0
        assert abs(final[1]) > 0.2
    seen, rewards = played["observations"][0], played["rewards"][0]
    np.testing.assert_allclose(rewards[:5], 1 - seen[1:6, 0].astype(float) ** 2, rtol=1e-6)


@pytest.mark.parametrize(
    "wrong", [{"masses": []}, {"frictions": [-1.0]}, {"slope": 20.0}, {"gusts": -1}, {"steps": 0}]
)
def test_what_is_no_pendulum_is_refused(wrong):
    own = {"masses": [2.0], "frictions": [1.0], "slope": 5.0, "gusts": 0.1, "steps": 10}
    with pytest.raises(ValueError, match=r"positive|degrees|negative|at least"):
        pendulum.check(**(own | wrong))
