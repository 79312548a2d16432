"""Snapdragon NPUs with models quantised by AIMET, Qualcomm's toolkit."""

from __future__ import annotations

from harness import Device, hookimpl

__all__: list[str] = []

_HERE = "harness_plugins.quant_aimet"


@hookimpl
def harness_devices() -> list[Device]:
    return [
        Device(
            name="htp-aimet",
            kind="simulated",
            factory=f"{_HERE}.device:htp",
            check=f"{_HERE}.settings:check",
            params={
                "soc": "SM8650",
                "weights": "int8",
                "activations": "int8",
                "numerics": True,
                "seconds": 120,
            },
            requires=(
                "aimet-onnx>=2.42",
                "onnxruntime-qnn>=2.7",
                "onnx>=1.19",
                "onnxscript>=0.5",
                "torch>=2.6",
            ),
            extra="aimet",
            url="https://github.com/qualcomm/aimet",
            summary="Hexagon NPU as device htp has it, quantised by AIMET; never a time",
        )
    ]
