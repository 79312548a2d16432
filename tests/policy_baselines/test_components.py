"""What a decision costs: the networks that policies name, once they have learned."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from harness.cost import NotMeasuredError, Run
from harness_plugins.policy import stages
from harness_plugins.policy_baselines.cloning import Cloning
from harness_plugins.policy_baselines.deconfounded import Deconfounded
from harness_plugins.policy_baselines.references import Random


class Bench:
    """A device that keeps what it is given."""

    def measure(self, components):
        self.given = components
        outputs = {c.name: np.zeros(1, np.float32) for c in components}
        return Run(record={"components": [{"name": c.name} for c in components]}, outputs=outputs)

    def compare(self, first, second):
        return {"first": [c.name for c in first], "second": [c.name for c in second]}


def inputs_of(model, world):
    checkpoint = model.fit(world.demonstrations, world.about, 0, 2000)
    return {"checkpoint": checkpoint, "demonstrations": world.demonstrations}


def cloning(*, memory):
    return Cloning(memory=memory, width=16, transitions=200, greedy=False)


def deconfounded():
    return Deconfounded(latents=4, width=16, transitions=400, restarts=1, greedy=False)


def costs(model, world):
    counted = stages.cost(model, inputs_of(model, world), {}, None)["cost"]["components"]
    return {part["name"]: sum(part["macs"]["dense"].values()) for part in counted}


def test_cloning_is_one_network(bandit):
    states = bandit.about["observation"]["n"]
    actions = bandit.about["action"]["n"]
    assert costs(cloning(memory=False), bandit) == {"policy": states * 16 + 16 * 16 + 16 * actions}
    assert costs(cloning(memory=True), bandit)["policy"] > 3 * 16 * 16


def test_deconfounded_imitation_asks_policy_and_dynamics_for_every_latent(bandit):
    states, actions = (bandit.about[k]["n"] for k in ("observation", "action"))
    assert costs(deconfounded(), bandit) == {
        "policy": 4 * ((states + 4) * 16 + 16 * 16 + 16 * actions),
        "dynamics": 4 * ((states + 4 + actions) * 16 + 16 * 16 + 16 * states),
    }


@pytest.mark.parametrize("make", [deconfounded, lambda: cloning(memory=True)])
def test_components_run_on_what_they_name(bandit, make):
    model, bench = make(), Bench()
    found = stages.device(model, inputs_of(model, bandit), {}, None, bench)
    assert found["device_run"]["components"]
    for component in bench.given:
        with torch.inference_mode():
            component.module(*component.inputs)


def test_two_policies_are_timed_against_each_other(bandit):
    first, second = deconfounded(), cloning(memory=False)
    against = (first, inputs_of(first, bandit), {})
    found = stages.pair(second, inputs_of(second, bandit), {}, None, Bench(), against)
    assert found == {
        "device_pairs": {"first": ["policy", "dynamics"], "second": ["policy"]},
    }


def test_a_policy_without_networks_has_no_cost(bandit):
    model = Random()
    with pytest.raises(NotMeasuredError, match="no components"):
        stages.cost(model, inputs_of(model, bandit), {}, None)
