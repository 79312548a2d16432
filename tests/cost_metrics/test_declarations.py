"""The declarations: what they say is so, and the signatures keep up with what is counted."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from harness.cost import activations, count
from harness.registry import resolve
from harness_plugins.cost import PANELS, fronts, of_step
from harness_plugins.cost.metrics import METRICS

BY_NAME = {metric.name: metric for metric in METRICS}


def test_the_plugin_is_light():
    code = (
        "import sys, harness_plugins.cost; "
        "print([m for m in ('torch', 'numpy', 'yaml') if m in sys.modules])"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize("metric", METRICS, ids=lambda m: m.name)
def test_every_factory_makes_a_metric_from_its_params(metric):
    assert callable(resolve(metric.factory)(**metric.params))


@pytest.mark.parametrize("convention", ["dense", "deepspeed-0.5.10"])
def test_signatures_are_those_of_counting(convention):
    counted = count(torch.nn.Linear(2, 2), [(1, 2)], convention=convention)
    own = [m.signature for m in METRICS if m.params.get("convention") == convention]
    assert own
    assert all(signature.startswith(f"{counted.signature}|") for signature in own)


def test_the_signature_of_activations_is_that_of_counting():
    live = activations(torch.nn.Linear(2, 2), [(1, 2)])
    assert BY_NAME["peak_activation"].signature.startswith(live.signature)


def test_latencies_are_paid_at_every_point():
    assert {m.over_points for m in METRICS if m.name.startswith("latency")} == {"mean"}


def test_metrics_of_a_step_are_signed_by_it():
    found = {metric.name: metric for metric in of_step("decode")}
    assert set(found) == {
        "gmacs_decode",
        "gmacs_deepspeed_decode",
        "peak_activation_decode",
        "latency_decode_ms",
    }
    for metric in found.values():
        assert metric.params["step"] == "decode"
        assert metric.signature.endswith("|decode")
        assert metric.signature not in {whole.signature for whole in METRICS}
    assert found["gmacs_deepspeed_decode"].params["convention"] == "deepspeed-0.5.10"


def test_panels_can_be_drawn():
    for panel in PANELS:
        assert callable(resolve(panel.compute))
    drawn = fronts("psnr_rgb")
    assert {panel.y for panel in drawn} == {"psnr_rgb"}
    assert {panel.x for panel in drawn} <= set(BY_NAME)
