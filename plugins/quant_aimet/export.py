"""QDQ ONNX by AIMET, as Qualcomm's compilers take it, here and in AI Hub."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["qdq"]


def qdq(
    model: bytes,
    batches: Iterable[Mapping[str, NDArray[np.float32]]],
    *,
    weights: str = "int8",
    activations: str = "int8",
    architecture: int = 75,
) -> bytes:
    """Return ``model`` in QDQ form, with weights already in their format.

    AIMET's rules for the Hexagon NPU say what is quantised, per channel or not, and what belongs
    together; ranges are from minimum to maximum.

    Args:
        model: ONNX in float32.
        batches: arrays by the names of the model's inputs, at least one, to calibrate on.
        weights: ``"int4"``, ``"int8"`` or ``"int16"``.
        activations: ``"int8"`` or ``"int16"``.
        architecture: version of the Hexagon processor, as 75.
    """
    import onnx

    inputs = [dict(batch) for batch in batches]
    if not inputs:
        raise ValueError("nothing to calibrate on")
    with _quiet():
        from aimet_onnx.quantsim import QuantizationSimModel
        from aimet_onnx.utils import duplicate_shared_initializers

        graph = onnx.load_from_string(model)
        duplicate_shared_initializers(graph.graph)  # a bias of two layers has two scales
        simulation = QuantizationSimModel(
            graph,
            param_type=weights,
            activation_type=activations,
            config_file=f"htp_v{architecture}",
            dummy_input=inputs[0],
            providers=["CPUExecutionProvider"],
        )
        simulation.compute_encodings(inputs)
        made = simulation.to_onnx_qdq(prequantize_constants=True, export_int32_bias=True)
    data: bytes = made.SerializeToString()
    return data


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep AIMET's progress, log lines and warnings to ourselves."""
    disabled: Any = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)
