"""The NPU's compiler and emulator on what AIMET has quantised."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from harness_plugins.device_htp.bench import Htp
from harness_plugins.device_htp.conversion import Recipe
from harness_plugins.device_htp.socs import SOCS
from harness_plugins.quant_aimet.export import qdq

__all__ = ["htp"]


def htp(
    folder: Path, soc: str, weights: str, activations: str, numerics: bool, seconds: float
) -> Htp:
    """Return the device of one chip, calibrated on each component's own inputs."""
    architecture = SOCS[soc].architecture
    name = f"aimet-onnx {metadata.version('aimet-onnx')} {weights} {activations} v{architecture}"

    def quantize(model: bytes, inputs: Mapping[str, NDArray[Any]]) -> bytes:
        return qdq(
            model, [inputs], weights=weights, activations=activations, architecture=architecture
        )

    bits = f"w{weights.removeprefix('int')}a{activations.removeprefix('int')}"
    precision = f"{bits} by aimet-onnx {metadata.version('aimet-onnx')}"
    return Htp(folder, soc, precision, numerics, seconds, Recipe(name, quantize))
