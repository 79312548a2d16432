"""Precision, recall, density and coverage of generated images, from nearest neighbours."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.stats import wilson_interval
from harness_plugins.generative.metrics.features import FeaturesError, Floats, checked_pair

__all__ = ["Estimate", "Manifold", "manifold"]

_BLOCK = 8_000_000  # distances held at once: 64 MB
_SAME = 1e-12  # squared distance of rows, relative to their squared lengths, that is rounding


@dataclass(frozen=True, eq=False)
class Estimate:
    """One of the four numbers with its interval.

    Attributes:
        value: the number.
        low, high: its interval.
        influences: (n,) what each generated image adds, of mean 0: by n − 1 the fall of the value
            where the image is left out.
    """

    value: float
    low: float
    high: float
    influences: Floats


@dataclass(frozen=True, eq=False)
class Manifold:
    """How well generated images lie among the reference images, and the other way.

    Attributes:
        precision: share of generated images inside a ball of the reference.
        recall: share of reference images inside a ball of the generated.
        density: mean number of reference balls that a generated image is in, by k; may exceed 1.
        coverage: share of reference balls with a generated image inside.
        n, n_reference: number of generated and of reference images.
    """

    precision: Estimate
    recall: Estimate
    density: Estimate
    coverage: Estimate
    n: int
    n_reference: int


def manifold(
    generated: ArrayLike,
    reference: ArrayLike,
    k_precision: int = 3,
    k_density: int = 5,
    level: float = 0.95,
) -> Manifold:
    """Return precision, recall, density and coverage.

    The ball of an image reaches to the k-th nearest other image of its own set; its surface
    belongs to it. Precision and recall with k = 3 are those of Kynkäänniemi et al., Improved
    precision and recall metric for assessing generative models, NeurIPS 2019, eq. 1-2; density and
    coverage with k = 5 those of Naeem et al., Reliable fidelity and diversity metrics for
    generative models, ICML 2020, eq. 4 and 6. Distances are Euclidean, in float64; rows that
    differ by rounding alone have distance 0. All four change with the numbers of images, which
    the result therefore holds.

    Intervals are those of the expectation at these numbers, with the error of the delete-one
    jackknife over the images of both sets: an image left out takes its ball with it and widens
    those of its neighbours, exactly. That error is too large rather than too small (Efron and
    Stein, The jackknife estimate of variance, Annals of Statistics 1981). Shares have Wilson's
    interval for as many images as give that error, at most as many as there are; density has the
    normal one.

    A handful of blocks of at most 64 MB are held at once.

    Args:
        generated: (n, d) features.
        reference: (m, d) features.
        k_precision: neighbours of precision and recall.
        k_density: neighbours of density and coverage.
        level: nominal coverage of the intervals.

    Raises:
        FeaturesError: the features have a wrong form, differ in d, or a set has fewer images than
            the larger k and 2; or a k is not positive.
        NonFiniteFeaturesError: a feature is NaN or infinite.
    """
    from scipy.special import ndtri

    if min(k_precision, k_density) < 1:
        raise FeaturesError(f"k must be at least 1, not {min(k_precision, k_density)}")
    x, y = checked_pair(generated, reference, least=max(k_precision, k_density) + 2)
    centre = y.mean(axis=0)
    x, y = x - centre, y - centre
    y_near = _neighbours(y, max(k_precision, k_density) + 1)
    falls = _fall(x, y, y_near.balls(k_precision), y_near.balls(k_density))
    back = _fall(y, x, _neighbours(x, k_precision + 1).balls(k_precision))
    precision, recall = falls[0].share_inside(), back[0].share_inside()
    density, coverage = falls[1].density(k_density), falls[1].share_hit()
    half = float(ndtri((1 + level) / 2)) * np.sqrt(density.variance)
    low = max(density.value - half, 0.0)
    return Manifold(
        precision=_share(precision, precision.of_images, len(x), level),
        recall=_share(recall, recall.of_owners, len(y), level),
        density=Estimate(density.value, low, density.value + half, density.of_images),
        coverage=_share(coverage, coverage.of_images, len(y), level),
        n=len(x),
        n_reference=len(y),
    )


class _Found(NamedTuple):
    """A number with what each image adds to it, of those that fall and of those with balls."""

    value: float
    of_images: Floats  # (n,)
    of_owners: Floats  # (m,)

    @property
    def variance(self) -> float:
        """Of the delete-one jackknife over the images of both sets."""
        return sum(float(own.var()) / (own.size - 1) for own in (self.of_images, self.of_owners))


def _share(found: _Found, influences: Floats, images: int, level: float) -> Estimate:
    value, variance = found.value, found.variance
    likely = (value * images + 2) / (images + 4)  # a share of 0 or 1 has a spread as well
    trials = min(likely * (1 - likely) / variance, images) if variance > 0 else images
    low, high = wilson_interval(value * trials, trials, level)
    return Estimate(value, float(low), float(high), influences)


class _Balls(NamedTuple):
    """Balls of m images: what each reaches, and what it would if one of its k were left out."""

    radius: Floats  # (m,) squared
    wider: Floats  # (m,) squared, to the (k+1)-th
    near: NDArray[np.intp]  # (m, k) the k nearest others


class _Neighbours(NamedTuple):
    square: Floats  # (m, K), ascending
    index: NDArray[np.intp]  # (m, K)

    def balls(self, k: int) -> _Balls:
        return _Balls(self.square[:, k - 1], self.square[:, k], self.index[:, :k])


class _Falls(NamedTuple):
    """How n images fall into the m balls of others, and the changes if one is left out."""

    balls: _Balls
    inside: NDArray[np.intp]  # (n,) balls around each image
    only: NDArray[np.intp]  # (n,) the only ball around it, where there is one
    hits: NDArray[np.intp]  # (m,) images in each ball
    shell: NDArray[np.intp]  # (m,) images that only the wider ball has
    last: NDArray[np.intp]  # (m,) the only image in it, where there is one
    rim: NDArray[np.intp]  # (2, p): images in at most one ball, with each ball that nearly has it

    def share_inside(self) -> _Found:
        """Return the share of images in any ball."""
        n, m = self.inside.size, self.hits.size
        covered = self.inside > 0
        # Each image on the rim is in ball b if one of the k images nearest to b is left out.
        near = self.balls.near[self.rim[1]]
        gained = np.unique(np.repeat(self.rim[0], near.shape[1]) * m + near.ravel())
        image, without = np.divmod(gained, m)
        alone = self.inside == 1
        lost = np.bincount(self.only[alone], minlength=m)
        kept = alone[image] & (self.only[image] == without)
        change = np.bincount(without[kept | ~covered[image]], minlength=m) - lost
        share = float(covered.mean())
        return _Found(share, covered - share, _influences(change / n))

    def share_hit(self) -> _Found:
        """Return the share of balls with an image inside."""
        m = self.hits.size
        hit = self.hits > 0
        lost = np.bincount(self.last[self.hits == 1], minlength=self.inside.size)
        opened = self._near_sum((~hit & (self.shell > 0)).astype(np.float64))
        return _Found(
            float(hit.mean()), _influences(-lost / m), _influences((opened - hit) / (m - 1))
        )

    def density(self, k: int) -> _Found:
        """Return the mean number of balls around an image, by k."""
        n = self.inside.size
        change = self._near_sum(self.shell.astype(np.float64)) - self.hits
        density = float(self.inside.mean()) / k
        return _Found(density, self.inside / k - density, _influences(change / (k * n)))

    def _near_sum(self, weights: Floats) -> Floats:
        """Return for each image the sum of weights (m,) of the balls that it bounds, (m,)."""
        near = self.balls.near
        return np.bincount(near.ravel(), np.repeat(weights, near.shape[1]), minlength=len(near))


def _influences(change: Floats) -> Floats:
    """Return what each image adds, of mean 0, from what leaving it out changes."""
    return (change.size - 1) * (change.mean() - change)


def _neighbours(x: Floats, count: int) -> _Neighbours:
    """Return the ``count`` nearest other rows of each row, the nearest first."""
    square = np.empty((len(x), count))
    index = np.empty((len(x), count), np.intp)
    for rows, distances in _distances(x, x):
        own = np.arange(len(distances))
        distances[own, own + rows.start] = np.inf
        near = np.argpartition(distances, count - 1, axis=1)[:, :count]
        found = np.take_along_axis(distances, near, axis=1)
        order = np.argsort(found, axis=1, kind="stable")
        square[rows] = np.take_along_axis(found, order, axis=1)
        index[rows] = np.take_along_axis(near, order, axis=1)
    return _Neighbours(square, index)


def _fall(images: Floats, owners: Floats, *kinds: _Balls) -> list[_Falls]:
    """Let images (n, d) fall into balls around owners (m, d), for each kind of balls."""
    n, m = len(images), len(owners)
    inside = np.zeros((len(kinds), 2, n), np.intp)
    of_balls = np.zeros((len(kinds), 3, m), np.intp)
    rims: list[list[NDArray[np.intp]]] = [[] for _ in kinds]
    for rows, distances in _distances(images, owners):
        numbers = np.arange(rows.start, rows.start + len(distances))
        for kind, balls in enumerate(kinds):
            within = distances <= balls.radius
            nearly = (distances <= balls.wider) & ~within
            count = within.sum(axis=1)
            inside[kind, :, rows] = count, within.argmax(axis=1)
            of_balls[kind] += within.sum(axis=0), nearly.sum(axis=0), numbers @ within
            place, ball = np.nonzero(nearly & (count <= 1)[:, None])
            rims[kind].append(np.stack([numbers[place], ball]))
    return [
        _Falls(balls, *inside[kind], hits, shell, last, np.concatenate(rims[kind], axis=1))
        for kind, (balls, (hits, shell, last)) in enumerate(zip(kinds, of_balls, strict=True))
    ]


def _distances(x: Floats, y: Floats) -> Iterator[tuple[slice, Floats]]:
    """Yield slices of the rows of x with their squared distances to all rows of y."""
    x_square, y_square = np.square(x).sum(axis=1), np.square(y).sum(axis=1)
    step = max(1, _BLOCK // len(y))
    for start in range(0, len(x), step):
        rows = slice(start, min(start + step, len(x)))
        lengths = x_square[rows, None] + y_square
        # a copy: a matrix times its own transpose is rounded in another way, and an image on the
        # surface of a ball of its own set would fall out of it in an equal one
        square = lengths - 2 * (x[rows].copy() @ y.T)
        square[square <= _SAME * lengths] = 0.0
        yield rows, square
