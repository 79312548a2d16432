"""Variants of any model with quantised layers: what few bits cost in quality."""

from __future__ import annotations

from harness import Metric, Variant, hookimpl

__all__: list[str] = []

_HERE = "harness_plugins.quantization"
_INTEGERS = "Jacob et al., Quantization and training of neural networks, CVPR 2018"
_FLOATS = "Micikevicius et al., FP8 formats for deep learning, 2022"


def _variant(name: str, weights: str, activations: str, summary: str, paper: str) -> Variant:
    return Variant(
        name=name,
        wrap=f"{_HERE}.model:wrap",
        check=f"{_HERE}.settings:check",
        params={"weights": weights, "activations": activations},
        calibrated=True,
        requires=("torch>=2.6",),
        extra="edge",
        summary=summary,
        paper=paper,
    )


@hookimpl
def harness_variants() -> list[Variant]:
    return [
        _variant("w8a8", "int8", "int8", "weights and activations of 8 bits", _INTEGERS),
        _variant("w4a8", "int4", "int8", "weights of 4 bits, activations of 8", _INTEGERS),
        _variant("w8a16", "int8", "int16", "weights of 8 bits, activations of 16", _INTEGERS),
        _variant("fp8-e4m3", "fp8-e4m3", "fp8-e4m3", "8-bit floats, 3 bits of mantissa", _FLOATS),
        _variant("fp8-e5m2", "fp8-e5m2", "fp8-e5m2", "8-bit floats, 2 bits of mantissa", _FLOATS),
    ]


@hookimpl
def harness_metrics() -> list[Metric]:
    return [
        Metric(
            name="quantized_weights_share",
            factory=f"{_HERE}.metrics:quantized_weights_share",
            inputs=("cost",),
            signature="quantized_weights_share|parameters in 8 bits or fewer|v1",
            better="none",
            range=(0.0, 1.0),
            summary="share of the components' parameters that are held in 8 bits or fewer",
        )
    ]
