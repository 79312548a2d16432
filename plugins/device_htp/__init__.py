"""Snapdragon NPUs without a phone: what compiles for them, what runs where, how exactly."""

from __future__ import annotations

from harness import Device, Metric, hookimpl
from harness.spec import SuiteFile
from harness_suites import shipped

__all__: list[str] = []

_HERE = "harness_plugins.device_htp"
_REQUIRES = ("onnxruntime-qnn>=2.7", "onnx>=1.19", "onnxscript>=0.5", "torch>=2.6")


@hookimpl
def harness_devices() -> list[Device]:
    return [
        Device(
            name="htp",
            kind="simulated",
            factory=f"{_HERE}.bench:Htp",
            check=f"{_HERE}.socs:check",
            params={"soc": "SM8650", "precision": "float", "numerics": True, "seconds": 120},
            requires=_REQUIRES,
            extra="edge",
            url="https://github.com/onnxruntime/onnxruntime-qnn",
            summary="Hexagon NPU of a Snapdragon: Qualcomm's compiler and emulator; never a time",
        )
    ]


@hookimpl
def harness_metrics() -> list[Metric]:
    return [
        Metric(
            name="npu_compiles",
            factory=f"{_HERE}.metrics:npu_compiles",
            inputs=("device_run",),
            signature="npu_compiles|share of modules|v1",
            better="higher",
            range=(0.0, 1.0),
            digits=2,
            summary="share of the model's modules that compile for the NPU",
        ),
        Metric(
            name="npu_share",
            factory=f"{_HERE}.metrics:npu_share",
            inputs=("device_run",),
            signature="npu_share|operators|v1",
            better="higher",
            range=(0.0, 1.0),
            summary="share of operators that the NPU takes; the others fall back to the CPU",
        ),
        Metric(
            name="npu_sqnr",
            factory=f"{_HERE}.metrics:npu_sqnr",
            inputs=("device_run",),
            signature="npu_sqnr|worst module|against float32|v1",
            better="higher",
            unit="dB",
            digits=1,
            summary="signal to quantisation noise of the NPU's numbers, of the worst module",
        ),
    ]


@hookimpl
def harness_suites() -> list[SuiteFile]:
    return shipped("snapdragon-check")
