"""Fréchet distance of two sets of features (FID) with its interval, from singular values.

FID is ‖m₁ − m₂‖² + tr S₁ + tr S₂ − 2 tr (S₁S₂)^½ for the means and sample covariances (by n − 1)
of the features (Heusel et al., GANs trained by a two time-scale update rule converge to a local
Nash equilibrium, NeurIPS 2017, eq. 6). With any factors FᵢᵀFᵢ = Sᵢ the last trace is the sum of
the singular values of F₁F₂ᵀ, since their squares are the eigenvalues of S₁S₂ that are not zero.
The factor is the centred features themselves where there are at most d of them, so the work is in
the n-dimensional space, else a Cholesky factor of the covariance. The singular values of
K = F₁F₂ᵀ come from the eigenvalues of KKᵀ, three times faster, where the product of the
determinants confirms them; else from K itself.

FID of n images is larger than that of the distributions, by an amount that falls with n and
differs between models. So each value carries n on both sides, a flag where a covariance cannot
have full rank, and stands beside its floor (:mod:`.floor`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from harness_plugins.generative.metrics.features import FeaturesError, Floats, checked
from harness_plugins.generative.metrics.moments import Moments

__all__ = ["Frechet", "fid", "frechet_distance", "influences"]

_ALLOWED = 1e-7  # error of FID relative to it: ten times below what is promised


@dataclass(frozen=True, eq=False)
class Frechet:
    """A FID with its interval and what its rank needs.

    Attributes:
        value: the distance, in squared units of the features.
        low, high: the interval of the expected FID at these n, not of FID at infinite n.
        n, n_reference: number of generated and of reference images.
        dimension: of the features.
        note: one line that says why this value must not be ranked, empty where it may.
        influences: what each generated image adds, as :func:`influences` has it; None for moments.
    """

    value: float
    low: float
    high: float
    n: int
    n_reference: int
    dimension: int
    note: str
    influences: Floats | None

    @property
    def rankable(self) -> bool:
        """Whether both sets are at least as large as the features are long."""
        return not self.note


class _Side(NamedTuple):
    """One set: factor F (r, d) with FᵀF = S, and the columns that Cholesky took first."""

    n: int
    mean: Floats
    factor: Floats
    pivots: np.ndarray | None  # (r,): None where the factor is the centred features
    rows: Floats | None  # (n, d) features: None where only moments are known

    @property
    def trace(self) -> float:
        return float(np.vdot(self.factor, self.factor))


def frechet_distance(generated: ArrayLike | Moments, reference: ArrayLike | Moments) -> float:
    """Return FID from features (n, d) or moments of either side, n ≥ 2 each.

    Raises:
        FeaturesError: a side has a wrong form or fewer than 2 images, or dimensions differ.
        NonFiniteFeaturesError: a feature is NaN or infinite.
    """
    from scipy.linalg import eigvalsh

    first, second = _sides(generated, reference)
    product = _product(first, second)
    squares = None
    if _log_determinant(first, second) is not None:
        squares = eigvalsh(product @ product.T, check_finite=False)
    return _distance(first, second, product, squares)


def fid(
    generated: ArrayLike | Moments, reference: ArrayLike | Moments, level: float = 0.95
) -> Frechet:
    """Return FID with its interval and whether it may be ranked.

    The interval is Student's around the value with the error of :func:`influences`, images being
    the units on both sides, with as many degrees of freedom as the smaller set has. A side of
    which only moments are known counts as fixed: the interval is then over what the other could
    have been. Where both are moments it is NaN.

    Args:
        generated: (n, d) features, or moments.
        reference: (m, d) features, or moments.
        level: nominal coverage.

    Raises:
        FeaturesError: as :func:`frechet_distance`.
        NonFiniteFeaturesError: as :func:`frechet_distance`.
    """
    from scipy.special import stdtrit

    first, second = _sides(generated, reference)
    value, *parts = _influences(first, second)
    known = [p for p in parts if p is not None]
    half = float("nan")
    if known:
        error = np.sqrt(sum(float(p.var(ddof=1)) / p.size for p in known))
        half = float(stdtrit(min(p.size for p in known) - 1, (1 + level) / 2) * error)
    return Frechet(
        value=value,
        low=max(value - half, 0.0) if known else half,
        high=value + half,
        n=first.n,
        n_reference=second.n,
        dimension=first.mean.size,
        note=_refusal(first.n, second.n, first.mean.size),
        influences=parts[0],
    )


def influences(
    generated: ArrayLike | Moments, reference: ArrayLike | Moments
) -> tuple[Floats | None, Floats | None]:
    """Return what each image adds to FID, (n,) and (m,), each of mean 0; None for moments.

    The influence of image x of the first set is 2(m₁−m₂)ᵀc + n/(n−1) cᵀ(I−G)c less its mean, with
    c = x − m₁ and G = S₁^−½ (S₁^½S₂S₁^½)^½ S₁^−½ the optimal map between the Gaussians: the
    derivative of FID by the image's weight (the infinitesimal jackknife; Efron, The jackknife, the
    bootstrap and other resampling plans, 1982, ch. 6). Its variance by n is the squared error of
    FID. Models that share prompts and seeds are compared by the difference of their influences,
    image by image.

    Raises:
        FeaturesError: as :func:`frechet_distance`.
        NonFiniteFeaturesError: as :func:`frechet_distance`.
    """
    return _influences(*_sides(generated, reference))[1:]


def _refusal(n: int, m: int, d: int) -> str:
    small = [f"{k} {who}" for k, who in ((n, "generated"), (m, "reference")) if k < d]
    if not small:
        return ""
    return f"not ranked: {' and '.join(small)} images, fewer than the {d} features"


def _sides(generated: ArrayLike | Moments, reference: ArrayLike | Moments) -> tuple[_Side, _Side]:
    first = _side(generated, "generated features")
    second = _side(reference, "reference features")
    if first.mean.size != second.mean.size:
        raise FeaturesError(
            f"generated features have dimension {first.mean.size}, "
            f"the reference {second.mean.size}"
        )
    return first, second


def _side(given: ArrayLike | Moments, what: str) -> _Side:
    if isinstance(given, Moments):
        return _Side(given.n, given.mean, *_cholesky(given.covariance), None)
    rows = checked(given, least=2, what=what)
    n, d = rows.shape
    if n <= d:
        mean = rows.mean(axis=0)
        return _Side(n, mean, (rows - mean) / np.sqrt(n - 1), None, rows)
    moments = Moments.of(rows)
    return _Side(n, moments.mean, *_cholesky(moments.covariance), rows)


def _cholesky(covariance: Floats) -> tuple[Floats, np.ndarray]:
    """Return F (r, d) with FᵀF the covariance of rank r, and the r columns taken first.

    Columns go by falling variance, which keeps the small singular values of products exact. Where
    the rank is not full, each next column is the one that has most left; what is left below d ε
    times the largest variance is rounding, and is left out.
    """
    from scipy.linalg import lapack

    d, variance = len(covariance), np.diag(covariance)
    order = np.argsort(-variance, kind="stable")
    packed, failed = lapack.dpotrf(covariance[np.ix_(order, order)].T, overwrite_a=1)
    rank = d
    if failed or np.diag(packed).min() ** 2 <= d * np.finfo(float).eps * variance.max():
        packed, pivots, rank, _ = lapack.dpstrf(covariance.T)  # symmetric: this copies once only
        packed, order = np.triu(packed), pivots - 1
    factor = np.empty((rank, d))
    factor[:, order] = packed[:rank]
    return factor, order[:rank]


def _product(first: _Side, second: _Side) -> Floats:
    """Return K = F₁F₂ᵀ, or its transpose where that has fewer rows."""
    if len(first.factor) <= len(second.factor):
        return first.factor @ second.factor.T
    return second.factor @ first.factor.T


def _log_determinant(first: _Side, second: _Side) -> float | None:
    """Return log det S₁S₂ from the Cholesky factors, None where one has no full rank."""
    known = 0.0
    for side in (first, second):
        if side.pivots is None or len(side.factor) < side.mean.size:
            return None
        diagonal = side.factor[np.arange(side.mean.size), side.pivots]
        known += 2 * float(np.log(np.abs(diagonal)).sum())
    return known


def _distance(first: _Side, second: _Side, product: Floats, squares: Floats | None) -> float:
    """Return FID; ``squares`` are the eigenvalues of KKᵀ, where they are known.

    Rounding may drown the smallest of them, so their product is held against the determinants. If
    they have relative errors eᵢ, FID is wrong by Σ sᵢeᵢ, at most the mean of s times Σ|eᵢ| since
    small ones have the large errors; and Σeᵢ, what the logarithms differ by, falls short of Σ|eᵢ|
    by √r where signs are random.
    """
    from scipy.linalg import svdvals

    apart = first.mean - second.mean
    whole = float(apart @ apart) + first.trace + second.trace
    known = _log_determinant(first, second)
    if squares is not None and known is not None and squares[0] > 0:
        values = np.sqrt(squares)
        distance = whole - 2 * float(values.sum())
        differ = abs(float(np.log(squares).sum()) - known) * np.sqrt(values.size)
        if differ * float(values.mean()) <= _ALLOWED * distance:
            return distance
    if product.size:  # else images of a side are all the same
        whole -= 2 * float(svdvals(product, check_finite=False).sum())
    return max(whole, 0.0)


def _influences(first: _Side, second: _Side) -> tuple[float, Floats | None, Floats | None]:
    """Return FID and both sides' influences from one decomposition."""
    from scipy.linalg import eigh

    if len(first.factor) > len(second.factor):
        value, of_second, of_first = _influences(second, first)
        return value, of_first, of_second
    product = _product(first, second)
    if product.size:
        squares, left = eigh(product @ product.T, check_finite=False, driver="evd")
    else:
        squares, left = np.zeros(0), np.zeros((0, 0))
    value = _distance(first, second, product, squares)
    kept = squares > squares.size * np.finfo(float).eps * squares.max(initial=0.0)
    root = squares[kept] ** 0.25
    left = left[:, kept]
    apart = first.mean - second.mean
    return (
        value,
        _influence(first, apart, left * root),
        _influence(second, -apart, (product.T @ left) / root),
    )


def _influence(side: _Side, apart: Floats, half: Floats) -> Floats | None:
    """Return one side's influences; ``half`` (r, s) is U s^½ of the product's singular vectors."""
    if side.rows is None:
        return None
    centred = side.rows - side.mean
    if side.pivots is None:  # row i of the factor is image i
        mapped = (side.n - 1) * np.square(half).sum(axis=1)
    else:
        from scipy.linalg import solve_triangular

        rows = solve_triangular(side.factor[:, side.pivots], centred[:, side.pivots].T, trans="T")
        mapped = np.square(half.T @ rows).sum(axis=0)
    # the covariance is that by n − 1, whose derivative by a weight is n/(n − 1) times larger
    spread = (np.square(centred).sum(axis=1) - mapped) * (side.n / (side.n - 1))
    around = 2 * centred @ apart + spread
    return around - around.mean()
