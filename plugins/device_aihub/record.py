"""What AI Hub tells of a job that is done: from the wire, where its client drops half of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from qai_hub import public_api_pb2 as pb

__all__ = ["compiled", "component", "measured"]

_STAGES = {
    "inference": "execution",
    "first_load": "cold_load",
    "warm_load": "warm_load",
    "compile": "compile",
}


def compiled(job: Any, result: Any) -> dict[str, Any]:
    """Return what is kept of a compile job: the model it made, its inputs, and with what."""
    part = job.compile_job
    return {
        "model": part.target_model.model_id,
        "inputs": [
            [t.name, _dtype(t.tensor_type.dtype)] for t in part.target_tensor_type_list.types
        ],
        "tool_versions": _tools(result.compile_job_result.compile_detail.tool_versions),
        "metadata": {
            pb.ModelMetadataKey.Name(key).removeprefix("MODEL_METADATA_KEY_").lower(): value
            for key, value in sorted(part.target_model.metadata.entries.items())
            if key in pb.ModelMetadataKey.values()
        },
        **_times(part),
    }


def measured(job: Any, result: Any) -> dict[str, Any]:
    """Return what is kept of an inference job.

    Times in µs, memory in bytes, moments in seconds since 1970.
    """
    part, detail = job.inference_job, result.inference_job_result.detail
    samples = list(detail.all_execution_times) or [detail.execution_time]
    return {
        "device": part.device.name,
        "os": part.device.os,
        "soc": part.device.soc_description or _chipset(part.device.attributes),
        "hub_version": job.hub_version,
        "samples_us": samples,
        "estimated_us": detail.execution_time,
        "loads_us": {
            "first": list(detail.all_cold_load_times) or _given(detail.cold_load_time),
            "warm": list(detail.all_warm_load_times) or _given(detail.warm_load_time),
            "compile": list(detail.all_compile_times) or _given(detail.compile_time),
        },
        "memory_ranges": _memory(detail),
        **_placement(detail.layer_details),
        "segments": [
            {"unit": _unit(s.compute_unit), "delegate": s.delegate_name, "us": s.execution_time}
            for s in detail.segment_details
        ],
        "tool_versions": _tools(detail.tool_versions),
        "runtime_config": {
            config.name: {p.key: p.value for p in config.properties}
            for config in detail.runtime_config
        },
        "failure_type": pb.JobFailureType.Name(job.failure_type)
        if job.failure_type in pb.JobFailureType.values()
        else str(job.failure_type),
        "notices": [notice.message for notice in job.notices],
        **_times(part),
    }


def component(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the part of a component's record that its jobs make up.

    ``samples_us`` are those of all jobs, one after the other. ``between`` tells how far jobs
    differ, which no number of calls within one job shows.
    """
    least = [min(run["samples_us"]) for run in runs]
    first = runs[0]
    peaks = {
        f"{stage} {what}": max(run["memory_ranges"][stage][what][1] for run in runs)
        for stage in _STAGES
        for what in ("peak", "increase")
        if all(what in run["memory_ranges"].get(stage, {}) for run in runs)
    }
    return {
        "samples_us": [sample for run in runs for sample in run["samples_us"]],
        "warm_up": 0,
        "cpu_us": None,
        "waited": None,
        "parts": {},
        "memory_bytes": peaks,
        "placement": first["placement"],
        "placement_us": first["placement_us"],
        "placement_types": first["placement_types"],
        "fallback": _fallback(first["placement_types"]),
        "between": {"min_us": least, "spread": max(least) / min(least) if min(least) else None},
        "runs": list(runs),
    }


def _placement(layers: Sequence[Any]) -> dict[str, Any]:
    """Return where layers ran: number, time and kinds of them by unit."""
    counts: Counter[str] = Counter()
    times: Counter[str] = Counter()
    cycles: Counter[str] = Counter()
    types: dict[str, Counter[str]] = {}
    for layer in layers:
        unit = _unit(layer.compute_unit)
        counts[unit] += 1
        types.setdefault(unit, Counter())[layer.layer_type_name] += 1
        if layer.HasField("execution_time"):
            times[unit] += layer.execution_time
        if layer.HasField("execution_cycles"):
            cycles[unit] += layer.execution_cycles
    return {
        "placement": dict(counts),
        "placement_us": dict(times),
        "placement_cycles": dict(cycles),
        "placement_types": {unit: dict(found.most_common()) for unit, found in types.items()},
    }


def _fallback(types: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    """Return the kinds of layers that ran elsewhere although others ran on the NPU."""
    found: Counter[str] = Counter()
    for unit, kinds in types.items() if "NPU" in types else ():
        if unit != "NPU":
            found.update(kinds)
    return dict(found)


def _memory(detail: Any) -> dict[str, dict[str, list[int]]]:
    """Return ``{stage: {"peak" | "increase": [lower, upper]}}``, where it was measured."""
    found: dict[str, dict[str, list[int]]] = {}
    for stage, wire in _STAGES.items():
        usage = getattr(detail, f"{wire}_memory")
        if usage.ByteSize():
            found[stage] = {
                what: [getattr(usage, what).lower, getattr(usage, what).upper]
                for what in ("peak", "increase")
            }
        elif peak := getattr(detail, f"after_{wire}_peak_memory"):
            found[stage] = {"peak": [peak, peak]}
    return found


def _times(part: Any) -> dict[str, float | None]:
    """Return when a job was made, queued, started and done."""
    names = {
        "created": "creation_time",
        "queued": "queued_time",
        "started": "start_time",
        "completed": "completion_time",
    }
    return {
        name: getattr(part, field).ToNanoseconds() / 1e9 if part.HasField(field) else None
        for name, field in names.items()
    }


def _tools(versions: Sequence[Any]) -> dict[str, str]:
    return {tool.name: tool.version for tool in versions}


def _unit(value: int) -> str:
    if value not in pb.ComputeUnit.values():
        return f"unknown {value}"
    return str(pb.ComputeUnit.Name(value).removeprefix("COMPUTE_UNIT_"))


def _dtype(value: int) -> str:
    return str(pb.TensorDtype.Name(value).removeprefix("TENSOR_DTYPE_").lower())


def _chipset(attributes: Sequence[str]) -> str:
    found = (a.removeprefix("chipset:") for a in attributes if a.startswith("chipset:"))
    return next(found, "")


def _given(value: int) -> list[int]:
    return [value] if value else []
