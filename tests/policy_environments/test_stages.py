"""The four steps called as a worker calls them: who is shown what, and what is counted."""

from __future__ import annotations

import json

import numpy as np
import pytest

from harness.worker import kinds
from harness_plugins.policy import stages
from harness_plugins.policy.environments import datasets
from harness_plugins.policy.interface import Lacking

NUMBERS = {"block": 4, "demonstrations": 5, "heldout": 3, "budget": 100, "seed": 0}
RING = {"places": 5, "steps": 8, "works": 0.5, "blunders": 0.05}


def ring(episodes=8, **changes):
    numbers = {**NUMBERS, "episodes": episodes} | changes
    return [dict(item.meta) for item in datasets.mdp(**numbers, **RING)]


@pytest.fixture(scope="module")
def shown():
    """What `demonstrate` leaves, as it comes back from the store."""
    left = stages.demonstrate(None, {"episodes": ring()}, {}, None)
    found = {}
    for name, value in left.items():
        kind = "json" if name == "environment" else "arrays"
        found[name] = kinds.load(kind, kinds.dump(kind, value))
    return found


def fitted(model, shown, *, privileged=False, seed=0):
    inputs = {name: shown[name] for name in ("demonstrations", "environment")}
    if privileged:
        inputs["contexts"] = shown["contexts"]
    return stages.fit(model, inputs, {}, seed)


def rolled(model, checkpoint, block, shown, *, privileged=False, seed=0):
    inputs = {"checkpoint": checkpoint, "episodes": block}
    if privileged:
        inputs["contexts"] = shown["contexts"]
    return stages.rollout(model, inputs, {}, seed)["trajectories"]


def replayed(model, checkpoint, shown, *, privileged=False):
    inputs = {"checkpoint": checkpoint} | {n: shown[n] for n in ("heldout", "environment")}
    if privileged:
        inputs["contexts"] = shown["contexts"]
    return stages.replay(model, inputs, {}, 0)["replayed"]["log_prob"]


def test_demonstrations_have_the_shapes_that_are_promised(shown):
    for name, episodes in (("demonstrations", 5), ("heldout", 3)):
        arrays = shown[name]
        assert set(arrays) == {"observations", "actions", "lengths"}
        assert arrays["observations"].shape == arrays["actions"].shape == (episodes, 8)
        assert arrays["observations"].dtype == arrays["actions"].dtype == np.int64
        assert arrays["lengths"].tolist() == [8] * episodes
        assert shown["contexts"][name].shape == (episodes, 1)
        assert shown["contexts"][name].dtype == np.float32
    told = shown["environment"]
    assert told["id"] == "confounded_mdp"
    assert (told["observation"]["n"], told["action"]["n"], told["horizon"]) == (5, 3, 8)
    assert told["budget"] == 100
    assert told["versions"] == {"autoreset": "disabled"}
    assert told["params"] == RING


def test_demonstrations_do_not_depend_on_what_is_evaluated(shown):
    """So `fit` is not done again when the suite grows: its inputs are the same bytes."""
    other = stages.demonstrate(None, {"episodes": ring(episodes=23, block=7)}, {}, None)
    for name, value in other.items():
        kind = "json" if name == "environment" else "arrays"
        assert kinds.dump(kind, value) == kinds.dump(kind, shown[name]), name


def test_more_demonstrations_begin_with_the_same_ones(shown):
    more = stages.demonstrate(None, {"episodes": ring(demonstrations=100)}, {}, None)
    np.testing.assert_array_equal(
        more["demonstrations"]["actions"][:5], shown["demonstrations"]["actions"]
    )
    np.testing.assert_array_equal(more["heldout"]["actions"], shown["heldout"]["actions"])


def test_held_out_demonstrations_are_others(shown):
    first = shown["demonstrations"]["observations"][:3]
    assert (shown["heldout"]["observations"] != first).any()


def test_a_context_never_reaches_a_policy_that_is_not_privileged(players, shown):
    spy = players.Spy()
    left = fitted(spy, shown)
    assert left["information"] == {
        "demonstrations": 0,
        "simulator_steps": 0,
        "expert_queries": 0,
        "privileged": False,
    }
    told = json.loads(left["checkpoint"])
    assert set(told) == {"id", "params", "observation", "action", "horizon", "versions"}
    rolled(spy, left["checkpoint"], ring()[0], shown)
    replayed(spy, left["checkpoint"], shown)


def test_the_spy_would_notice(players, shown):
    """Each of the three ways by which a privileged row is shown a context."""
    spy = players.Spy()
    with pytest.raises(AssertionError, match="fit was shown"):
        fitted(spy, shown, privileged=True)
    checkpoint = fitted(spy, shown)["checkpoint"]
    with pytest.raises(AssertionError, match="reset was shown"):
        rolled(spy, checkpoint, ring()[0], shown, privileged=True)
    with pytest.raises(AssertionError, match="reset was shown"):
        replayed(spy, checkpoint, shown, privileged=True)


class Knows:
    """A privileged policy, that does as the expert by what it is shown."""

    def fit(self, demonstrations, environment, seed, budget, contexts=None):
        self.contexts = contexts
        return json.dumps(environment).encode()

    def load(self, checkpoint):
        from harness_plugins.policy.environments.registry import knowledge

        self.rule = knowledge(json.loads(checkpoint)).rule

    def reset(self, batch, rng, context=None):
        self.context = context

    def action_probabilities(self, observation):
        return self.rule(observation, self.context)


def test_a_privileged_policy_is_shown_the_contexts_of_the_very_episodes(shown):
    model = Knows()
    left = fitted(model, shown, privileged=True)
    assert left["information"]["privileged"] is True
    np.testing.assert_array_equal(model.contexts, shown["contexts"]["demonstrations"])
    found = rolled(model, left["checkpoint"], ring()[1], shown, privileged=True)
    np.testing.assert_array_equal(model.context, found["context"])
    replayed(model, left["checkpoint"], shown, privileged=True)
    np.testing.assert_array_equal(model.context, shown["contexts"]["heldout"])


def test_a_privileged_policy_without_such_parameters_is_called_as_any_other(players, shown):
    model = players.Random()
    left = fitted(model, shown, privileged=True)
    rolled(model, left["checkpoint"], ring()[0], shown, privileged=True)


def test_uses_are_counted(players, shown):
    left = fitted(players.Asks(), shown)["information"]
    assert (left["simulator_steps"], left["expert_queries"]) == (21, 5)
    assert left["demonstrations"] == 0
    assert fitted(players.Looks(), shown)["information"]["demonstrations"] == 5


def test_trajectories_hold_what_a_judge_needs(players, shown):
    block = ring()[1]
    found = rolled(players.Random(), fitted(players.Random(), shown)["checkpoint"], block, shown)
    shapes = {name: (values.shape, values.dtype.name) for name, values in found.items()}
    assert shapes == {
        "observations": ((4, 8), "int64"),
        "actions": ((4, 8), "int64"),
        "rewards": ((4, 8), "float64"),
        "probabilities": ((4, 8, 3), "float64"),
        "interventional": ((4, 8, 3), "float64"),
        "regret": ((4, 8), "float64"),
        "expert_actions": ((4, 8), "int64"),
        "lengths": ((4,), "int64"),
        "terminated": ((4,), "bool"),
        "final_observations": ((4,), "int64"),
        "context": ((4, 1), "float32"),
        "seeds": ((4,), "int64"),
    }
    assert found["seeds"].tolist() == block["seeds"] == [4, 5, 6, 7]


def test_the_experts_answers_are_those_it_gives_when_it_acts(worlds):
    """In a demonstration's own episode the expert would have done what it did."""
    from harness_plugins.policy.rollout import Asked, play

    world = worlds.environment_of("confounded_mdp")
    played = play(world, range(9), lambda: Asked(world, range(9)))
    again = stages._judged(world, played)["expert_actions"]
    np.testing.assert_array_equal(again, played["actions"])


def test_replay_gives_the_log_probability_of_what_the_expert_did(players, shown):
    model = Knows()
    found = replayed(model, fitted(model, shown)["checkpoint"], shown, privileged=True)
    rule = model.rule
    for t in range(8):
        chances = rule(shown["heldout"]["observations"][:, t], shown["contexts"]["heldout"])
        done = shown["heldout"]["actions"][:, t]
        np.testing.assert_allclose(found[:, t], np.log(chances[range(3), done]))
    uniform = replayed(players.Random(), fitted(players.Random(), shown)["checkpoint"], shown)
    np.testing.assert_allclose(uniform, np.log(1 / 3))


class Sees:
    def load(self, checkpoint):
        self.seen, self.told = [], []

    def reset(self, batch, rng):
        pass

    def action_probabilities(self, observation):
        self.seen.append(observation)
        return np.tile([0.5, 0.5, 0.0], (len(observation), 1))

    def took(self, actions):
        self.told.append(actions)


def test_replay_ends_where_a_demonstration_ends(shown):
    observations = np.arange(16).reshape(2, 8)
    actions = np.array([[0] * 8, [2] * 8])
    heldout = {"observations": observations, "actions": actions, "lengths": np.array([2, 4])}
    model = Sees()
    inputs = {"checkpoint": b"", "heldout": heldout, "environment": shown["environment"]}
    found = stages.replay(model, inputs, {}, 0)["replayed"]["log_prob"]
    np.testing.assert_allclose(found[0, :2], np.log(0.5))
    assert np.isnan(found[0, 2:]).all()
    assert (found[1, :4] == -np.inf).all()
    assert np.isnan(found[1, 4:]).all()
    assert [seen.tolist() for seen in model.seen] == [[0, 8], [1, 9], [1, 10], [1, 11]]
    assert len(model.told) == 4


def test_what_gives_no_probabilities_cannot_be_replayed(players, shown):
    with pytest.raises(Lacking, match="action_probabilities"):
        replayed(players.Heuristic(), b"{}", shown)
    box = {"action": {"shape": [1], "low": [-1.0], "high": [1.0]}}
    with pytest.raises(Lacking, match="not discrete"):
        replayed(Sees(), b"", shown | {"environment": box})


def test_a_network_is_asked_with_the_same_batch_in_any_order_of_blocks(players, worlds):
    """Blocks forwards by one object and backwards by another, that saw others before."""
    pytest.importorskip("Box2D")
    numbers = {**NUMBERS, "episodes": 9, "block": 3}
    own = {"bindings": [[0, 1, 2, 3], [0, 2, 1, 3]], "noise": 0.1}
    blocks = [dict(item.meta) for item in datasets.lunarlander(**numbers, **own)]
    world = worlds.environment_of("confounded_lunarlander")
    checkpoint = json.dumps({"observation": world.observation, "action": world.action}).encode()
    forwards, backwards = players.Deep(), players.Deep()
    first = [kinds.dump("arrays", rolled(forwards, checkpoint, b, {})) for b in blocks]
    second = [kinds.dump("arrays", rolled(backwards, checkpoint, b, {})) for b in blocks[::-1]]
    assert first == second[::-1]
