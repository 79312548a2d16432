"""A measurement from the export to the record, by the real client."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest
import torch

from harness.cost import Component, NotMeasuredError, digest
from harness.cost.stages import measure_device
from harness_plugins.cost.metrics.timed import latency
from harness_plugins.device_host.export import to_pt2


class _Twin(torch.nn.Module):
    """Takes a float and an integer tensor, returns an integer and two floats."""

    def forward(self, x, index):
        return index + 1, x[:, index], x.mean(dim=1)


def test_a_component_is_compiled_timed_and_run_by_two_jobs(hub, bench, component):
    one = component(calls=8)
    run = bench(profile_options="--max_profiler_iterations 30").measure([one])
    [part] = run.record["components"]
    [compiled], [timed] = hub.submitted("compile"), hub.submitted("inference")
    detail = hub.jobs[timed].result.inference_job_result.detail
    assert part["samples_us"] == list(detail.all_execution_times)
    assert len(part["samples_us"]) == 30
    assert (part["name"], part["step"], part["calls"]) == ("g_s", "decode", 8)
    assert part["sha256"] == digest(one.module)
    data = to_pt2(one.module, one.inputs)
    assert part["artefact_sha256"] == hashlib.sha256(data).hexdigest()
    target = hub.jobs[compiled].message.compile_job.target_model.model_id
    assert part["compiled_sha256"] == hashlib.sha256(hub.models[target].data).hexdigest()
    assert part["placement"] == {"NPU": 2, "CPU": 1}
    assert part["placement_us"] == {"NPU": 14, "CPU": 7}
    assert part["placement_types"]["CPU"] == part["fallback"] == {"aten::relu": 1}
    assert part["memory_bytes"] == {"inference peak": 3_000_000, "inference increase": 500_000}
    [job] = part["runs"]
    assert job["url"] == f"{hub.url}/jobs/{timed}/"
    assert job["loads_us"] == {"first": [90_000], "warm": [42_000, 41_000], "compile": []}
    assert job["runtime_config"] == {"QNN": {"htp_performance_mode": "burst"}}
    assert job["submitted"] <= job["started"] <= job["completed"]
    json.dumps(run.record, allow_nan=False)


def test_the_record_says_what_ran_where(hub, bench, component):
    record = bench().measure([component()]).record
    assert (record["kind"], record["statistic"]) == ("measured-device", "min")
    assert record["device"] == {
        "asked": "Samsung Galaxy S24 (Family)",
        "chosen": "Samsung Galaxy S24 (Family)",
        "resolved": "Samsung Galaxy S24 (Family)",
        "soc": "SM8650",
        "os": "14",
        "versions": {"ONNX Runtime": "1.24.1", "QAIRT": "2.51.0.260101"},
    }
    assert (record["runtime"], record["precision"]) == ("qnn_dlc", "float")


def test_outputs_of_the_timed_job_stand_beside_those_of_this_machine(hub, bench, component):
    outputs = bench().measure([component()]).outputs
    assert outputs["g_s"].dtype == np.float32
    assert outputs["g_s"].shape == (1, 3, 8, 8)
    # the stand-in runs the same program by torch on the same machine
    np.testing.assert_allclose(outputs["g_s"], outputs["g_s|host"], rtol=0, atol=1e-6)


def test_onnx_is_uploaded_where_the_suite_says_so(hub, bench, component):
    pytest.importorskip("onnxruntime")
    run = bench(export="onnx", runtime="onnx").measure([component()])
    [part] = run.record["components"]
    assert part["placement"]["NPU"] == 2
    [model] = [m for m in hub.models.values() if m.message.name]
    assert model.message.name.startswith("g_s ")
    np.testing.assert_allclose(run.outputs["g_s"], run.outputs["g_s|host"], rtol=0, atol=1e-5)


@pytest.mark.parametrize("names", [None, ["x", "index"]])
def test_inputs_go_by_the_compiled_models_names_and_the_first_output_is_kept(hub, bench, names):
    hub.target_names = names
    inputs = (torch.randn(2, 5), torch.tensor([3, 1, 4]))
    two = Component(name="twin", module=_Twin(), inputs=inputs)
    outputs = bench().measure([two]).outputs
    expected = inputs[0][:, inputs[1]]
    np.testing.assert_allclose(outputs["twin"], expected, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(outputs["twin|host"], expected)


def test_all_jobs_of_a_model_wait_in_the_queue_together(hub, bench, component):
    parts = [component("h_s"), component("g_s", width=6)]
    run = bench().measure(
        [*parts, Component(name="entropy", module=len, inputs=(), step="decode")]
    )
    assert [part["name"] for part in run.record["components"]] == ["h_s", "g_s"]
    assert run.record["left_out"] == ["entropy"]
    posts = [i for i, line in enumerate(hub.requests) if line == "POST /api/v1/jobs/"]
    first_look = hub.requests.index(f"GET /api/v1/jobs/{hub.submitted('compile')[0]}/")
    assert sum(post < first_look for post in posts) == 2


def test_work_that_is_no_module_has_no_time_on_a_device(hub, bench):
    with pytest.raises(NotMeasuredError, match="torch module"):
        bench().measure([Component(name="entropy", module=len, inputs=())])
    assert hub.requests == []


def test_jobs_differ_and_the_spread_between_them_is_kept(hub, bench, component):
    [part] = bench(jobs=3).measure([component()]).record["components"]
    least = [min(run["samples_us"]) for run in part["runs"]]
    assert part["between"] == {"min_us": least, "spread": max(least) / min(least)}
    assert len(part["samples_us"]) == 300
    assert len({run["job"] for run in part["runs"]}) == 3
    assert len(hub.submitted("compile")) == 1


def test_more_jobs_are_added_to_those_there_are(hub, bench, component):
    bench(jobs=1).measure([component()])
    bench(jobs=3).measure([component()])
    assert len(hub.submitted("inference")) == 3


def test_the_device_that_it_ran_on_is_named_not_the_one_asked_for(hub, bench, component, standin):
    hub.fates["inference"] = [standin.Fate(device=standin.S23)]
    device = bench().measure([component()]).record["device"]
    assert device["asked"] == device["chosen"] == "Samsung Galaxy S24 (Family)"
    assert (device["resolved"], device["soc"]) == ("Samsung Galaxy S23 (Family)", "SM8550")


def test_options_reach_the_jobs(hub, bench, component):
    options = "--quantize_full_type int8 --quantize_io"
    record = bench(
        runtime="tflite", options=options, profile_options="--compute_unit npu"
    ).measure([component()])
    [compiled], [timed] = hub.submitted("compile"), hub.submitted("inference")
    sent = hub.jobs[compiled].message.compile_job.options
    assert sent == f"--target_runtime tflite {options}"
    assert hub.jobs[timed].message.inference_job.options == "--compute_unit npu"
    assert record.record["precision"] == "int8"


def test_a_big_model_goes_up_in_parts(hub, bench):
    layer = torch.nn.Linear(700, 700)
    big = Component(name="big", module=layer, inputs=[(1, 700)])
    outputs = bench().measure([big]).outputs
    assert hub.requests.count("PUT /blob/models/m1/1") == 1
    np.testing.assert_allclose(outputs["big"], outputs["big|host"], rtol=0, atol=1e-5)


def test_the_headline_is_the_shortest_call_of_the_job(hub, bench, component):
    made = measure_device([component(calls=3)], bench())
    score = latency()(made["device_run"])
    [part] = made["device_run"]["components"]
    assert score.value == 3 * min(part["samples_us"]) / 1e3
    assert score.how.startswith("min of 100|measured-device|qnn_dlc|float|")


class _Data(torch.nn.Module):
    def forward(self, x):
        return x * 2 if x.sum() > 0 else x


@pytest.mark.parametrize(
    ("inputs", "module", "said"),
    [
        ([(1, 4)], _Data(), "cannot be exported"),
        ([torch.zeros(1, 4, dtype=torch.float64)], torch.nn.ReLU(), "float64"),
        ([torch.zeros(0, 4)], torch.nn.ReLU(), "shape"),
        ([], torch.nn.ReLU(), "no tensor"),
    ],
)
def test_what_cannot_be_exported_costs_no_job(hub, bench, inputs, module, said):
    with pytest.raises(Exception, match=said) as caught:
        bench().measure([Component(name="part", module=module, inputs=inputs)])
    assert caught.value.outcome == "invalid"
    assert str(caught.value).startswith("part: ")
    assert "\n" not in str(caught.value)
    assert hub.submitted("compile") == []
