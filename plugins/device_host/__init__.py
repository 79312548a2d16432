"""Devices of the machine itself: torch on the CPU and on a GPU, onnxruntime on the CPU.

Each runs alone while nothing else of the suite runs, each call is timed by the rule of
:mod:`harness.cost.timing`, and its numbers hold for this machine: they are of the kind
``measured-host``, whatever the model is meant for.
"""

from __future__ import annotations

from harness import Device, hookimpl

__all__: list[str] = []

_HOME = "harness_plugins.device_host"


@hookimpl
def harness_devices() -> list[Device]:
    return [
        Device(
            name="host",
            kind="measured-host",
            factory=f"{_HOME}.torch_cpu:TorchCpu",
            params={"threads": 1},
            check=f"{_HOME}.hardware:check_threads",
            hardware=f"{_HOME}.hardware:processor",
            alone=True,
            requires=("torch",),
            extra="edge",
            summary="the processor of this machine, by torch in eager mode",
        ),
        Device(
            name="onnxruntime",
            kind="measured-host",
            factory=f"{_HOME}.onnx_cpu:OnnxCpu",
            params={"threads": 1},
            check=f"{_HOME}.hardware:check_threads",
            hardware=f"{_HOME}.hardware:processor",
            alone=True,
            requires=("torch", "onnx", "onnxruntime", "onnxscript"),
            extra="edge",
            url="https://onnxruntime.ai",
            summary="the processor of this machine, by onnxruntime in float32",
        ),
        Device(
            name="cuda",
            kind="measured-host",
            factory=f"{_HOME}.torch_cuda:TorchCuda",
            check=f"{_HOME}.hardware:check_cuda",
            hardware=f"{_HOME}.hardware:cuda",
            alone=True,
            requires=("torch",),
            extra="edge",
            summary="the first GPU of this machine, by torch in eager mode, float32 without TF32",
        ),
    ]
