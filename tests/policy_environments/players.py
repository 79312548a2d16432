"""A plugin in one file: policies that behave in known ways, and metrics that tell of them."""

from __future__ import annotations

import json

import numpy as np

from harness import Metric, Model, hookimpl

NAMES = ("random", "heuristic", "spy", "wrong", "nan", "deep", "asks", "looks")


@hookimpl
def harness_models():
    return [
        Model(name=f"player-{n}", family="policy", factory=f"players:{n.title()}") for n in NAMES
    ]


@hookimpl
def harness_metrics():
    def metric(name, inputs, **fields):
        return Metric(
            name=name,
            factory=f"players:{name}",
            inputs=inputs,
            signature=f"{name}|v1",
            better="higher",
            **fields,
        )

    return [
        metric("gained", ("trajectories",), per="element"),
        metric("used", ("information",)),
        metric("surprise", ("replayed",)),
    ]


def gained():
    return lambda t: np.nansum(t["rewards"], axis=1)


def used():
    return lambda i: i["simulator_steps"] + i["expert_queries"]


def surprise():
    return lambda r: -float(np.nanmean(r["log_prob"]))


class Plain:
    """What the others share by calling it: the environment as the checkpoint."""

    def fit(self, demonstrations, environment, seed, budget):
        return json.dumps(environment).encode()

    def load(self, checkpoint):
        self.environment = json.loads(checkpoint)

    def reset(self, batch, rng):
        self.batch, self.rng = batch, rng


class Random(Plain):
    def action_probabilities(self, observation):
        n = self.environment["action"]["n"]
        return np.full((len(observation), n), 1 / n)


class Heuristic(Plain):
    """Gymnasium's own, for Lunar Lander."""

    def act(self, observation):
        from harness_plugins.policy.environments.lunarlander import heuristic

        return heuristic(observation)


class Spy(Random):
    """Takes all it is offered, and fails if that is a context."""

    def fit(self, demonstrations, environment, seed, budget, contexts=None):
        assert contexts is None, "fit was shown contexts"
        self.look(demonstrations, environment)
        return super().fit(demonstrations, environment, seed, budget)

    def reset(self, batch, rng, context=None):
        assert context is None, "reset was shown a context"
        super().reset(batch, rng)

    def look(self, *values):
        for value in values:
            if hasattr(value, "keys"):
                assert not any("context" in key for key in value), sorted(value)


class Wrong(Plain):
    def act(self, observation):
        return np.full(len(observation), self.environment["action"]["n"])


class Nan(Plain):
    def action_probabilities(self, observation):
        return np.full((len(observation), self.environment["action"]["n"]), np.nan)


class Deep(Plain):
    """A network by hand, in float32: its last bits depend on the size of the batch, if any do."""

    def reset(self, batch, rng):
        weights = np.random.default_rng(1)
        shape = self.environment["observation"]["shape"]
        self.first = weights.normal(size=(*shape, 64)).astype(np.float32)
        self.last = weights.normal(size=(64, self.environment["action"]["n"])).astype(np.float32)

    def action_probabilities(self, observation):
        scores = np.tanh(observation @ self.first) @ self.last
        weights = np.exp(scores - scores.max(axis=1, keepdims=True))
        return weights / weights.sum(axis=1, keepdims=True)


class Asks(Random):
    """Uses the simulator for 7 steps of 3 episodes, and asks for 3 + 2 actions."""

    needs = ("simulator", "expert")

    def fit(self, demonstrations, environment, seed, budget, simulator, expert):
        simulator.reset(3, seed)
        actions = expert.act()
        for _ in range(7):
            simulator.step(actions)
        expert.act([0, 2])
        return super().fit(demonstrations, environment, seed, budget)


class Looks(Random):
    """Looks at the demonstrations."""

    def fit(self, demonstrations, environment, seed, budget):
        assert demonstrations["actions"].dtype == np.int64
        return super().fit(demonstrations, environment, seed, budget)
