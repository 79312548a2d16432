"""How scores of behaviour are computed from each entry's episodes.

Every function takes the curves of one dataset: ``scores[metric]`` is (1, N episodes), and
``by_seed[metric]`` (S, 1, N) over S training runs. Replicates draw episodes, the same for all
entries, and training runs, for each entry on its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

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
            beside=(top, bottom),
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
        yield _score(
            curve, name, signature, float(wins.mean()), _of_wins(wins, curve, base), beside=(base,)
        )


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
        means, replicates = [], []
        for context in named:
            inside = keep & (contexts == context)
            means.append(float(returns[inside].mean()))
            replicates.append(_replicates(_restricted(curve, inside), "episode_return"))
        yield _score(
            curve,
            "return_worst_context",
            signature,
            min(means),
            np.min(replicates, axis=0),
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
        yield _score(curve, "latching_gap", signature, value, gap, beside=(base,))


def _row(curves: Sequence[Curve], model: str) -> Curve | None:
    """Return the entry of a model: the row of its name, with or without parameters."""
    for curve in curves:
        name = curve.entry
        if name == model or name.startswith((f"{model}(", f"{model}+", f"{model} (")):
            return curve
    return None


def _mean(curve: Curve, metric: str) -> float:
    there = curve.scores[metric][0]
    there = there[~np.isnan(there)]
    return float(there.mean()) if there.size else _NAN


def _replicates(curve: Curve, metric: str) -> Floats:
    found: Floats = stats.curve_replicates(curve, metric)[0]
    return found


def _by_seed(curve: Curve, metric: str) -> Floats:
    """Return (S, N)."""
    own = curve.by_seed.get(metric)
    return curve.scores[metric] if own is None else own[:, 0]


def _of_wins(wins: Floats, ours: Curve, theirs: Curve) -> Floats:
    """Return (B,) replicates of the mean of (S, Q, N) over drawn episodes and runs of both."""
    if ours.entry == theirs.entry:
        return np.full(len(ours.resamples), float(wins.mean()))
    found = _drawn(wins.mean(axis=1), ours)
    over = wins.mean(axis=0)
    if len(over) > 1:  # what drawing their runs changes besides
        found = found + _drawn(over, theirs) - _drawn(over.mean(axis=0)[None], theirs)
    return found


def _drawn(values: Floats, curve: Curve) -> Floats:
    """Return (B,) means of (S, N) on the curve's drawn episodes and runs."""
    draws = curve.resamples if curve.seed_resamples is None else curve.seed_resamples
    found: Floats = stats.crossed_replicates(values, curve.resamples, draws)
    return found


def _restricted(curve: Curve, inside: NDArray[np.bool_]) -> Curve:
    """Return a curve of some of the episodes."""
    return replace(
        curve,
        items=tuple(i for i, kept in zip(curve.items, inside, strict=True) if kept),
        scores={name: v[:, inside] for name, v in curve.scores.items()},
        by_seed={name: v[:, :, inside] for name, v in curve.by_seed.items()},
        resamples=stats.restrict_resamples(curve.resamples, inside),
    )


def _score(
    curve: Curve,
    name: str,
    signature: str,
    value: float,
    replicates: Floats,
    details: dict[str, float] | None = None,
    *,
    beside: Sequence[Curve] = (),
) -> DerivedScore:
    """Return a score with its interval; ``beside`` are other rows that it is made from."""
    if np.isnan(value):
        return _refused(curve, name, signature, "none of its episodes has a score")
    draws = [c.seed_resamples for c in {c.entry: c for c in (curve, *beside)}.values()]
    low, high = stats.crossed_interval(replicates, value, len(curve.items), *draws)
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
