"""What a device measured: from the artifact ``device_run``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from harness import Signed
from harness.cost import NotMeasuredError
from harness_plugins.cost.records import Record, chosen, measured, platform

__all__ = ["busy", "device_memory", "latency", "remark", "waited"]

Statistic = Literal["headline", "p90", "min"]
Floats = NDArray[np.float64]
Metric = Callable[[Mapping[str, Any]], Signed]

_FLAGGED, _REFUSED = 0.02, 0.10
_SMALLEST_OF = 100
_REPLICATES = 200
_LEVELS = {"median": 0.5, "p90": 0.9}


def latency(statistic: Statistic = "headline", step: str | None = None) -> Metric:
    """Return the milliseconds of one evaluation of the item: the sum of calls times a statistic.

    Of no step named, those steps are summed that run a module; what holds other components, such
    as a whole ``decode``, stands in a step of its own and is not added to its parts. A model
    without any module is summed as a whole.

    A device that timed a component by several jobs gives the median of the jobs' statistics, and
    the interval is of jobs. Of one job or session it is of its calls: how sessions differ, it
    does not know. One minimum has none, for the bootstrap does not hold for extremes (Bickel &
    Freedman, Annals of Statistics 9, 1981, section 6).

    Args:
        statistic: ``"headline"`` is the device's own choice: the median on this machine, the
            shortest of 100 on Qualcomm AI Hub; ``"p90"``; or ``"min"`` of the first 100 calls.
        step: sum the components of this step alone.
    """

    def score(run: Mapping[str, Any]) -> Signed:
        measured(run)
        parts = _summed(run["components"], step)
        jobs = [_jobs(part) for part in parts]
        which = run["statistic"] if statistic == "headline" else statistic
        if statistic == "min":
            jobs = [[calls[:_SMALLEST_OF] for calls in own] for own in jobs]
        calls = [part["calls"] for part in parts]
        found = [float(np.median(_of(which, own))) for own in jobs]
        value = sum(n * own for n, own in zip(calls, found, strict=True))
        drawn = [_resampled(which, own) for own in jobs]
        known = [n * own for n, own in zip(calls, drawn, strict=True) if own is not None]
        share = _waited(parts)
        return Signed(
            value / 1e3,
            how=f"{_named(which, jobs)}|{platform(run)}",
            replicates=tuple((sum(known) / 1e3).tolist()) if len(known) == len(parts) else (),
            n=min(len(own) if len(own) > 1 else own[0].size for own in jobs),
            note="; ".join(_remarks(run, parts, share)),
            unranked=busy(share),
        )

    return score


def waited(step: str | None = None) -> Metric:
    """Return the percentage of the time that was spent waiting for a core."""

    def score(run: Mapping[str, Any]) -> Signed:
        measured(run)
        share = _waited(_summed(run["components"], step))
        if share is None:
            raise NotMeasuredError("the device does not tell how long it waited for a core")
        return Signed(100 * share, how=platform(run))

    return score


def device_memory(step: str | None = None) -> Metric:
    """Return the MB that the device reports: the most of any component.

    What it is, the device says; the signature tells it.
    """

    def score(run: Mapping[str, Any]) -> Signed:
        measured(run)
        parts = chosen(run["components"], step)
        reported = [part["memory_bytes"] for part in parts if part.get("memory_bytes")]
        if not reported:
            raise NotMeasuredError("the device reports no memory")
        what = next(iter(reported[0]))
        most = max(own[what] for own in reported if what in own)
        return Signed(most / 1e6, how=f"{what}|{platform(run)}")

    return score


def _summed(components: Sequence[Record], step: str | None) -> list[Record]:
    """Return the components of an evaluation, each with its samples.

    Raises:
        NotMeasuredError: there are none, or one has no samples.
    """
    parts = chosen(components, step)
    if step is None:
        run_modules = {part["step"] for part in parts if part.get("sha256")}
        parts = [part for part in parts if part["step"] in run_modules or not run_modules]
    for part in parts:
        if not part.get("samples_us"):
            reason = part.get("failure") or "it was not timed"
            raise NotMeasuredError(f"component {part['name']}: {reason}")
    return parts


def _jobs(part: Record) -> list[Floats]:
    """Return the times of each job that timed the component; of one session where none did."""
    found = [run["samples_us"] for run in part.get("runs") or () if run.get("samples_us")]
    return [np.asarray(own, np.float64) for own in found or [part["samples_us"]]]


def _of(which: str, jobs: Sequence[Floats]) -> list[float]:
    """Return a statistic of each job."""
    if which == "min":
        return [float(calls.min()) for calls in jobs]
    return [float(np.quantile(calls, _LEVELS[which])) for calls in jobs]


def _resampled(which: str, jobs: Sequence[Floats]) -> Floats | None:
    """Return bootstrap replicates (200,), None where there are none.

    Of several jobs, jobs are drawn. Of one, circular blocks of its calls, as long for a
    percentile as for the median.
    """
    from harness.stats import block_length, median_replicates, resample_indices

    if len(jobs) > 1:
        drawn = resample_indices(len(jobs), _REPLICATES)
        return np.asarray(np.median(np.array(_of(which, jobs))[drawn], axis=1))
    if which == "min":
        return None
    if which == "median":
        return median_replicates(jobs[0], replicates=_REPLICATES)
    n, length = jobs[0].size, block_length(jobs[0])
    starts = np.random.default_rng(0).integers(0, n, (_REPLICATES, -(-n // length)))
    blocks = (own[:, None] + np.arange(length) for own in starts)
    return np.array([np.quantile(jobs[0][own.ravel()[:n] % n], _LEVELS[which]) for own in blocks])


def _named(which: str, jobs: Sequence[Sequence[Floats]]) -> str:
    """Name a statistic; a minimum with the number of calls, on which it depends."""
    sizes = [calls.size for own in jobs for calls in own]
    least, most = min(sizes), max(sizes)
    of = f" of {least}" + (f"…{most}" if most > least else "") if which == "min" else ""
    several = max(len(own) for own in jobs)
    return f"{which}{of}" + (f", median of {several} jobs" if several > 1 else "")


def _waited(parts: Sequence[Record]) -> float | None:
    """Return the share of the time spent waiting for a core, or None where no one knows it."""
    shares = [
        (part.get("waited"), part["calls"] * np.median(part["samples_us"])) for part in parts
    ]
    known = [(share, weight) for share, weight in shares if share is not None]
    if not known:
        return None
    return float(sum(s * w for s, w in known) / sum(w for _, w in known))


def busy(share: float | None) -> str:
    """Return why a number that was taken on a busy machine is not ranked, "" where it is."""
    if share is None or share <= _REFUSED:
        return ""
    return f"not ranked: {share:.0%} of the time was spent waiting for a core"


def _remarks(run: Record, parts: Sequence[Record], share: float | None) -> list[str]:
    found = [text] if (text := remark(share)) else []
    unsettled = [part["name"] for part in parts if part.get("settled") is False]
    if unsettled:
        found.append(f"times of {', '.join(unsettled)} had not settled when the warm-up ended")
    if run.get("left_out"):
        found.append(f"without {', '.join(run['left_out'])}: no module, it cannot run there")
    return found


def remark(share: float | None) -> str:
    """Return what is said of a number that was taken on a machine with other work."""
    if share is None or not _FLAGGED < share <= _REFUSED:
        return ""
    return f"{share:.1%} of the time was spent waiting for a core"
