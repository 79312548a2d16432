"""The stages that any task may list: what they leave, and what they refuse."""

from __future__ import annotations

import json
import math

import pytest
import torch
from torch import nn

from harness.cost import Component, NotMeasuredError, Run, count, digest
from harness.cost.stages import (
    cost,
    cost_stage,
    device,
    device_stage,
    measure_cost,
    measure_device,
    named_components,
)


class Codec:
    """A model of two modules, one of which runs in both steps."""

    def __init__(self):
        self.down = nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.up = nn.ConvTranspose2d(4, 3, 2, stride=2)

    def components(self, item, point):
        channels, size = item
        return [
            Component(
                name="down", module=self.down, inputs=[(1, channels, size, size)], step="in"
            ),
            Component(
                name="up",
                module=self.up,
                inputs=[(1, 4, size // 2, size // 2)],
                step="out",
                calls=point.get("steps", 1),
            ),
        ]


class Named:
    def __init__(self, *components):
        self.found = components

    def components(self, item, point):
        return self.found


class Bench:
    """A device that gives what it is told to."""

    def __init__(self, *samples):
        self.samples = samples

    def measure(self, components):
        parts = [
            {"name": c.name, "samples_us": list(s)}
            for c, s in zip(components, self.samples, strict=True)
        ]
        return Run(record={"kind": "measured-host", "components": parts})


def part(name="a", module=None, inputs=((1, 2),), **given):
    return Component(name=name, module=module or nn.Linear(2, 3), inputs=list(inputs), **given)


def test_each_module_is_counted_for_the_item():
    found = cost(Codec(), {"image": (3, 8)}, {"steps": 5}, 0)["cost"]
    down, up = found["components"]
    # by hand: outputs 4 x 4 x 4 of 3 x 3 x 3 products; inputs 4 x 4 x 4 of 3 x 2 x 2 products
    assert down["macs"]["dense"] == {"convolution": 4 * 4 * 4 * 27}
    assert up["macs"]["dense"] == {"transposed convolution": 4 * 4 * 4 * 12}
    assert [(p["name"], p["step"], p["calls"]) for p in (down, up)] == [
        ("down", "in", 1),
        ("up", "out", 5),
    ]
    assert down["inputs"] == {"0": [1, 3, 8, 8]}
    # float32: outputs of 4 x 4 x 4 and 3 x 8 x 8
    assert [p["peak_activation_bytes"] for p in (down, up)] == [256, 768]
    assert [p["parameters"] for p in (down, up)] == [4 * 27 + 4, 4 * 12 + 3]
    assert down["parameter_bytes"] == {"float32": 4 * 112}


def test_it_is_plain_json():
    found = measure_cost(named_components(Codec(), (3, 8), {}))
    assert json.loads(json.dumps(found)) == found


def test_without_weights_the_numbers_are_the_same():
    model = Codec()
    loaded = measure_cost(named_components(model, (3, 8), {}))
    model.down, model.up = model.down.to("meta"), model.up.to("meta")
    bare = measure_cost(named_components(model, (3, 8), {}))
    for record in (*loaded["components"], *bare["components"]):
        del record["sha256"]  # the structure alone is another module than one with weights
    assert loaded == bare


def test_every_convention_stands_beside_the_other():
    module = nn.ConvTranspose2d(4, 3, 2, stride=2)
    [found] = measure_cost([part(module=module, inputs=[(1, 4, 4, 4)])])["components"]
    for convention in ("dense", "deepspeed-0.5.10"):
        expected = count(module, [(1, 4, 4, 4)], convention=convention).by_kind
        assert found["macs"][convention] == expected
    assert found["macs"]["dense"] != found["macs"]["deepspeed-0.5.10"]


def test_shared_weights_are_stored_once():
    layer = nn.Linear(2, 3)
    twins = [part("a", layer), part("b", nn.Sequential(layer, nn.BatchNorm1d(3)))]
    found = measure_cost(twins)
    assert [p["parameters"] for p in found["components"]] == [9, 15]
    assert found["stored"] == {
        "parameters": 15,
        "parameter_bytes": {"float32": 60},
        "buffer_bytes": {"float32": 24, "int64": 8},
    }


def test_equal_modules_are_two():
    found = measure_cost([part("a", nn.Linear(2, 3)), part("b", nn.Linear(2, 3))])
    assert found["stored"]["parameters"] == 18


def test_operators_without_a_formula_are_listed():
    class Sampled(nn.Module):
        def forward(self, x, grid):
            return nn.functional.grid_sample(x, grid, align_corners=False)

    shapes = [(1, 1, 4, 4), (1, 2, 2, 2)]
    [found] = measure_cost([part(module=Sampled(), inputs=shapes)])["components"]
    assert found["without_formula"] == {"aten.grid_sampler_2d": 1}
    assert found["macs"]["dense"] == {}


def test_what_is_no_module_has_no_macs():
    found = measure_cost([part("entropy", print), part("net")])
    assert [p["name"] for p in found["components"]] == ["net"]
    with pytest.raises(NotMeasuredError, match="none of the model's components is a torch module"):
        measure_cost([part("entropy", print)])


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (object(), "it has no components()"),
        (Named(), "components() is empty"),
    ],
)
def test_a_model_that_names_nothing_is_skipped(model, said):
    with pytest.raises(NotMeasuredError) as raised:
        named_components(model, None, {})
    assert said in str(raised.value)
    assert raised.value.outcome == "skipped"


def test_names_are_unique():
    with pytest.raises(ValueError, match="two are called 'a'"):
        named_components(Named(part(), part()), None, {})


def test_a_shape_that_a_module_does_not_take_is_one_line():
    with pytest.raises(ValueError, match="component a: ") as raised:
        measure_cost([part(inputs=[(1, 5)])])
    assert len(str(raised.value).splitlines()) == 1


def test_the_convention_that_refuses_costs_its_own_number():
    volume = part(module=nn.Conv3d(1, 1, 2), inputs=[(1, 1, 2, 2, 2)])
    [found] = measure_cost([volume])["components"]
    reason = "DeepSpeed 0.5.10 fails on convolutions of three dimensions"
    assert reason in found["refused"]["deepspeed-0.5.10"]
    assert found["macs"] == {"dense": {"convolution": 8}}


def test_a_device_gets_the_components_and_its_record_is_left():
    found = device(Codec(), {"image": (3, 8)}, {}, 0, Bench([1.0, 2.0], [3.0]))
    assert found["device_run"] == {
        "kind": "measured-host",
        "components": [
            {"name": "down", "samples_us": [1.0, 2.0]},
            {"name": "up", "samples_us": [3.0]},
        ],
    }
    assert found["device_outputs"] == {}


@pytest.mark.parametrize("time", [0.0, -1.0, math.nan, math.inf])
def test_times_are_positive_numbers(time):
    with pytest.raises(ValueError, match="component a: a time is no positive number"):
        measure_device([part()], Bench([1.0, time]))


def test_a_device_may_leave_a_component_out():
    assert measure_device([part()], Bench([]))["device_run"]["components"][0]["samples_us"] == []


def test_the_digest_is_of_structure_and_weights():
    module = nn.Linear(2, 3)
    [found] = measure_cost([part(module=module)])["components"]
    assert found["sha256"] == digest(module)
    with torch.no_grad():
        module.bias[0] += 1
    assert digest(module) != found["sha256"]


def test_the_stages_leave_what_metrics_read():
    counted, run = cost_stage(["image"]), device_stage(["image"], env={"A": "1"})
    assert [a.name for a in counted.outputs] == ["cost"]
    assert [a.name for a in run.outputs] == ["device_run", "device_outputs"]
    assert counted.weightless
    assert run.devices
    assert not counted.devices
    assert all(stage.aside and not stage.timed for stage in (counted, run))
    assert run.env == {"A": "1"}
