"""The metrics of cost, as declarations.

``cost`` is what :func:`harness.cost.stages.measure_cost` returns, ``device_run`` and
``device_outputs`` are those of :func:`harness.cost.stages.device`.
"""

from __future__ import annotations

from dataclasses import replace

from harness.spec import Metric

__all__ = ["METRICS", "of_step"]

_HERE = "harness_plugins.cost.metrics"
_INF = float("inf")
_LATENCY = "latency|sum over components of calls x statistic|one item"

_GMACS = Metric(
    name="gmacs",
    factory=f"{_HERE}.counted:gmacs",
    params={"convention": "dense", "step": None},
    inputs=("cost",),
    signature="macs|dense|eval|v1|one item",
    better="lower",
    unit="GMAC",
    range=(0.0, _INF),
    over_points="mean",
    summary="multiply-accumulates of one evaluation of the first item, all products counted",
)

_GMACS_DEEPSPEED = replace(
    _GMACS,
    name="gmacs_deepspeed",
    params={"convention": "deepspeed-0.5.10", "step": None},
    signature="macs|deepspeed-0.5.10|eval|v1|one item",
    summary="the same as DeepSpeed's profiler billed it, to compare with published numbers",
)

_PEAK = Metric(
    name="peak_activation",
    factory=f"{_HERE}.counted:peak_activation",
    params={"step": None},
    inputs=("cost",),
    signature="peak_activations|live-storages|eager|fused-attention|eval|v1|worst component",
    better="lower",
    unit="MB",
    range=(0.0, _INF),
    over_points="mean",
    digits=2,
    summary="the most live activations of any component, counted: the same on any machine",
)

_LATENCY_MS = Metric(
    name="latency_ms",
    factory=f"{_HERE}.timed:latency",
    params={"statistic": "headline", "step": None},
    inputs=("device_run",),
    signature=f"{_LATENCY}|v1",
    better="lower",
    unit="ms",
    range=(0.0, _INF),
    over_points="mean",
    summary="time of one evaluation of the first item; the signature names the statistic",
)

METRICS: tuple[Metric, ...] = (
    _GMACS,
    _GMACS_DEEPSPEED,
    replace(
        _GMACS,
        name="kmac_per_pixel",
        factory=f"{_HERE}.counted:kmac_per_pixel",
        params={"step": None},
        signature="macs|dense|eval|v1|per pixel of the first input",
        unit="kMAC/px",
        summary="thousands of multiply-accumulates for each pixel of the image",
    ),
    Metric(
        name="params_m",
        factory=f"{_HERE}.counted:parameters",
        inputs=("cost",),
        signature="parameters|of all components|shared once|v1",
        better="none",
        unit="M",
        range=(0.0, _INF),
        summary="millions of parameters",
    ),
    Metric(
        name="weight_bytes",
        factory=f"{_HERE}.counted:weight_bytes",
        inputs=("cost",),
        signature="weights|parameters and buffers as stored|of all components|shared once|v1",
        better="lower",
        unit="MB",
        range=(0.0, _INF),
        digits=2,
        summary="memory of parameters and buffers, by their dtypes",
    ),
    _PEAK,
    _LATENCY_MS,
    replace(
        _LATENCY_MS,
        name="latency_p90_ms",
        params={"statistic": "p90", "step": None},
        summary="time of one evaluation that 9 of 10 calls keep to",
    ),
    replace(
        _LATENCY_MS,
        name="latency_min_ms",
        params={"statistic": "min", "step": None},
        summary="shortest time of one evaluation in the first 100 calls",
    ),
    Metric(
        name="latency_ratio",
        factory=f"{_HERE}.pairs:latency_ratio",
        inputs=("device_pairs",),
        signature="latency ratio|to the anchor|all modules|one item|median of random pairs|v1",
        better="lower",
        range=(0.0, _INF),
        over_points="mean",
        summary="how many times as long as the suite's anchor one evaluation takes, in pairs",
    ),
    Metric(
        name="waited",
        factory=f"{_HERE}.timed:waited",
        params={"step": None},
        inputs=("device_run",),
        signature="waited|run delay of the timed calls|v1",
        better="lower",
        unit="%",
        range=(0.0, 100.0),
        over_points="mean",
        digits=2,
        summary="share of the timed calls spent waiting for a core: a busy machine times wrongly",
    ),
    Metric(
        name="device_memory_mb",
        factory=f"{_HERE}.timed:device_memory",
        params={"step": None},
        inputs=("device_run",),
        signature="device_memory|as the device reports it|worst component|v1",
        better="lower",
        unit="MB",
        range=(0.0, _INF),
        over_points="mean",
        digits=1,
        summary="memory as the device reports it; the signature says what it is",
    ),
    Metric(
        name="device_sqnr",
        factory=f"{_HERE}.outputs:device_sqnr",
        inputs=("device_run", "device_outputs"),
        signature="sqnr|device outputs against torch float32|worst component|v1",
        better="higher",
        unit="dB",
        digits=1,
        summary="how near the device's outputs are to those of float32 on this machine",
    ),
)


def of_step(step: str) -> tuple[Metric, ...]:
    """Return the metrics of one step of a family's models.

    They are ``gmacs_STEP``, ``gmacs_deepspeed_STEP``, ``peak_activation_STEP`` and
    ``latency_STEP_ms``.

    Args:
        step: as the models' components name it, e.g. ``"decode"``.
    """
    return tuple(
        replace(
            whole,
            name=name,
            params={**whole.params, "step": step},
            signature=f"{whole.signature}|{step}",
            summary=f"of {step} alone: {whole.summary}",
        )
        for name, whole in (
            (f"gmacs_{step}", _GMACS),
            (f"gmacs_deepspeed_{step}", _GMACS_DEEPSPEED),
            (f"peak_activation_{step}", _PEAK),
            (f"latency_{step}_ms", _LATENCY_MS),
        )
    )
