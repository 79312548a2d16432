"""Mean and covariance of features, gathered in float64 over batches that can be merged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from harness_plugins.generative.metrics.features import FeaturesError, Floats, checked

__all__ = ["Moments"]

_SYMMETRIC = 1e-6  # how far a covariance from a float32 file may be from symmetric


@dataclass(frozen=True, eq=False)
class Moments:
    """Number, mean and scatter of features; two of them add up to those of both sets.

    The scatter is the sum of outer products of the centred rows, so that no large numbers cancel:
    of b rows it is computed around their own mean, and a merge adds n₁n₂/(n₁+n₂) δδᵀ for the
    difference δ of the means (Chan, Golub and LeVeque, Updating formulae and a pairwise algorithm
    for computing sample variances, Stanford CS 79-773, 1979). Any batching and any order of
    merging gives the same numbers within 1e-12 of the largest entry.

    Attributes:
        n: number of images.
        mean: (d,) float64.
        scatter: (d, d) float64, symmetric.
    """

    n: int
    mean: Floats
    scatter: Floats

    @classmethod
    def empty(cls, dimension: int) -> Moments:
        """Return the moments of no image at all, to which batches are added."""
        return cls(0, np.zeros(dimension), np.zeros((dimension, dimension)))

    @classmethod
    def of(cls, features: ArrayLike) -> Moments:
        """Return the moments of features (n, d) of any real dtype, n ≥ 1.

        Raises:
            FeaturesError: they are no such array.
            NonFiniteFeaturesError: a value is NaN or infinite.
        """
        rows = checked(features, least=1)
        mean = rows.mean(axis=0)
        centred = rows - mean
        rest = centred.mean(axis=0)  # what rounding left in the mean
        centred -= rest
        return cls(len(rows), mean + rest, centred.T @ centred)

    @classmethod
    def from_covariance(cls, n: int, mean: ArrayLike, covariance: ArrayLike) -> Moments:
        """Return moments from a stored mean (d,) and sample covariance (d, d) of n ≥ 2 images.

        This is how statistics files of others are read, which divide by n − 1 (``numpy.cov``).
        Such files seldom say n; whoever reads one must know it.

        Raises:
            FeaturesError: the shapes do not fit, n is too small, a value is not finite, or the
                covariance is not symmetric within 1e-6 of its largest entry.
        """
        centre, spread = np.asarray(mean, np.float64), np.asarray(covariance, np.float64)
        if n < 2 or centre.ndim != 1 or spread.shape != (centre.size, centre.size):
            raise FeaturesError(
                f"a mean (d,) and a covariance (d, d) of 2 or more images were expected, "
                f"not {centre.shape} and {spread.shape} of {n}"
            )
        if not (np.isfinite(centre).all() and np.isfinite(spread).all()):
            raise FeaturesError("a stored mean or covariance is not finite")
        if np.abs(spread - spread.T).max(initial=0) > _SYMMETRIC * np.abs(spread).max(initial=0):
            raise FeaturesError("a stored covariance is not symmetric")
        return cls(n, centre, (spread + spread.T) * ((n - 1) / 2))

    @property
    def dimension(self) -> int:
        """The number of features, d."""
        return self.mean.size

    @property
    def covariance(self) -> Floats:
        """The sample covariance (d, d), the scatter by n − 1.

        Raises:
            FeaturesError: there are fewer than 2 images.
        """
        if self.n < 2:
            raise FeaturesError(f"{self.n} images have no covariance: at least 2 are needed")
        return self.scatter / (self.n - 1)

    def add(self, features: ArrayLike) -> Moments:
        """Return the moments with a batch (b, d) more, b ≥ 1; raises as :meth:`of`."""
        return self + Moments.of(features)

    def __add__(self, other: Moments) -> Moments:
        """Return the moments of both sets.

        Raises:
            FeaturesError: the dimensions differ.
        """
        if self.dimension != other.dimension:
            raise FeaturesError(
                f"moments of dimension {self.dimension} and {other.dimension} do not add up"
            )
        if self.n == 0 or other.n == 0:
            return other if self.n == 0 else self
        n = self.n + other.n
        apart = other.mean - self.mean
        scatter = self.scatter + other.scatter
        scatter += np.outer(apart, apart * (self.n * other.n / n))
        return Moments(n, self.mean + apart * (other.n / n), scatter)
