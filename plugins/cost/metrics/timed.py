"""What a device measured: from the artifact ``device_run``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from harness import Signed
from harness.cost import NotMeasuredError
from harness_plugins.cost.records import Record, chosen, measured, platform

__all__ = ["device_memory", "latency", "waited"]

Statistic = Literal["headline", "p90", "min"]
Floats = NDArray[np.float64]
Metric = Callable[[Mapping[str, Any]], Signed]

_FLAGGED, _REFUSED = 0.02, 0.10
_SMALLEST_OF = 100
_REPLICATES = 200


def latency(statistic: Statistic = "headline", step: str | None = None) -> Metric:
    """Return the milliseconds of one evaluation of the item: the sum of calls times a statistic.

    Of no step named, those steps are summed that run a module; what holds other components, such
    as a whole ``decode``, stands in a step of its own and is not added to its parts. A model
    without any module is summed as a whole.

    The interval is of the calls of this one run: what differs between runs it does not know. A
    minimum has none: the bootstrap does not hold for extremes (Bickel & Freedman, Annals of
    Statistics 9, 1981, section 6).

    Args:
        statistic: ``"headline"`` is the device's own choice: the median on this machine, the
            shortest of 100 on Qualcomm AI Hub; ``"p90"``; or ``"min"`` of the first 100 calls.
        step: sum the components of this step alone.
    """

    def score(run: Mapping[str, Any]) -> Signed:
        measured(run)
        parts = _summed(run["components"], step)
        samples = [np.asarray(part["samples_us"], np.float64) for part in parts]
        which = run["statistic"] if statistic == "headline" else statistic
        if which == "min":
            samples = [own if statistic == "headline" else own[:_SMALLEST_OF] for own in samples]
        calls = [part["calls"] for part in parts]
        value = sum(n * _of(which, own) for n, own in zip(calls, samples, strict=True)) / 1e3
        replicates: tuple[float, ...] = ()
        if which != "min":
            drawn = sum(n * _resampled(which, own) for n, own in zip(calls, samples, strict=True))
            replicates = tuple((drawn / 1e3).tolist())
        share = _waited(parts)
        return Signed(
            value,
            how="|".join(filter(None, (_named(which, samples), platform(run), _busy(share)))),
            replicates=replicates,
            n=min(own.size for own in samples),
            note=_remark(share),
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


def _of(which: str, samples: Floats) -> float:
    if which == "median":
        return float(np.median(samples))
    return float(np.min(samples)) if which == "min" else float(np.quantile(samples, 0.9))


def _resampled(which: str, samples: Floats) -> Floats:
    """Return bootstrap replicates of a median or 90th percentile: (200,).

    That of the percentile draws circular blocks of calls, as long as those of the median are.
    """
    from harness.stats import block_length, median_replicates

    if which == "median":
        return median_replicates(samples, replicates=_REPLICATES)
    n, length = samples.size, block_length(samples)
    starts = np.random.default_rng(0).integers(0, n, (_REPLICATES, -(-n // length)))
    blocks = (own[:, None] + np.arange(length) for own in starts)
    return np.array([np.quantile(samples[own.ravel()[:n] % n], 0.9) for own in blocks])


def _named(which: str, samples: Sequence[Floats]) -> str:
    """Name a statistic; the minimum with the number of calls, on which it depends."""
    if which != "min":
        return which
    sizes = sorted({own.size for own in samples})
    return f"min of {sizes[0]}" if len(sizes) == 1 else f"min of {sizes[0]}…{sizes[-1]}"


def _waited(parts: Sequence[Record]) -> float | None:
    """Return the share of the time spent waiting for a core, or None where no one knows it."""
    shares = [
        (part.get("waited"), part["calls"] * np.median(part["samples_us"])) for part in parts
    ]
    known = [(share, weight) for share, weight in shares if share is not None]
    if not known:
        return None
    return float(sum(s * w for s, w in known) / sum(w for _, w in known))


def _busy(share: float | None) -> str:
    return f"waited>{_REFUSED:.0%}" if share is not None and share > _REFUSED else ""


def _remark(share: float | None) -> str:
    if share is None or share <= _FLAGGED:
        return ""
    return f"{share:.1%} of the time was spent waiting for a core: the machine was busy"
