from __future__ import annotations

import torch

from harness.cost import Component
from harness.cost.stages import measure_cost
from harness_plugins.quantization.metrics import quantized_weights_share
from harness_plugins.quantization.model import wrap


def test_the_share_counts_numbers_of_all_components(small):
    x = torch.randn(1, 3, 8, 8)
    score = quantized_weights_share()
    assert score(measure_cost(small.components(x, {}))) == 0.0
    model = wrap(small, [x], "fp8-e4m3", None)
    assert score(measure_cost(model.components(x, {}))) == 2220 / 2239  # all but the biases


def test_a_module_without_weights_has_none():
    parts = measure_cost([Component(name="relu", module=torch.nn.ReLU(), inputs=[(1, 4)])])
    assert quantized_weights_share()(parts) == 0.0
