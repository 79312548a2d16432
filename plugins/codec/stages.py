"""The stages of the codec tasks: encode, decode, and their repetitions for conformance."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Any

from harness.spec import Json
from harness.trace import add_seconds, note, taken
from harness_plugins.codec.interface import Codec, EstimatesBits
from harness_plugins.codec.outputs import InvalidOutputError, as_bitstream, as_image

__all__ = ["decode", "decode_again", "encode", "encode_again"]

Inputs = Mapping[str, Any]
Point = Mapping[str, Json]


def encode(model: Codec, inputs: Inputs, point: Point, _seed: int) -> dict[str, Any]:
    """Return ``{"bitstream": bytes}`` of the image ``reference``, uint8 (H, W, 3).

    The time of the stage is that of ``model.encode`` alone. Where the model estimates its
    bits, the estimate is noted as ``estimated_bits``.

    Raises:
        InvalidOutputError: the model returned no bitstream, or no number of bits.
    """
    image = inputs["reference"]
    data = _timed("encode", lambda: model.encode(image, point))
    bitstream = as_bitstream(data)
    if isinstance(model, EstimatesBits):
        bits = float(model.estimate_bits(image, point))
        if not math.isfinite(bits) or bits < 0:
            raise InvalidOutputError(f"estimate_bits returned {bits}, expected a number of bits")
        note("estimated_bits", bits)
    return {"bitstream": bitstream}


def decode(model: Codec, inputs: Inputs, _point: Point, _seed: int) -> dict[str, Any]:
    """Return ``{"reconstruction": image}``, uint8 (H, W, 3), of ``bitstream`` and nothing else.

    Raises:
        InvalidOutputError: the model returned no image.
        NonFiniteOutputError: the model returned NaN or infinity.
    """
    data = inputs["bitstream"]
    image = _timed("decode", lambda: model.decode(data))
    return {"reconstruction": as_image(image)}


def encode_again(model: Codec, inputs: Inputs, point: Point, _seed: int) -> dict[str, Any]:
    """Return ``{"bitstream_again": bytes}``: ``encode`` in another process."""
    return {"bitstream_again": as_bitstream(model.encode(inputs["reference"], point))}


def decode_again(model: Codec, inputs: Inputs, _point: Point, _seed: int) -> dict[str, Any]:
    """Return ``{"reconstruction_again": image}``: ``decode`` in another process."""
    return {"reconstruction_again": as_image(model.decode(inputs["bitstream"]))}


def _timed(name: str, call: Callable[[], Any]) -> Any:
    """Call, and record how long it took where the model does not mark that span itself."""
    start = time.perf_counter()
    value = call()
    elapsed = time.perf_counter() - start
    if name not in taken()[0]:
        add_seconds(name, elapsed)
    return value
