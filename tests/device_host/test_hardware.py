from __future__ import annotations

import json
import subprocess
import sys

import pytest

from harness.spec import Unavailable
from harness_plugins.device_host import hardware


@pytest.fixture
def smi(tmp_path, monkeypatch):
    """Return a function that puts a program called nvidia-smi on the path."""

    def put(script):
        program = tmp_path / "nvidia-smi"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)

    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(hardware.shutil, "which", lambda name: _found(tmp_path / name))
    hardware._gpu.cache_clear()
    yield put
    hardware._gpu.cache_clear()


def _found(path):
    return str(path) if path.exists() else None


def test_the_processor_is_named_with_its_cores():
    import os

    named = hardware.processor(threads=1)
    assert named.endswith(f", {os.cpu_count()} logical cores")
    assert len(named) > len(f", {os.cpu_count()} logical cores")


def test_a_gpu_is_named_with_its_driver_and_the_processor(smi):
    smi('echo "NVIDIA H200, 575.57.08"')
    hardware.check_cuda()
    assert hardware.cuda() == f"NVIDIA H200, driver 575.57.08, {hardware.processor()}"


def test_the_first_visible_gpu_is_asked_for(smi, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,1")
    smi('echo "GPU $4, 1.0"')
    assert hardware.cuda().startswith("GPU 3, driver 1.0")


@pytest.mark.parametrize(
    ("script", "says"),
    [
        (None, "not installed"),
        ('echo "couldn\'t communicate\nwith the driver" >&2; exit 9', "couldn't communicate with"),
        ("exit 0", "says nothing"),
        ("exec /nonexistent", "no NVIDIA GPU"),
    ],
)
def test_no_gpu_has_a_reason_and_a_remedy(smi, script, says):
    if script is not None:
        smi(script)
    with pytest.raises(Unavailable) as caught:
        hardware.check_cuda()
    assert says in caught.value.reason
    assert "NVIDIA GPU" in caught.value.remedy
    assert "\n" not in str(caught.value)
    assert hardware.cuda() == f"no GPU, {hardware.processor()}"


@pytest.mark.parametrize("visible", ["", "-1"])
def test_a_hidden_gpu_is_none(smi, monkeypatch, visible):
    smi('echo "NVIDIA H200, 575.57.08"')
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    with pytest.raises(Unavailable, match="CUDA_VISIBLE_DEVICES"):
        hardware.check_cuda()


@pytest.mark.parametrize("threads", [0, -1, 10_000, 1.5, "2", True, None])
def test_threads_without_cores_are_refused(threads):
    with pytest.raises(ValueError, match=r"^threads must be a whole number from 1 to \d+, not "):
        hardware.check_threads(threads)


def test_one_thread_is_always_there():
    hardware.check_threads(1)
    hardware.check_threads(hardware._cores())


def test_the_load_is_plain(tmp_path, monkeypatch):
    monkeypatch.setattr(hardware, "_GOVERNOR", tmp_path / "governor")
    found = hardware.load()
    assert found["governor"] is None
    assert len(found["load_average"]) == 3
    assert found["cores"] >= 1
    (tmp_path / "governor").write_text("performance\n")
    assert hardware.load()["governor"] == "performance"
    assert json.loads(json.dumps(found)) == found


def test_declaring_and_checking_needs_no_torch():
    code = (
        "import sys\n"
        "import harness_plugins.device_host as plugin\n"
        "from harness_plugins.device_host import hardware\n"
        "made = {d.name: d for d in plugin.harness_devices()}\n"
        "assert sorted(made) == ['cuda', 'host', 'onnxruntime'], made\n"
        "assert all(d.alone and d.kind == 'measured-host' for d in made.values())\n"
        "hardware.check_threads(1), hardware.processor(1)\n"
        "heavy = {'torch', 'numpy', 'onnx', 'onnxruntime'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
