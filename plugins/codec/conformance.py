"""Whether a codec keeps its promises: repeatable encoding and decoding, sizes kept.

Each metric is 1 where the promise is kept and 0 where it is broken, so the mean over items and
operating points is the share of cases in which it was kept.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from harness.spec import Metric

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Image = NDArray[np.uint8]

__all__ = ["METRICS", "decode_repeatable", "encode_repeatable", "size_kept"]


def decode_repeatable() -> Callable[[Image, Image], float]:
    """Return the metric of two reconstructions of one bitstream: 1.0 where they are equal."""
    import numpy as np

    return lambda first, again: float(np.array_equal(first, again))


def encode_repeatable() -> Callable[[bytes, bytes], float]:
    """Return the metric of two bitstreams of one image: 1.0 where they are equal."""
    return lambda first, again: float(first == again)


def size_kept() -> Callable[[Image, Image], float]:
    """Return the metric of original and reconstruction: 1.0 where they have one shape."""
    return lambda reference, reconstruction: float(reference.shape == reconstruction.shape)


def _promise(name: str, inputs: tuple[str, str], signature: str, summary: str) -> Metric:
    return Metric(
        name=name,
        factory=f"harness_plugins.codec.conformance:{name}",
        inputs=inputs,
        signature=signature,
        better="higher",
        range=(0.0, 1.0),
        extra="codec",
        summary=summary,
    )


METRICS = (
    _promise(
        "decode_repeatable",
        ("reconstruction", "reconstruction_again"),
        "equal-pixels|two-processes|other-threads|v1",
        "decoding again, in another process with two threads, gives the same image",
    ),
    _promise(
        "encode_repeatable",
        ("bitstream", "bitstream_again"),
        "equal-bytes|two-processes|v1",
        "encoding again, in another process, gives the same bytes",
    ),
    _promise(
        "size_kept",
        ("reference", "reconstruction"),
        "equal-shape|v1",
        "the reconstruction has the size of the original",
    ),
)
