"""What it costs to encode: the networks that causal models name, once they have learned."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch

from harness_plugins.causal import stages
from harness_plugins.causal_baselines.models import BetaVAE, ExplicitModel, ImplicitModel
from harness_plugins.causal_baselines.supervised import Supervised

RNG = np.random.default_rng(0)
PAIRS = RNG.normal(size=(300, 2, 3))
IMAGES = RNG.integers(0, 256, (12, 2, 32, 32, 3), dtype=np.uint8)


def inputs_of(model, pairs, **truth):
    checkpoint = model.fit(pairs, pairs[:6], 0, 256, **truth)
    return {"checkpoint": checkpoint, "test": {"x": pairs[:, 0]}}


def macs(model, inputs):
    parts = stages.cost(model, inputs, {}, 0)["cost"]["components"]
    return {part["name"]: sum(part["macs"]["dense"].values()) for part in parts}


def perceptron(*sizes):
    return sum(a * b for a, b in pairwise(sizes))


@pytest.mark.parametrize(
    ("model", "names"),
    [(BetaVAE, ["encoder"]), (ImplicitModel, ["encoder", "mechanisms"])],
)
def test_networks_are_those_of_encoding(model, names):
    made = model(hidden=16, steps=2)
    found = macs(made, inputs_of(made, PAIRS))
    assert list(found) == names
    assert found["encoder"] == perceptron(3, 16, 16, 6)
    if "mechanisms" in found:  # each variable has a network of its own
        assert found["mechanisms"] == 3 * perceptron(3, 16, 16, 2)


def test_an_explicit_graph_has_mechanisms_too():
    made = ExplicitModel(hidden=16, steps=2)
    assert list(macs(made, inputs_of(made, PAIRS))) == ["encoder", "mechanisms"]


def test_a_supervised_network_is_one():
    made = Supervised(hidden=16, steps=2)
    truth = {"z": PAIRS, "val_z": PAIRS[:6], "targets": np.zeros((300, 3), bool)}
    assert macs(made, inputs_of(made, PAIRS, truth=truth)) == {"encoder": perceptron(3, 16, 16, 3)}


def test_images_are_seen_through_a_network():
    made = BetaVAE(hidden=16, steps=2)
    inputs = inputs_of(made, IMAGES)
    assert list(macs(made, inputs)) == ["features", "encoder"]
    for component in made.components(inputs["test"]["x"][:1], {}):
        with torch.inference_mode():
            component.module(*component.inputs)
