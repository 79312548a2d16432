"""Tables of parts: what each line says."""

from __future__ import annotations

import json

import pytest
import torch

from harness.cost import Component
from harness.cost.stages import measure_cost
from harness_plugins.cost.parts import counted, timed


def test_counted_parts_of_real_modules():
    conv = torch.nn.Conv2d(3, 8, 3, padding=1)
    parts = [
        Component(name="g_a", module=conv, inputs=[(1, 3, 10, 20)], step="encode"),
        Component(name="mix", module=torch.nn.Linear(4, 2), inputs=[(5, 4)], step="mix", calls=3),
    ]
    first, second = counted(json.loads(json.dumps(measure_cost(parts))))
    assert (first["component"], first["step"], first["calls"]) == ("g_a", "encode", None)
    assert first["input"] == "1×3×10×20"
    assert first["GMAC"] == pytest.approx(8 * 27 * 200 / 1e9)
    assert first["GMAC of a call by kind"] == {"convolution": pytest.approx(8 * 27 * 200 / 1e9)}
    assert first["GMAC (deepspeed-0.5.10)"] == first["GMAC"]
    assert first["parameters (M)"] == pytest.approx(224 / 1e6)
    assert first["weights (MB)"] == pytest.approx(224 * 4 / 1e6)
    assert first["peak activation (MB)"] == pytest.approx(8 * 200 * 4 / 1e6)
    assert "without formula" not in first  # nothing to say in any line
    twice = Component(name="bilinear", module=torch.nn.Bilinear(4, 4, 2), inputs=[(5, 4)] * 2)
    assert counted(measure_cost([twice]))[0]["input"] == "2 of 5×4"
    assert second["calls"] == 3
    assert second["GMAC"] == pytest.approx(3 * 5 * 4 * 2 / 1e9)
    assert second["GMAC of a call by kind"] == {"linear": pytest.approx(40 / 1e9)}


def test_what_has_no_formula_is_named():
    class Sampled(torch.nn.Module):
        def forward(self, x, grid):
            return torch.nn.functional.grid_sample(x, grid, align_corners=False)

    sampled = Component(name="warp", module=Sampled(), inputs=[(1, 1, 4, 4), (1, 2, 2, 2)])
    [line] = counted(measure_cost([sampled]))
    assert line["without formula"] == "aten.grid_sampler_2d ×1"
    assert line["input"] == "1×1×4×4, 1×2×2×2"
    assert line["GMAC"] == 0


def test_times_of_parts_and_of_their_spans():
    part = {
        "name": "decode",
        "step": "decode",
        "calls": 1,
        "samples_us": [1000.0, 2000.0, 3000.0, 4000.0, 5000.0],
        "cpu_us": [900.0, 1000.0, 1100.0],
        "waited": 0.25,
        "parts": {"entropy": [400.0, 600.0]},
        "memory_bytes": {"peak resident": 3 * 10**6},
    }
    whole, span = timed({"components": [part]})
    assert whole == {
        "component": "decode",
        "step": "decode",
        "median (ms)": 3.0,
        "IQR (ms)": 2.0,
        "min (ms)": 1.0,
        "p90 (ms)": pytest.approx(4.6),
        "n": 5.0,
        "waited (%)": 25.0,
        "CPU (ms)": 1.0,
        "peak resident (MB)": 3.0,
    }
    assert span["component"] == "decode · entropy"
    assert (span["median (ms)"], span["n"]) == (0.5, 2.0)


def test_placement_and_jobs_of_a_device():
    part = {
        "name": "g_s",
        "step": "",
        "calls": 1,
        "samples_us": [10.0, 11.0, 12.0, 13.0],
        "placement": {"NPU": 12, "CPU": 1},
        "runs": [{"job": "j1", "url": "https://hub/jobs/j1"}, {"job": "j2"}],
        "between": {"spread": 1.2},
    }
    [line] = timed({"components": [part]})
    assert line["placement"] == {"NPU": 12.0, "CPU": 1.0}
    assert line["jobs"] == "https://hub/jobs/j1 j2"
    assert line["longest over shortest job"] == 1.2


def test_what_was_compiled_only_has_a_placement_and_a_reason():
    parts = [
        {
            "name": "a",
            "step": "",
            "calls": 1,
            "placement": {"NPU": 3, "CPU": 2},
            "fallback": {"Erf": 2},
        },
        {"name": "b", "step": "", "calls": 1, "failure": "it does not compile"},
    ]
    first, second = timed({"components": parts})
    assert first["fallback"] == "Erf ×2"
    assert second["remark"] == "it does not compile"
    assert "median (ms)" not in first
    assert "jobs" not in first
