"""Scores aggregated over drawn items, and over drawn runs where there are several seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from harness.board.columns import Aggregate, Estimate, Floats
from harness.board.gather import Scores
from harness.board.model import NAN
from harness.stats import (
    bootstrap_replicates,
    complete_runs,
    crossed_interval,
    crossed_replicates,
    percentile_interval,
    resample_indices,
    restrict_resamples,
)

__all__ = ["Aggregates", "Drawn"]

_SEED = 20_240_229  # of all resampling on a board: the same scores give the same board


class Drawn:
    """What is drawn anew on one dataset: items and elements for all entries, runs for each.

    Attributes:
        items, elements: (B, N) indices into what the scores are of.
        runs: entry to (B, S) indices into the seeds; empty where there is one. They depend on
            what was trained, model and parameters, so that variants of one trained model stay
            pairs, and on nothing else, so that further rows change no number.

    Args:
        scores: on the dataset.
        replicates: B.
        trained: entry to what names its training; of one that is not in it, its label.
    """

    def __init__(self, scores: Scores, replicates: int, trained: Mapping[str, str]) -> None:
        self.items = resample_indices(max(1, len(scores.items)), replicates, seed=_SEED)
        self.elements = self.items[:, :0]
        self._over = {False: Aggregates(self.items)}
        if scores.elements:
            self.elements = resample_indices(len(scores.elements), replicates, seed=_SEED)
            self._over[True] = Aggregates(self.elements)
        of_training = {
            name: resample_indices(
                len(scores.seeds),
                replicates,
                seed=np.random.default_rng([_SEED, crc32(name.encode(errors="replace"))]),
            )
            for name in {trained.get(label, label) for label in scores.entries}
            if scores.seeds
        }
        self.runs = {
            label: of_training[trained.get(label, label)]
            for label in scores.entries
            if scores.seeds
        }

    def over(self, *, split: bool) -> Aggregates:
        """Return what aggregates over items, or over elements."""
        return self._over[split]


class Aggregates:
    """Aggregates scores over items, on resamples that all of them share.

    Args:
        resamples: (B, N) item indices.
    """

    def __init__(self, resamples: NDArray[np.intp]) -> None:
        self._resamples = resamples
        self._drawn: dict[int, NDArray[np.intp]] = {resamples.shape[1]: resamples}

    def estimates(
        self, values: Floats, aggregate: Aggregate, signatures: Sequence[str]
    ) -> list[Estimate]:
        """Aggregate many rows of item scores: (K, N), NaN where there is none.

        A row with scores of fewer items than others stands on its own resamples, and is
        compared with none.
        """
        whole = ~np.any(np.isnan(values), axis=1) & (values.shape[1] > 0)
        found: dict[int, Estimate] = {}
        if np.any(whole):
            rows = np.flatnonzero(whole)
            parts = self._aggregate(values[rows], aggregate)
            for row, value, low, high, replicates in zip(rows, *parts, strict=True):
                found[int(row)] = Estimate(
                    value=float(value),
                    signature=signatures[int(row)],
                    n=values.shape[1],
                    low=float(low),
                    high=float(high),
                    replicates=replicates,
                )
        for row in np.flatnonzero(~whole):
            found[int(row)] = self._partial(values[row], aggregate, signatures[int(row)])
        return [found[row] for row in range(len(values))]

    def _aggregate(
        self, values: Floats, aggregate: Aggregate
    ) -> tuple[Floats, Floats, Floats, Floats]:
        """Return values (K,), lower and upper ends (K,), and replicates (K, B)."""
        n = values.shape[1]
        with np.errstate(invalid="ignore", divide="ignore"):
            replicates = bootstrap_replicates(values, self._resamples_of(n), aggregate)
            low, high = percentile_interval(replicates, n)
            return np.asarray(aggregate(values)), low, high, replicates

    def _resamples_of(self, n: int) -> NDArray[np.intp]:
        if n not in self._drawn:
            self._drawn[n] = resample_indices(n, self._resamples.shape[0], seed=n)
        return self._drawn[n]

    def _partial(self, values: Floats, aggregate: Aggregate, signature: str) -> Estimate:
        there = values[~np.isnan(values)]
        if there.size == 0:
            return Estimate(value=NAN, signature=signature, note="no score")
        value, low, high, _ = (part[0] for part in self._aggregate(there[None], aggregate))
        return Estimate(
            value=float(value),
            signature=signature,
            n=there.size,
            low=float(low),
            high=float(high),
            note=f"{values.size - there.size} of {values.size} items have no score",
        )

    def of_runs(
        self,
        values: Floats,
        aggregate: Aggregate,
        signatures: Sequence[str],
        draws: Sequence[NDArray[np.intp]],
    ) -> list[Estimate]:
        """Aggregate many rows of scores of several runs: (K, S, N), NaN where there is none.

        An item counts where one run has a score of it; what other runs lack of it is filled in
        as :func:`harness.stats.complete_runs` does. A row with scores of fewer items than
        others, or of a single run, is compared with none.

        Args:
            draws: of each row, the (B, S) drawn runs of its entry.
        """
        lost = np.isnan(values)
        present, lacking = ~np.all(lost, axis=2), np.any(lost, axis=(1, 2))
        planned = int(np.sum(np.any(present, axis=0)))
        whole = ~np.any(np.all(lost, axis=1), axis=1)
        groups: dict[bytes, list[int]] = {}
        for row in range(len(values)):
            own = present[row].tobytes() if whole[row] else b"%d" % row
            groups.setdefault(own, []).append(row)
        found: dict[int, Estimate] = {}
        for rows in groups.values():
            there, items = present[rows[0]], ~np.all(np.isnan(values[rows[0]]), axis=0)
            if not there.any():
                for row in rows:
                    found[row] = Estimate(value=NAN, signature=signatures[row], note="no score")
                continue
            scores = values[rows][:, there][:, :, items]
            drawn = np.stack([restrict_resamples(draws[row], there) for row in rows])
            for row, estimate in zip(rows, self._crossed(scores, aggregate, drawn), strict=True):
                estimate.signature = signatures[row]
                estimate.note = _lacking(lost[row], planned) if lacking[row] else ""
                if not whole[row] or (estimate.seeds == 1 and planned > 1):
                    estimate.replicates = None
                found[row] = estimate
        return [found[row] for row in range(len(values))]

    def _crossed(
        self, scores: Floats, aggregate: Aggregate, draws: NDArray[np.intp]
    ) -> list[Estimate]:
        """Return the estimates of rows (K, S, N) that lack no run and no item."""
        _, runs, n = scores.shape
        filled = complete_runs(scores)
        with np.errstate(invalid="ignore", divide="ignore"):
            values = np.asarray(aggregate(filled.reshape(len(filled), -1)))
            replicates = crossed_replicates(filled, self._resamples_of(n), draws, aggregate)
            low, high = crossed_interval(replicates, values, n, draws)
        return [
            Estimate(
                value=float(values[k]),
                signature="",
                n=n,
                low=float(low[k]),
                high=float(high[k]),
                replicates=replicates[k],
                seeds=runs,
                draws=draws[k],
            )
            for k in range(len(filled))
        ]


def _lacking(lost: NDArray[np.bool_], planned: int) -> str:
    """Say what (S, N) scores lack, given which are lost: whole runs, scores of runs, items."""
    there, items = ~lost.all(axis=1), ~lost.all(axis=0)
    said = []
    if (runs := int(there.sum())) < planned:
        alone = ", so its interval knows items only" if runs == 1 else ""
        said.append(f"{planned - runs} of {planned} runs (seeds) are missing{alone}")
    if cells := int(lost[there][:, items].sum()):
        said.append(f"{cells} of {runs * int(items.sum())} scores of runs are missing")
    if gone := int((~items).sum()):
        said.append(f"{gone} of {items.size} items have no score")
    return "; ".join(said)
