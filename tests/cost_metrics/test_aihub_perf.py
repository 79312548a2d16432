"""Published device tables: real files are read as they are, others end in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from harness_plugins.cost.aihub_perf import read

FILE = Path("net.perf.yaml")
TABLE = """\
supported_devices:
- Phone A
precisions:
  float:
    components:
      Net:
        universal_assets:
          tflite:
            model_id: m1
        performance_metrics:
          Phone A:
            tflite:
              job_id: j1
              job_status: Passed
              inference_time_milliseconds: 3.25
              estimated_peak_memory_range_mb:
                min: 1
                max: 52
              primary_compute_unit: NPU
              layer_counts:
                total: 80
                npu: 60
                cpu: 20
              tool_versions:
                qairt: 2.43.0.260127150333_193827
                tflite: 2.20
            onnx:
              job_id: j2
              job_status: Failed
              inference_time_milliseconds: null
"""


def job(**changes):
    made = {
        "job_id": "j1",
        "job_status": "Passed",
        "inference_time_milliseconds": 1.5,
        "estimated_peak_memory_range_mb": {"min": 0, "max": 4},
        "primary_compute_unit": "NPU",
        "layer_counts": {"total": 2, "npu": 2},
    }
    return {k: v for k, v in (made | changes).items() if v is not None}


def table(metrics, component="Net"):
    return {"precisions": {"w8a8": {"components": {component: {"performance_metrics": metrics}}}}}


def text(content) -> bytes:
    return yaml.safe_dump(content, sort_keys=False).encode()


def test_a_job_becomes_three_scores_with_their_provenance():
    latency, memory, share = read(FILE, TABLE.encode())
    assert {s.model for s in (latency, memory, share)} == {"net (float, Phone A, tflite)"}
    assert (latency.metric, latency.value, latency.unit) == ("published_latency_ms", 3.25, "ms")
    assert (memory.metric, memory.value, memory.unit) == ("published_memory_mb", 52.0, "MB")
    assert (share.metric, share.value, share.unit) == ("published_npu_share", 0.75, "")
    assert latency.signature == (
        "published|qualcomm ai hub models|Phone A|tflite|float"
        "|qairt:2.43.0.260127150333_193827|tflite:2.20|job:j1|primary unit:NPU"
    )
    assert memory.signature.endswith("|job:j1|peak, from 1 to 52")
    assert share.signature.endswith("|job:j1|80 layers: 60 on npu, 20 on cpu")


def test_nothing_published_is_called_as_what_is_measured():
    from harness_plugins.cost.metrics import METRICS

    metrics = {score.metric for score in read(FILE, TABLE.encode())}
    assert metrics.isdisjoint(metric.name for metric in METRICS)


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ("resnet50.perf.yaml", "resnet50"),
        ("models/resnet50/perf.yaml", "resnet50"),
        ("resnet50.yml", "resnet50"),
        ("a\nb.perf.yaml", "a b"),
    ],
)
def test_the_model_is_named_by_file_or_folder(path, model):
    scores = read(Path(path), TABLE.encode())
    assert {s.model for s in scores} == {f"{model} (float, Phone A, tflite)"}


def test_components_are_named_where_there_are_several():
    parts = {name: {"performance_metrics": {"Phone": {"onnx": job()}}} for name in ("unet", "vae")}
    parts["prompt"] = {"universal_assets": {}}  # made, and measured nowhere
    content = {"precisions": {"w8a16": {"components": parts}}}
    models = [s.model for s in read(FILE, text(content)) if s.metric == "published_latency_ms"]
    assert models == ["net/unet (w8a16, Phone, onnx)", "net/vae (w8a16, Phone, onnx)"]


def test_a_model_without_layers_has_no_share():
    scores = read(FILE, text(table({"Phone": {"onnx": job(layer_counts={"total": 0})}})))
    assert [s.metric for s in scores] == ["published_latency_ms", "published_memory_mb"]


def damaged(**changes):
    return text(table({"Phone": {"onnx": job(**changes)}}))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", r"net\.perf\.yaml:1: there is nothing in it"),
        (b"\xff", r"no UTF-8 text \(byte 0\)"),
        (b"a: [", r"net\.perf\.yaml:\d: not YAML: "),
        (b"a: \x07", "control character"),
        (b"[" * 100_000, r":1: nested too deeply"),
        (b"a:\n - &x 1\n - *x", r":3: an alias"),
        (b"- 1", r":1: expected names with a value each"),
        (b"supported_devices: []", r":1: expected precisions in it"),
        (b"precisions: 3", r":1: expected names with a value each"),
        (b"precisions:\n  float: {}\n  float: {}", r":3: float stands here a second time"),
        (b"precisions: {}", "there is no job in it that passed"),
        (text(table({})), "there is no job in it that passed"),
        (damaged(job_status="Failed"), "there is no job in it that passed"),
        (damaged(job_id=None), r":8: expected job_id in it"),
        (damaged(job_id=""), r":8: expected a word"),
        (damaged(job_id=[1]), r":9: expected a word"),
        (damaged(inference_time_milliseconds=0), r":10: .*number above 0, found '0'"),
        (damaged(inference_time_milliseconds=-1), "found '-1'"),
        (damaged(inference_time_milliseconds=float("nan")), r"found '\.nan'"),
        (damaged(inference_time_milliseconds="1e999"), "found '1e999'"),
        (damaged(inference_time_milliseconds="fast"), "found 'fast'"),
        (damaged(estimated_peak_memory_range_mb={"min": 1}), r":12: expected max in it"),
        (
            damaged(estimated_peak_memory_range_mb={"min": 2, "max": 1}),
            "at 2 and ends at 1",
        ),
        (damaged(layer_counts={"npu": 2}), "expected a total"),
        (
            damaged(layer_counts={"total": 1, "npu": 1, "cpu": 1}),
            "no more than it on npu",
        ),
        (damaged(layer_counts={"total": 1.5}), r"1\.5 is no number of layers"),
    ],
)
def test_a_damaged_file_is_told_in_one_line(data, said):
    with pytest.raises(ValueError, match=said) as raised:
        read(FILE, data)
    assert len(str(raised.value).splitlines()) == 1
    assert str(raised.value).startswith("net.perf.yaml")


WORDS = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=6)
NUMBERS = st.floats(1e-3, 1e6).map(lambda v: round(v, 4))


@st.composite
def tables(draw):
    """Draw a table as plain data, with what must come out of it: row name to time and memory."""
    expected = {}
    precisions = {}
    for precision in draw(st.lists(WORDS, min_size=1, max_size=2, unique=True)):
        devices = {}
        for device in draw(st.lists(WORDS, min_size=1, max_size=3, unique=True)):
            runtimes = {}
            for runtime in draw(st.lists(WORDS, min_size=1, max_size=2, unique=True)):
                total = draw(st.integers(1, 500))
                npu = draw(st.integers(0, total))
                low, high = sorted(draw(st.tuples(NUMBERS, NUMBERS)))
                milliseconds = draw(NUMBERS)
                runtimes[runtime] = job(
                    inference_time_milliseconds=milliseconds,
                    estimated_peak_memory_range_mb={"min": low, "max": high},
                    layer_counts={"total": total, "npu": npu, "cpu": total - npu},
                )
                name = f"net ({precision}, {device}, {runtime})"
                expected[name] = [milliseconds, high, npu / total]
            devices[device] = runtimes
        precisions[precision] = {"components": {"Net": {"performance_metrics": devices}}}
    return {"precisions": precisions}, expected


@given(tables())
def test_whatever_the_names_and_numbers_are_they_come_back(drawn):
    content, expected = drawn
    found: dict[str, list[float]] = {}
    for score in read(FILE, json.dumps(content, ensure_ascii=False).encode()):
        found.setdefault(score.model, []).append(score.value)
    assert found == expected


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_nothing_but_a_line_comes_of_anything_else(data):
    with pytest.raises(ValueError, match=r"^net\.perf\.yaml") as raised:
        read(FILE, data)
    assert len(str(raised.value).splitlines()) == 1


@given(st.integers(0, len(TABLE)), st.text(st.characters(exclude_categories=["Cs"]), max_size=3))
def test_a_torn_or_changed_file_is_read_or_refused(at, inserted):
    for data in (TABLE[:at], TABLE[:at] + inserted + TABLE[at:]):
        said = "net.perf.yaml"
        scores = []
        try:
            scores = read(FILE, data.encode())
        except ValueError as error:
            said = str(error)
        assert said.startswith("net.perf.yaml")
        assert len(said.splitlines()) == 1
        assert all(s.metric.startswith("published_") and s.value >= 0 for s in scores)


# jobs that passed, counted in the files with grep "job_status: Passed"
REAL = {
    "controlnet_canny": 84,
    "mobilenet_v2": 111,
    "real_esrgan_x4plus": 7,
    "resnet50": 67,
    "stable_diffusion_v1_5": 63,
    "vit": 72,
}


@pytest.mark.parametrize(("model", "jobs"), REAL.items())
def test_real_files(harness_data, model, jobs):
    path = harness_data / "published" / "aihub" / f"{model}.perf.yaml"
    scores = read(path, path.read_bytes())
    assert len(scores) == 3 * jobs
    assert len({(s.model, s.metric) for s in scores}) == 3 * jobs
    assert all(s.model.startswith(model) and "|job:j" in s.signature for s in scores)


def test_a_number_of_a_real_file(harness_data):
    path = harness_data / "published" / "aihub" / "real_esrgan_x4plus.perf.yaml"
    found = {(s.model, s.metric): s for s in read(path, path.read_bytes())}
    name = "real_esrgan_x4plus (w8a8, Samsung Galaxy S24, onnx)"
    assert found[name, "published_latency_ms"].value == 17.141
    assert found[name, "published_memory_mb"].value == 787.0
    assert found[name, "published_npu_share"].value == 1097 / 1099
    assert "|job:jp3m9q6ng|" in found[name, "published_latency_ms"].signature
