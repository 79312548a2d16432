"""A network of CompressAI as an image codec: real bytes, its own padding, repeatable results."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from harness import add_seconds, note, span
from harness.cost import Component
from harness.spec import Json
from harness_plugins.codec_compressai.bitstream import Bitstream, pack, unpack
from harness_plugins.codec_compressai.components import gathered, padded_size, parts
from harness_plugins.codec_compressai.networks import network_class

__all__ = ["NeuralCodec"]

_TRANSFORMS = ("g_a", "h_a", "h_s", "g_s")


@dataclass(frozen=True, slots=True)
class _Analysis:
    """What the analysis transform last made of an image."""

    image: NDArray[np.uint8]
    quality: int
    y: Tensor


class NeuralCodec:
    """CompressAI's ``compress`` and ``decompress`` between an array and bytes.

    An image is padded below and to the right with its last row and column to a multiple of the
    network's stride (16 with a factorized prior, 64 with a hyperprior); the padding is coded,
    counted, and cut off after decoding. One thread and deterministic algorithms, so that a
    bitstream decodes to the same pixels in every process of one machine.

    Args:
        architecture: its name in CompressAI's zoo.
        load: makes the network of a quality; only the one used last is kept, since nodes come
            ordered by operating point and a network takes 10 to 120 MB.
        qualities: how many there are; they are numbered from 1.
    """

    def __init__(
        self, architecture: str, load: Callable[[int], nn.Module], qualities: int
    ) -> None:
        torch.set_num_threads(1)
        torch.use_deterministic_algorithms(mode=True)
        network_class(architecture)  # imported now, not while the first image is timed
        self._load = load
        self._qualities = qualities
        self._strings = 1 if architecture == "bmshj2018-factorized" else 2
        self._current: tuple[int, Any] | None = None
        self._analysis: _Analysis | None = None

    def encode(self, image: NDArray[np.uint8], point: Mapping[str, Json]) -> bytes:
        """Compress one image: uint8 (H, W, 3) to header and strings of the rANS coder.

        The span ``encode`` is all of it but loading the network; the time of each transform is
        a span of its name, and ``entropy_coding`` is the rest of ``compress``.

        Raises:
            ValueError: there is no such quality.
        """
        quality, network = self._at(point)
        height, width, _ = image.shape
        with span("encode"), torch.inference_mode():
            x = _padded(image, network.downsampling_factor)
            with _spans(network, {}, "entropy_coding") as outputs:
                made = network.compress(x)
            strings = tuple(string for [string] in made["strings"])
            data = pack(Bitstream(quality, (height, width), strings))
        self._analysis = _Analysis(image.copy(), quality, outputs["g_a"])
        payload = sum(map(len, strings))
        note("payload_bytes", payload)
        note("header_bytes", len(data) - payload)
        return data

    def decode(self, data: bytes) -> NDArray[np.uint8]:
        """Reconstruct the image from its bitstream alone; uint8 (H, W, 3).

        The span ``decode`` is all of it but loading the network; the time of each transform is
        a span of its name. ``entropy_decode_z`` is what comes before ``h_s``, and
        ``entropy_decode_y`` what comes between it and ``g_s``, the context model included.

        Raises:
            ValueError: the bitstream is cut, too long, or of a quality there is not.
        """
        quality, (height, width), strings = unpack(data, self._strings)
        network = self._network(quality)
        stride = network.downsampling_factor
        shape = (-(-height // stride), -(-width // stride))
        with span("decode"), torch.inference_mode():
            with _spans(network, {"h_s": "entropy_decode_z", "g_s": "entropy_decode_y"}, ""):
                x_hat = network.decompress([[string] for string in strings], shape)["x_hat"]
            x_hat = (x_hat[0, :, :height, :width] * 255.0).round_().clamp_(0.0, 255.0)
            return np.ascontiguousarray(x_hat.byte().permute(1, 2, 0).numpy())

    def estimate_bits(self, image: NDArray[np.uint8], point: Mapping[str, Json]) -> float:
        """Return the bits the entropy model expects of ``image``, padding included.

        The network's own likelihoods in evaluation mode. Neither analysis (where ``encode`` has
        just done it) nor synthesis runs.

        Raises:
            ValueError: there is no such quality.
        """
        quality, network = self._at(point)
        known = self._analysis
        with torch.inference_mode():
            if known is None or known.quality != quality or not _equal(known.image, image):
                y = network.g_a(_padded(image, network.downsampling_factor))
                known = _Analysis(image.copy(), quality, y)
            with _constant(network, "g_a", known.y), _constant(network, "g_s", known.y):
                likelihoods = network(known.y)["likelihoods"].values()
            return sum(float(-p.double().log2().sum()) for p in likelihoods)

    def components(self, item: NDArray[np.uint8], point: Mapping[str, Json]) -> list[Component]:
        """Return the parts of the network, and decoding as a whole, as they run for ``item``.

        See :func:`~harness_plugins.codec_compressai.components.parts`; ``decode`` of the step
        ``decode whole`` is this codec's method with the image's bitstream.

        Raises:
            ValueError: there is no such quality.
        """
        _, network = self._at(point)
        with gathered(network) as inputs:
            data = self.encode(item, point)
            self.decode(data)
        whole = Component(name="decode", module=self.decode, inputs=[data], step="decode whole")
        return [*parts(network, inputs), whole]

    def _at(self, point: Mapping[str, Json]) -> tuple[int, Any]:
        quality = point.get("quality")
        if not isinstance(quality, int) or isinstance(quality, bool):
            raise ValueError(f"expected a point {{quality: NUMBER}}, got {dict(point)}")  # noqa: TRY004
        return quality, self._network(quality)

    def _network(self, quality: int) -> Any:
        if not 1 <= quality <= self._qualities:
            raise ValueError(f"quality {quality}: expected 1 to {self._qualities}")
        if self._current is None or self._current[0] != quality:
            self._current = self._analysis = None  # before the next one takes its memory
            self._current = quality, self._load(quality)
        return self._current[1]


def _padded(image: NDArray[np.uint8], stride: int) -> Tensor:
    """Return the image as float32 (1, 3, H', W') in 0…1, both sides multiples of ``stride``."""
    height, width, _ = image.shape
    rows, columns = padded_size(image, stride)
    planes = np.array(image.transpose(2, 0, 1)[None], dtype=np.float32, order="C")
    x = torch.from_numpy(planes).div_(255.0)
    return functional.pad(x, (0, columns - width, 0, rows - height), mode="replicate")


def _equal(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> bool:
    return first is second or np.array_equal(first, second)


@contextmanager
def _spans(network: nn.Module, waits: Mapping[str, str], rest: str) -> Iterator[dict[str, Tensor]]:
    """Time the transforms in the block, and collect what each last returned.

    Args:
        network: its transforms are timed under their names.
        waits: the span that the time since the last transform goes to, by the name of the next.
        rest: the span of all other time in the block; none if empty.
    """
    outputs: dict[str, Tensor] = {}
    names = {m: name for name, m in network.named_children() if name in _TRANSFORMS}
    since = time.perf_counter()

    def passed(span_name: str) -> None:
        nonlocal since
        now = time.perf_counter()
        if span_name:
            add_seconds(span_name, now - since)
        since = now

    def before(module: nn.Module, _arguments: Any) -> None:
        passed(waits.get(names[module], rest))

    def after(module: nn.Module, _arguments: Any, output: Tensor) -> None:
        passed(names[module])
        outputs[names[module]] = output

    hooks = [m.register_forward_pre_hook(before) for m in names]
    hooks += [m.register_forward_hook(after) for m in names]
    try:
        yield outputs
    finally:
        passed(rest)
        for hook in hooks:
            hook.remove()


class _Constant(nn.Module):
    def __init__(self, value: Tensor) -> None:
        super().__init__()
        self._value = value

    def forward(self, _x: Tensor) -> Tensor:
        return self._value


@contextmanager
def _constant(network: nn.Module, name: str, value: Tensor) -> Iterator[None]:
    """Let a part of the network return ``value`` without work, in the block."""
    part = network.get_submodule(name)
    network.add_module(name, _Constant(value))
    try:
        yield
    finally:
        network.add_module(name, part)
