"""Number formats: how a tensor is rounded to few bits, and what that costs.

Integers: symmetric, ``x ≈ q s`` with ``|q| <= 2^(b-1) - 1``, or affine, ``x ≈ (q - z) s`` with
``0 <= q <= 2^b - 1`` (Jacob et al., Quantization and training of neural networks for efficient
integer-arithmetic-only inference, CVPR 2018). Floats of 8 bits: ``x ≈ q s`` with q in E4M3 (no
infinity, largest 448) or E5M2 (largest 57344) of Micikevicius et al., FP8 formats for deep
learning, 2022, rounded half to even and saturated.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["FORMATS", "Affine", "Format", "Scaled", "pack", "sqnr_db", "unpack"]

_SMALLEST = 2.0**-126  # of a scale, so that what is all zero stays zero and finite


@dataclass(frozen=True, slots=True)
class Format:
    """A format of 4, 8 or 16 bits.

    Attributes:
        bits: of one number.
        largest: the largest magnitude, before scaling, with zero in the middle.
        stored: dtype that holds it; int4 has none of its own: two of them stand in a byte where
            weights are kept (:func:`pack`).
    """

    bits: int
    largest: float
    stored: torch.dtype

    @property
    def integer(self) -> bool:
        return not self.stored.is_floating_point


FORMATS = {
    "int4": Format(4, 7.0, torch.int8),
    "int8": Format(8, 127.0, torch.int8),
    "int16": Format(16, 32767.0, torch.int16),
    "fp8-e4m3": Format(8, 448.0, torch.float8_e4m3fn),
    "fp8-e5m2": Format(8, 57344.0, torch.float8_e5m2),
}


@dataclass(frozen=True, slots=True)
class Scaled:
    """Symmetric numbers with a scale: ``value(store(x)) ≈ x``.

    Attributes:
        scale: float32, broadcastable to the tensors; absolute maximum over ``format.largest``.
    """

    format: Format
    scale: Tensor

    @classmethod
    def of(cls, largest: Tensor, form: Format) -> Scaled:
        """Return the scale at which magnitudes up to ``largest`` are represented."""
        return cls(form, (largest.float() / form.largest).clamp_min(_SMALLEST))

    def store(self, x: Tensor) -> Tensor:
        """Return the nearest numbers of the format, in its dtype; beyond its range, the ends."""
        scaled = (x.float() / self.scale).clamp(-self.format.largest, self.format.largest)
        return (scaled.round() if self.format.integer else scaled).to(self.format.stored)

    def value(self, stored: Tensor) -> Tensor:
        """Return what stored numbers stand for, float32."""
        return stored.float() * self.scale

    def __call__(self, x: Tensor) -> Tensor:
        return self.value(self.store(x)).to(x.dtype)


@dataclass(frozen=True, slots=True)
class Affine:
    """Unsigned integers over a range that holds zero, and represents it exactly.

    Attributes:
        scale, zero: float32 scalars; ``zero`` is a whole number in ``0 … steps``.
        steps: ``2^bits - 1``.
    """

    scale: Tensor
    zero: Tensor
    steps: float

    @classmethod
    def of(cls, low: Tensor, high: Tensor, bits: int) -> Affine:
        """Return the grid over ``min(low, 0) … max(high, 0)``."""
        steps = float(2**bits - 1)
        low, high = low.float().clamp_max(0.0), high.float().clamp_min(0.0)
        scale = ((high - low) / steps).clamp_min(_SMALLEST)
        return cls(scale, (-low / scale).round().clamp(0.0, steps), steps)

    def __call__(self, x: Tensor) -> Tensor:
        stored = ((x.float() / self.scale).round() + self.zero).clamp(0.0, self.steps)
        return ((stored - self.zero) * self.scale).to(x.dtype)


def pack(stored: Tensor) -> Tensor:
    """Return int8 numbers of -8…7, of any shape, as uint8 (⌈n/2⌉,): two in a byte, low first."""
    flat = stored.flatten()
    if flat.numel() % 2:
        flat = torch.cat([flat, flat.new_zeros(1)])
    low, high = (flat.view(-1, 2).to(torch.uint8) & 0xF).unbind(1)
    return low | (high << 4)


def unpack(packed: Tensor, shape: torch.Size) -> Tensor:
    """Return the int8 numbers of :func:`pack`, in their shape."""
    both = torch.stack([packed & 0xF, packed >> 4], dim=1).flatten()[: shape.numel()]
    return torch.where(both > 7, both.to(torch.int8) - 16, both.to(torch.int8)).view(shape)


def sqnr_db(x: Tensor, approximation: Tensor) -> float:
    """Return ``10 log10(sum(x²) / sum((x - approximation)²))``; infinite where both are equal."""
    noise = (x.double() - approximation.double()).square().sum()
    return float(10.0 * torch.log10(x.double().square().sum() / noise))
