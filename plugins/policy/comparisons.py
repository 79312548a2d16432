"""How scores of behaviour are computed from each entry's episodes.

Every function takes the curves of one dataset: ``scores[metric]`` is (1, N episodes), and
``by_seed[metric]`` (S, 1, N) over S training runs. Replicates draw episodes, the same for all
entries, and training runs, for each entry on its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from harness import stats
from harness.spec import Curve, DerivedScore

__all__ = [
    "latching_gap",
    "normalised_return",
    "probability_of_improvement",
    "return_worst_context",
    "success_rate",
]

Floats = NDArray[np.float64]

_NAN = float("nan")
_FEWEST = 5  # episodes of a context below which its mean says nothing
_NOISE = 3.0  # a scale must be longer than so many of its own standard errors


def normalised_return(
    curves: Sequence[Curve], _anchor: str | None, *, expert: str, random: str
) -> Iterator[DerivedScore]:
    """Yield (J − J_random) / (J_expert − J_random) of mean returns on the same episodes.

    Refused where the suite runs no expert or no random policy, and where the two are too near
    to each other: the scale itself would be noise.
    """
    top, bottom = _row(curves, expert), _row(curves, random)
    signature = f"(J - J_{random})/(J_{expert} - J_{random})|same episodes|v1"
    for curve in curves:
        if top is None or bottom is None:
            lacking = expert if top is None else random
            yield _refused(
                curve, "normalised_return", signature, f"the suite has no row {lacking!r}"
            )
            continue
        low, high = _mean(bottom, "episode_return"), _mean(top, "episode_return")
        low_b, high_b = (_replicates(c, "episode_return") for c in (bottom, top))
        error = float(np.std(high_b - low_b))
        if not high - low > _NOISE * error:
            reason = (
                f"expert ({high:.4g}) and random policy ({low:.4g}) are less than "
                f"{_NOISE:g} standard errors ({error:.3g}) apart: measure more episodes"
            )
            yield _refused(curve, "normalised_return", signature, reason)
            continue
        with np.errstate(divide="ignore", invalid="ignore"):
            replicates = (_replicates(curve, "episode_return") - low_b) / (high_b - low_b)
        yield _score(
            curve,
            "normalised_return",
            signature,
            (_mean(curve, "episode_return") - low) / (high - low),
            replicates,
            {"expert": high, "random": low},
        )


def probability_of_improvement(
    curves: Sequence[Curve], anchor: str | None
) -> Iterator[DerivedScore]:
    """Yield P(a run of the row beats a run of the anchor), averaged over episodes."""
    name, signature = "probability_of_improvement", f"P(X > {anchor})|runs by episodes|ties 0.5|v1"
    base = next((c for c in curves if c.entry == anchor), None)
    for curve in curves:
        if base is None:
            yield _refused(curve, name, signature, "the suite names no anchor")
            continue
        ours, theirs = _by_seed(curve, "episode_return"), _by_seed(base, "episode_return")
        wins = (ours[:, None] > theirs[None]) + 0.5 * (ours[:, None] == theirs[None])  # (S, Q, N)
        wins[np.isnan(ours[:, None] + theirs[None])] = 0.5
        yield _score(curve, name, signature, float(wins.mean()), _crossed(wins, curve, base))


def success_rate(curves: Sequence[Curve], _anchor: str | None) -> Iterator[DerivedScore]:
    """Yield the share of successes with Wilson's interval.

    Episodes of one training run are no independent trials: the number of trials is the one at
    which a binomial rate would scatter as the replicates do, and at most S x N.
    """
    signature = "successes / episodes|wilson 95%|effective trials|v1"
    for curve in curves:
        found = _by_seed(curve, "success")
        found = found[~np.isnan(found)]
        if not found.size:
            yield _refused(curve, "success_rate", signature, "no episode has a verdict")
            continue
        rate, replicates = float(found.mean()), _replicates(curve, "success")
        spread = float(np.var(replicates))
        trials = float(found.size)
        if spread > 0:
            trials = min(trials, rate * (1 - rate) / spread)
        low, high = stats.wilson_interval(rate * trials, trials)
        yield DerivedScore(
            entry=curve.entry,
            name="success_rate",
            value=rate,
            signature=signature,
            low=float(low),
            high=float(high),
            replicates=replicates,
            details={"successes": int(found.sum()), "episodes": int(found.size)},
        )


def return_worst_context(curves: Sequence[Curve], _anchor: str | None) -> Iterator[DerivedScore]:
    """Yield the lowest of the mean returns in each context; contexts of few episodes are left out.

    The minimum over contexts is taken in every replicate anew, so its interval is honest about
    which context is the worst.
    """
    signature = "min over contexts of the mean return|v1"
    for curve in curves:
        contexts = curve.scores["context_index"][0]
        returns = curve.scores["episode_return"][0]
        keep = np.isfinite(contexts) & np.isfinite(returns)
        named = [c for c in np.unique(contexts[keep]) if np.sum(contexts[keep] == c) >= _FEWEST]
        if not named:
            reason = f"no context has {_FEWEST} episodes"
            yield _refused(curve, "return_worst_context", signature, reason)
            continue
        drawn = stats.restrict_resamples(curve.resamples, keep)
        means, replicates = [], []
        for context in named:
            inside = (contexts[keep] == context).astype(float)
            means.append(float(returns[keep][inside > 0].mean()))
            weight = inside[drawn].sum(axis=1)
            total = (inside * returns[keep])[drawn].sum(axis=1)
            replicates.append(
                np.divide(total, weight, out=np.full(len(drawn), np.inf), where=weight > 0)
            )
        worst = np.min(replicates, axis=0)
        yield _score(
            curve,
            "return_worst_context",
            signature,
            min(means),
            np.where(np.isfinite(worst), worst, np.nan),
            {f"context {int(c)}": m for c, m in zip(named, means, strict=True)},
        )


def latching_gap(
    curves: Sequence[Curve], _anchor: str | None, *, expert: str
) -> Iterator[DerivedScore]:
    """Yield P(a_t = a_{t-1}) of the row less that of the expert, in the same episodes."""
    signature = f"P(a_t = a_t-1) - that of {expert}|same episodes|v1"
    base = _row(curves, expert)
    for curve in curves:
        if base is None:
            yield _refused(curve, "latching_gap", signature, f"the suite has no row {expert!r}")
            continue
        gap = _replicates(curve, "action_repeats") - _replicates(base, "action_repeats")
        value = _mean(curve, "action_repeats") - _mean(base, "action_repeats")
        yield _score(curve, "latching_gap", signature, value, gap)


def _row(curves: Sequence[Curve], model: str) -> Curve | None:
    """Return the entry of a model: the row of its name, with or without parameters."""
    for curve in curves:
        name = curve.entry
        if name == model or name.startswith((f"{model}(", f"{model}+", f"{model} (")):
            return curve
    return None


def _mean(curve: Curve, metric: str) -> float:
    return float(np.nanmean(curve.scores[metric][0]))


def _replicates(curve: Curve, metric: str) -> Floats:
    found: Floats = stats.curve_replicates(curve, metric)[0]
    return found


def _by_seed(curve: Curve, metric: str) -> Floats:
    """Return (S, N)."""
    own = curve.by_seed.get(metric)
    return curve.scores[metric] if own is None else own[:, 0]


def _crossed(cells: Floats, ours: Curve, theirs: Curve) -> Floats:
    """Average cells (S, Q, N) over drawn runs of both sides and drawn episodes: (B,)."""
    s, q, n = cells.shape
    count = len(ours.resamples)
    mine = _weights(ours.seed_resamples, s, count)
    other = _weights(theirs.seed_resamples, q, count)
    if ours.entry == theirs.entry:
        other = mine
    items = _weights(ours.resamples, n, count)
    by_item = np.einsum("bs,bq,sqn->bn", mine, other, cells, optimize=True)
    return np.einsum("bn,bn->b", by_item, items)


def _weights(drawn: NDArray[np.intp] | None, size: int, count: int) -> Floats:
    """Return how often each was drawn, as shares: (B, size)."""
    if drawn is None:
        return np.full((count, size), 1.0 / size)
    flat = (drawn + size * np.arange(count)[:, None]).ravel()
    return np.bincount(flat, minlength=count * size).reshape(count, size) / drawn.shape[1]


def _score(
    curve: Curve,
    name: str,
    signature: str,
    value: float,
    replicates: Floats,
    details: dict[str, float] | None = None,
) -> DerivedScore:
    low, high = stats.percentile_interval(replicates, max(2, len(curve.items)))
    return DerivedScore(
        entry=curve.entry,
        name=name,
        value=value,
        signature=signature,
        low=float(low),
        high=float(high),
        replicates=replicates,
        details=details or {},
    )


def _refused(curve: Curve, name: str, signature: str, reason: str) -> DerivedScore:
    return DerivedScore(
        entry=curve.entry, name=name, value=_NAN, signature=signature, refusal=reason
    )
