"""From variables to observations: a rotation, and a diffeomorphism made of rotations.

Observations have as many numbers as there are variables, and both maps have an exact inverse.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Diffeomorphism", "Rotation", "rotation"]

Floats = NDArray[np.float64]

_SLOPE = 0.2  # on the left of the bend, over that on the right
_P, _Q = 1 + _SLOPE, 1 - _SLOPE


@dataclass(frozen=True, slots=True)
class Rotation:
    """x = Q z with Q in SO(d), (d, d)."""

    matrix: Floats

    def mix(self, z: Floats) -> Floats:
        """Return the observations of variables, both (d, n)."""
        return _product(self.matrix, z)

    def invert(self, x: Floats) -> Floats:
        """Return the variables of observations, both (d, n)."""
        return _product(self.matrix.T, x)


@dataclass(frozen=True, slots=True)
class Diffeomorphism:
    """x = Q_L f(Q_{L-1} f(… f(Q_0 (z / s)))), with a smooth monotone f that bends at 0.

    f(u) = (1 + a) u + (1 − a) (√(u² + ¼) − ½) is a smooth leaky ReLU with an inverse in closed
    form: f(0) = 0, slope 2 far to the right and 2 a far to the left, a = 0.2.

    Attributes:
        scales: (d,) what the variables are divided by, so that all of them reach the bend.
        matrices: rotations, each (d, d), at least two.
    """

    scales: Floats
    matrices: tuple[Floats, ...]

    def mix(self, z: Floats) -> Floats:
        """Return the observations of variables, both (d, n)."""
        values = _product(self.matrices[0], z / self.scales[:, None])
        for matrix in self.matrices[1:]:
            values = _product(matrix, _bend(values))
        return values

    def invert(self, x: Floats) -> Floats:
        """Return the variables of observations, both (d, n)."""
        for matrix in reversed(self.matrices[1:]):
            x = _unbend(_product(matrix.T, x))
        return _product(self.matrices[0].T, x) * self.scales[:, None]


def rotation(normal: Floats) -> Floats:
    """Return the rotation (d, d) that Gram and Schmidt make of a matrix of standard normals.

    It is uniform on SO(d) (Haar). Sums are exactly rounded, so no BLAS has a say in its bits.
    """
    rows: list[list[float]] = []
    for drawn in normal.tolist():
        row: list[float] = drawn
        for done in [*rows, *rows]:  # twice is enough for orthogonality to rounding
            overlap = _dot(row, done)
            row = [a - overlap * b for a, b in zip(row, done, strict=True)]
        norm = math.sqrt(_dot(row, row))
        rows.append([a / norm for a in row])
    matrix = np.array(rows)
    if np.linalg.det(matrix) < 0:
        matrix[0] = -matrix[0]
    return matrix


def _dot(a: list[float], b: list[float]) -> float:
    return math.fsum(x * y for x, y in zip(a, b, strict=True))


def _product(matrix: Floats, values: Floats) -> Floats:
    """Return matrix · values, summed from left to right whatever the machine."""
    out = np.empty_like(values)
    term = np.empty_like(values[0])
    for i, weights in enumerate(matrix):
        np.multiply(values[0], weights[0], out=out[i])
        for value, weight in zip(values[1:], weights[1:], strict=True):
            out[i] += np.multiply(value, weight, out=term)
    return out


def _bend(u: Floats) -> Floats:
    return _P * u + _Q * (np.sqrt(u * u + 0.25) - 0.5)


def _unbend(y: Floats) -> Floats:
    w = y + _Q / 2  # w − P u = Q √(u² + ¼): the root of its square that leaves the left side > 0
    return (_P * w - _Q * np.sqrt(w * w + _SLOPE)) / (4 * _SLOPE)
