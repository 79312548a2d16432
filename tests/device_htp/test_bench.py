from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from harness.cost import Component, NotMeasuredError
from harness_plugins.device_host import export
from harness_plugins.device_htp.bench import decibels


class _Erf(torch.nn.Module):
    def forward(self, x):
        return torch.erf(x) * x + 1.0


class _Branches(torch.nn.Module):
    def forward(self, x):
        if x.sum() > 0:
            return x
        return -x


class _Two(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Conv2d(3, 4, 3, padding=1)

    def forward(self, x, more):
        y = self.layer(x) + more["shift"]
        return y, torch.relu(y[:, :1])


def _component(module, *inputs, name="part"):
    return Component(name=name, module=module, inputs=inputs, step="run", calls=3)


def _first(run):
    return run.record["components"][0]


def test_an_operator_that_the_npu_lacks_is_named(htp):
    found = _first(htp().measure([_component(_Erf(), (1, 8, 8, 8))]))
    assert found["compiles"]
    assert found["fallback"] == {"Erf": 1}
    assert found["placement"]["CPU"] == 1
    assert found["placement"]["NPU"] >= 2


def test_normalisation_in_int8_stays_on_the_npu(htp):
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(32, 32), torch.nn.LayerNorm(32))
    found = _first(htp("SM8350", "int8").measure([_component(module, torch.randn(1, 16, 32))]))
    assert found["fallback"] == {}


def test_a_component_keeps_its_name_and_has_no_time(htp):
    run = htp().measure([_component(torch.nn.ReLU(), (1, 4, 8, 8))])
    found = _first(run)
    assert (found["name"], found["step"], found["calls"]) == ("part", "run", 3)
    assert len(found["sha256"]) == 64
    assert "samples_us" not in found
    assert run.record["statistic"] is None


def test_several_inputs_and_outputs_are_joined_in_order(htp):
    torch.manual_seed(0)
    module, x, shift = _Two(), torch.randn(1, 3, 8, 8), torch.randn(1, 4, 1, 1)
    run = htp(numerics=True).measure([_component(module, x, {"shift": shift})])
    with torch.no_grad():
        expected = torch.cat([y.ravel() for y in module(x, {"shift": shift})])
    assert run.outputs["part|host"] == pytest.approx(expected.numpy())
    assert run.outputs["part"].shape == expected.shape
    assert _first(run)["sqnr_db"] > 50.0  # 16-bit floats: 11 bits, about 66 dB


def test_one_module_that_cannot_be_exported_costs_one_record(htp):
    run = htp().measure(
        [
            _component(_Branches(), (1, 4), name="branches"),
            _component(torch.nn.ReLU(), (1, 4, 8, 8), name="relu"),
        ]
    )
    branches, relu = run.record["components"]
    assert not branches["compiles"]
    assert "branches: cannot be exported" in branches["failure"]
    assert "\n" not in branches["failure"]
    assert relu["compiles"]


def test_there_is_nothing_to_compile_in_a_function(htp):
    with pytest.raises(NotMeasuredError, match="none of the model's components is a torch module"):
        htp().measure([_component(len, (1,))])


def test_a_module_stays_in_the_mode_it_was_in(htp):
    module = torch.nn.Sequential(torch.nn.Conv2d(1, 1, 1), torch.nn.Dropout(0.5)).train()
    module[0].eval()
    htp(numerics=True).measure([_component(module, (1, 1, 8, 8))])
    assert module[1].training
    assert not module[0].training


def test_a_compiler_that_crashes_costs_one_record(htp, compiler):
    compiler("kill -SEGV $$")
    found = _first(htp().measure([_component(torch.nn.ReLU(), (1, 4, 8, 8))]))
    assert not found["compiles"]
    assert found["failure"] == "the compiler crashed (SIGSEGV)"


def test_a_compiler_that_never_ends_is_stopped(htp, compiler):
    compiler("exec sleep 60")
    found = _first(htp(seconds=0.3).measure([_component(torch.nn.ReLU(), (1, 4, 8, 8))]))
    assert found["failure"] == "the compiler was stopped after 0.3 s"


@pytest.mark.parametrize(
    ("end", "line"),
    [
        ("kill -ABRT $$", "the emulator crashed (SIGABRT)"),
        ("exec sleep 60", "the emulator was stopped after 0.3 s"),
        ("exit 7", "the emulator ended with code 7"),
    ],
)
def test_what_was_compiled_stays_where_the_emulator_fails(htp, compiler, end, line):
    answer = '{"compiles": true, "placement": {"NPU": 1, "CPU": 0}, "fallback": {}}'
    compiler(f"echo '{answer}' > $FOLDER/compiled.json\n{end}")
    bench = htp(seconds=0.3, numerics=True)
    run = bench.measure([_component(torch.nn.ReLU(), (1, 4, 8, 8))])
    assert _first(run)["compiles"]
    assert _first(run)["numerics"] == line
    assert not run.outputs


def test_a_module_is_exported_once_for_all_chips(htp, compiler, monkeypatch):
    torch.manual_seed(5)
    module = torch.nn.Conv2d(2, 2, 1)
    htp("SM8650").measure([_component(module, (1, 2, 8, 8))])
    asked = []
    real = export.to_onnx
    monkeypatch.setattr(
        export, "to_onnx", lambda *args, **more: asked.append(args) or real(*args, **more)
    )
    assert _first(htp("SM8750").measure([_component(module, (1, 2, 8, 8))]))["compiles"]
    assert not asked
    with torch.no_grad():
        module.weight[0, 0] += 1.0
    htp().measure([_component(module, (1, 2, 8, 8))])
    htp().measure([_component(module, (1, 2, 8, 9))])
    assert len(asked) == 2


@given(
    x=st.lists(st.floats(-10, 10, width=32), min_size=2, max_size=20),
    noise=st.floats(2**-6, 1, width=32),
)
def test_decibels_are_those_of_the_definition(x, noise):
    reference = np.array(x, np.float32)
    found = reference + np.float32(noise)
    error = np.mean((reference.astype(float) - found.astype(float)) ** 2)
    given_back = decibels(reference, found)
    if np.ptp(reference) == 0 or not np.mean(reference.astype(float) ** 2):
        assert given_back["sqnr_db"] is None
        assert given_back["numerics"] == "the reference is constant"
        return
    power = np.mean(reference.astype(float) ** 2)
    assert given_back["sqnr_db"] == pytest.approx(10 * np.log10(power / error))
    span = float(reference.max()) - float(reference.min())
    assert given_back["psnr_db"] == pytest.approx(10 * np.log10(span**2 / error))


def test_no_ratio_has_a_reason():
    x = np.array([1.0, 2.0], np.float32)
    assert decibels(x, x)["numerics"] == "equal to float32"
    assert decibels(x, x * np.nan)["numerics"] == "the NPU's numbers are not finite"
