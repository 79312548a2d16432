from __future__ import annotations

import functools
import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch

pytest.importorskip("onnxruntime")

from harness import span
from harness.cost import Component, NotMeasuredError, digest, time_calls, timing
from harness.cost.stages import measure_device
from harness.spec import Unavailable
from harness_plugins.device_host import bench, torch_cuda
from harness_plugins.device_host.bench import RunError
from harness_plugins.device_host.export import ExportError
from harness_plugins.device_host.onnx_cpu import OnnxCpu
from harness_plugins.device_host.torch_cpu import TorchCpu
from harness_plugins.device_host.torch_cuda import TorchCuda


class Statistics(torch.nn.Module):
    """Returns an index before the tensor that counts as its output."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Conv2d(3, 4, 3, padding=1)
        self.drop = torch.nn.Dropout(0.5)

    def forward(self, x):
        made = self.drop(self.layer(x))
        return made.argmax(), made


def entropy_decode(data, repeat):
    with span("read"):
        sum(data * repeat)
    with span("decode"):
        sum(data * repeat * 2)


@pytest.fixture
def components():
    torch.manual_seed(0)
    return [
        Component(name="h_s", module=Statistics(), inputs=[(1, 3, 8, 8)], step="decode"),
        Component(name="rans", module=entropy_decode, inputs=[b"abc", 50], step="decode"),
        Component(
            name="g_s",
            module=torch.nn.Sequential(torch.nn.ConvTranspose2d(3, 2, 4, 2), torch.nn.ReLU()),
            inputs=[torch.linspace(-1, 1, 3 * 25).reshape(1, 3, 5, 5)],
            step="decode",
            calls=3,
        ),
    ]


@pytest.fixture
def quick(monkeypatch):
    """Time fewer calls than the rule asks for."""
    monkeypatch.setattr(timing, "_WARM_UP_LIMIT", 0.2)
    monkeypatch.setattr(
        bench, "time_calls", functools.partial(time_calls, calls=4, seconds=0.0, limit=5.0)
    )


KEYS = {"kind", "statistic", "device", "runtime", "precision", "threads", "load", "components"}


def test_host_runs_modules_and_the_rest(components, quick, tmp_path):
    run = TorchCpu(tmp_path, threads=1).measure(components)
    record = json.loads(json.dumps(run.record))
    assert set(record) == KEYS
    assert (record["kind"], record["statistic"]) == ("measured-host", "median")
    assert (record["runtime"], record["precision"], record["threads"]) == ("torch", "float32", 1)
    assert record["device"]["asked"] == "host"
    assert record["device"]["versions"]["torch"] == torch.__version__
    h_s, rans, g_s = record["components"]
    assert [part["name"] for part in record["components"]] == ["h_s", "rans", "g_s"]
    assert (g_s["calls"], g_s["step"]) == (3, "decode")
    assert h_s["sha256"] == digest(components[0].module)
    assert rans["sha256"] is None
    assert h_s["inputs"] == {"0": [1, 3, 8, 8]}
    assert rans["inputs"] == {}
    for part in record["components"]:
        assert len(part["samples_us"]) == len(part["cpu_us"]) == 4
        assert part["warm_up"] >= 2
        assert part["waited"] is None or 0 <= part["waited"] <= 1
        memory = part["memory_bytes"]
        before = memory["process_resident_before"]
        assert before > 10e6
        assert memory["process_peak_resident"] >= 0.99 * before  # counted in batches
    assert set(rans["parts"]) == {"read", "decode"}
    assert len(rans["parts"]["read"]) == 4
    assert sum(map(sum, rans["parts"].values())) < sum(rans["samples_us"])
    assert h_s["parts"] == {}


def test_host_gives_the_first_float_output_in_eval_mode(components, quick, tmp_path):
    components[0].module.train()
    run = TorchCpu(tmp_path).measure(components)
    assert components[0].module.training
    assert set(run.outputs) == {"h_s", "g_s"}
    assert run.outputs["h_s"].shape == (1, 4, 8, 8)
    assert all(made.dtype == np.float32 for made in run.outputs.values())
    with torch.no_grad():
        expected = components[2].module(components[2].inputs[0])
    np.testing.assert_allclose(run.outputs["g_s"], expected.numpy(), atol=1e-6)
    again = TorchCpu(tmp_path).measure(components)
    assert np.array_equal(again.outputs["h_s"], run.outputs["h_s"])  # the same drawn inputs


def test_host_uses_the_threads_it_was_told_and_puts_them_back(quick, tmp_path):
    before = torch.get_num_threads()
    seen = []
    spy = Component(name="spy", module=lambda: seen.append(torch.get_num_threads()), inputs=[])
    TorchCpu(tmp_path, threads=2).measure([spy])
    assert set(seen) == {2}
    assert torch.get_num_threads() == before


def test_nothing_is_recorded_for_gradients(quick, tmp_path):
    seen = []
    spy = Component(
        name="spy", module=lambda: seen.append(torch.is_inference_mode_enabled()), inputs=[]
    )
    TorchCpu(tmp_path).measure([spy])
    assert set(seen) == {True}


def test_half_precision_is_named(quick, tmp_path):
    half = Component(
        name="n", module=torch.nn.Linear(2, 2).half(), inputs=[torch.ones(1, 2).half()]
    )
    run = TorchCpu(tmp_path).measure([half])
    assert run.record["precision"] == "float16"
    assert run.outputs["n"].dtype == np.float32


def test_onnxruntime_agrees_with_torch(components, quick, tmp_path):
    run = OnnxCpu(tmp_path, threads=1).measure(components)
    record = json.loads(json.dumps(run.record))
    assert set(record) == KEYS | {"left_out"}
    assert record["left_out"] == ["rans"]
    assert [part["name"] for part in record["components"]] == ["h_s", "g_s"]
    assert record["runtime"] == "onnxruntime, opset 20"
    assert "onnxruntime" in record["device"]["versions"]
    assert set(run.outputs) == {"h_s", "h_s|host", "g_s", "g_s|host"}
    host = TorchCpu(tmp_path).measure(components).outputs
    for name in ("h_s", "g_s"):
        assert np.array_equal(run.outputs[f"{name}|host"], host[name])
        assert np.abs(run.outputs[name] - host[name]).max() < 1e-4


@pytest.mark.parametrize("device", [OnnxCpu, TorchCpu])
def test_a_shape_it_does_not_take_is_one_line(device, quick, tmp_path):
    wrong = Component(name="g_s", module=torch.nn.Conv2d(3, 4, 3), inputs=[(1, 5, 8, 8)])
    with pytest.raises((RunError, ExportError)) as caught:
        device(tmp_path).measure([wrong])
    message = str(caught.value)
    assert "g_s" in message
    assert "5" in message
    assert "\n" not in message
    assert caught.value.outcome == "invalid"


def test_a_shape_without_values_is_one_line(quick, tmp_path):
    wrong = Component(name="g_s", module=torch.nn.Conv2d(3, 4, 3), inputs=[(1, 3, 0, 8)])
    with pytest.raises(RunError, match=r"component g_s .* 1x3x0x8: .* at least 1$"):
        TorchCpu(tmp_path).measure([wrong])


def test_a_module_that_cannot_be_exported_is_one_line(quick, tmp_path):
    class Branch(torch.nn.Module):
        def forward(self, x):
            return x if x.sum() > 0 else -x

    component = Component(name="choice", module=Branch(), inputs=[(2, 2)])
    with pytest.raises(ExportError, match=r"^choice: cannot be exported to ONNX: [^\n]*$"):
        OnnxCpu(tmp_path).measure([component])
    assert TorchCpu(tmp_path).measure([component]).outputs["choice"].shape == (2, 2)


def test_too_little_memory_is_told_apart(quick, tmp_path):
    def greedy():
        raise MemoryError("no more")

    with pytest.raises(RunError, match="no more") as caught:
        TorchCpu(tmp_path).measure([Component(name="n", module=greedy, inputs=[])])
    assert caught.value.outcome == "oom"


def test_without_modules_there_is_nothing_for_onnxruntime(components, tmp_path):
    with pytest.raises(NotMeasuredError, match="onnxruntime"):
        OnnxCpu(tmp_path).measure(components[1:2])


def test_memory_is_that_of_the_component(quick, tmp_path):
    if not bench.Path("/proc/self/clear_refs").exists():
        pytest.skip("the kernel cannot reset the peak")

    def hold(megabytes):
        np.ones(megabytes * 2**17)

    parts = [Component(name=f"m{n}", module=hold, inputs=[n]) for n in (200, 20)]
    records = TorchCpu(tmp_path).measure(parts).record["components"]
    much, little = (
        r["memory_bytes"]["process_peak_resident"] - r["memory_bytes"]["process_resident_before"]
        for r in records
    )
    assert much == pytest.approx(200 * 2**20, rel=0.15)
    assert little < 60 * 2**20


def test_a_peak_that_cannot_be_reset_is_called_so(monkeypatch):
    def refuse(*_):
        raise PermissionError

    monkeypatch.setattr(bench.Path, "write_text", refuse)
    memory = bench.ResidentMemory()
    memory.begin()
    assert set(memory.peak()) == {"process_peak_resident_since_start"}


def test_the_stage_takes_it(components, tmp_path):
    """By the rule, unabridged: 50 calls and a second at least."""
    made = measure_device(components[:1], TorchCpu(tmp_path))
    part = made["device_run"]["components"][0]
    assert len(part["samples_us"]) >= 50
    assert made["device_outputs"]["h_s"].shape == (1, 4, 8, 8)


# --- CUDA ------------------------------------------------------------------------------


def test_without_a_gpu_there_is_a_reason(monkeypatch, tmp_path):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(Unavailable, match="finds no CUDA GPU"):
        TorchCuda(tmp_path)


class Event:
    """Stands for an event on a GPU: 1.5 ms lie between any two."""

    def __init__(self, enable_timing):
        assert enable_timing
        self.recorded = self.waited_for = 0

    def record(self):
        self.recorded += 1

    def synchronize(self):
        self.waited_for += 1

    def elapsed_time(self, end):
        assert self.recorded == end.recorded == end.waited_for
        return 1.5


def test_cuda_keeps_events_and_the_wall_apart(components, quick, monkeypatch, tmp_path):
    """On the processor, with the calls of CUDA replaced: what is recorded, not how fast."""
    monkeypatch.setattr(torch_cuda, "_DEVICE", "cpu")
    monkeypatch.setattr(torch_cuda.hardware, "cuda", lambda: "GPU, driver 1")
    nothing = SimpleNamespace(
        is_available=lambda: True,
        Event=Event,
        synchronize=lambda: None,
        empty_cache=lambda: None,
        reset_peak_memory_stats=lambda: None,
        memory_allocated=lambda: 1,
        max_memory_allocated=lambda: 3,
        max_memory_reserved=lambda: 4,
    )
    monkeypatch.setattr(torch.backends.cudnn, "version", lambda: 90_000)
    monkeypatch.setattr(torch, "cuda", nothing)
    run = TorchCuda(tmp_path).measure(components)
    record = json.loads(json.dumps(run.record))
    assert record["left_out"] == ["rans"]
    for part in record["components"]:
        assert part["samples_us"] == [1500.0] * 4
        assert len(part["wall_us"]) == 4
        assert part["parts"] == {}
        assert part["memory_bytes"] == {
            "cuda_peak_allocated": 3,
            "cuda_peak_reserved": 4,
            "tensors_before": 1,
        }
    assert np.array_equal(run.outputs["g_s"], run.outputs["g_s|host"])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU: CUDA was NOT run")
def test_cuda_agrees_with_the_processor(components, quick, tmp_path):
    run = TorchCuda(tmp_path).measure(components)
    for name in ("h_s", "g_s"):
        assert np.abs(run.outputs[name] - run.outputs[f"{name}|host"]).max() < 1e-4
    for part in run.record["components"]:
        assert part["memory_bytes"]["cuda_peak_allocated"] > 0
        assert all(0 < e < w for e, w in zip(part["samples_us"], part["wall_us"], strict=True))


@pytest.mark.parametrize("bench", [TorchCpu, OnnxCpu])
def test_two_models_are_timed_in_pairs(bench, components, tmp_path, monkeypatch):
    monkeypatch.setattr(timing, "_WARM_UP_LIMIT", 0.05)
    pairs = bench(tmp_path).compare(components, [components[0]])
    assert pairs["kind"] == "measured-host"
    assert len(pairs["first_us"]) == len(pairs["second_us"]) >= 50
    assert np.median(pairs["first_us"]) > np.median(pairs["second_us"])


def test_what_has_no_module_is_in_no_pair(components, tmp_path):
    with pytest.raises(NotMeasuredError, match="host"):
        TorchCpu(tmp_path).compare(components, [components[1]])
