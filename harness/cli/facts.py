"""All there is to know of a name, as plain data in the order in which it is shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from harness.cli.state import state
from harness.errors import UsageError
from harness.registry import KINDS, Registry, installed
from harness.registry.lookup import singular

__all__ = ["facts", "known_names"]

Facts = dict[str, Any]


def known_names(registry: Registry) -> list[str]:
    """Return every name ``harness show`` knows: of all kinds, tasks and plugins."""
    names = [name for kind in KINDS for name in registry.all(kind)]
    tasks = [f"{f.name}/{t.name}" for f in registry.all("families").values() for t in f.tasks]
    return [*names, *tasks, *(p.name for p in registry.plugins)]


def facts(registry: Registry, name: str) -> list[Facts]:
    """Return what is known of a name, once for each thing that carries it."""
    found = [_declared(registry, kind, name) for kind in KINDS if name in registry.all(kind)]
    for family in registry.all("families").values():
        full = {f"{family.name}/{t.name}": t for t in family.tasks}
        found += [_task(registry, family, t) for f, t in full.items() if name in (f, t.name)]
    found += [_plugin(registry, p) for p in registry.plugins if p.name == name]
    return found


def _declared(registry: Registry, kind: str, name: str) -> Facts:
    declared = registry.all(kind)[name]
    owner = registry.owner(kind, name)
    told: Facts = {"name": name, "what": singular(kind), "summary": declared.summary}
    if kind in ("models", "variants", "metrics", "datasets", "devices", "crosschecks"):
        there = state(kind, declared)
        told["available"] = there.available
        if not there.ok:
            told |= {"because": there.reason, "what_to_do": there.remedy}
    told |= _OWN[kind](registry, declared)
    told["plugin"] = f"{owner.name} ({owner.distribution or owner.origin} {owner.version}".rstrip()
    told["plugin"] += ")"
    if (kind, name) in registry.conflicts:
        told["claimed_by"] = registry.conflicts[kind, name]
    return told


def _model(_: Registry, model: Any) -> Facts:
    return {
        "family": model.family,
        "tags": model.tags,
        "parameters": dict(model.params),
        "points": {axis: list(values) for axis, values in model.points.items()},
        "variants": {name: dict(changes) for name, changes in model.variants.items()},
        "factory": model.factory,
        "skeleton": model.skeleton,
        **_needs(model),
        "licence": model.licence,
        "paper": model.paper,
        "url": model.url,
    }


def _metric(_: Registry, metric: Any) -> Facts:
    return {
        "signature": metric.signature,
        "unit": metric.unit,
        "better": metric.better,
        "range": "{} to {}".format(*metric.range),
        "inputs": metric.inputs,
        "per": metric.per,
        "aggregate": metric.aggregate,
        "parameters": dict(metric.params),
        "factory": metric.factory,
        **_needs(metric),
        "paper": metric.paper,
    }


def _dataset(_: Registry, dataset: Any) -> Facts:
    return {
        "provides": dataset.provides,
        "version": dataset.version,
        "parameters": dict(dataset.params),
        "files": _files(dataset.name, dataset.files),
        **_needs(dataset),
        "licence": dataset.licence,
        "paper": dataset.paper,
        "url": dataset.url,
    }


def _family(registry: Registry, family: Any) -> Facts:
    models = registry.all("models").values()
    return {
        "interface": family.interface,
        "tasks": {f"{family.name}/{t.name}": _stages(t) for t in family.tasks},
        "panels": [p.title for p in family.panels],
        "conformance": family.conformance or "",
        "models": [m.name for m in models if m.family == family.name],
    }


def _task(registry: Registry, family: Any, task: Any) -> Facts:
    offered = {task.item, *(a.name for s in task.stages for a in s.outputs)}
    metrics, datasets = registry.all("metrics"), registry.all("datasets")
    return {
        "name": f"{family.name}/{task.name}",
        "what": "task",
        "summary": task.summary,
        "version": task.version,
        "stages": {
            s.name: f"{', '.join(s.inputs)} → {', '.join(a.name for a in s.outputs)}; "
            f"per {', '.join(s.per) or 'model'}"
            for s in task.stages
        },
        "datasets": [d.name for d in datasets.values() if d.provides == task.accepts],
        "metrics": [m.name for m in metrics.values() if set(m.inputs) <= offered],
    }


def _stages(task: Any) -> str:
    return " → ".join(s.name for s in task.stages)


def _suite(registry: Registry, suite: Any) -> Facts:
    from pathlib import Path

    from harness.suite import load_suite

    try:
        loaded = load_suite(
            Path(suite.path), lambda files: Registry.load(files) if files else registry
        )
    except UsageError as error:
        return {"path": suite.path, "faults": error.lines}
    return {
        "path": suite.path,
        "title": loaded.title,
        "tasks": [f"{f.name}/{t.name}" for f, t in loaded.tasks],
        "datasets": [d.dataset.name for d in loaded.datasets],
        "rows": [f"{e.label}" for e in loaded.entries],
        "metrics": [m.name for m in loaded.metrics],
        "ranked_by": loaded.board.rank_by or "",
        "anchor": loaded.board.anchor or "",
    }


def _plugin(registry: Registry, plugin: Any) -> Facts:
    told: Facts = {"name": plugin.name, "what": "plugin", "available": plugin.ok}
    if not plugin.ok:
        told["because"] = plugin.reason
    told |= {"origin": plugin.origin, "imports": plugin.heavy}
    told["distribution"] = f"{plugin.distribution} {plugin.version}".strip()
    for kind in KINDS:
        names = [n for n in registry.all(kind) if registry.owner(kind, n).name == plugin.name]
        if names:
            told[kind] = names
    return told


_OWN: Mapping[str, Callable[[Registry, Any], Facts]] = {
    "models": _model,
    "metrics": _metric,
    "datasets": _dataset,
    "families": _family,
    "derived": lambda registry, derived: {
        "unit": derived.unit,
        "better": derived.better,
        "inputs": derived.inputs,
        "compute": derived.compute,
        "parameters": dict(derived.params),
    },
    "suites": _suite,
    "devices": lambda registry, device: {
        "kind": device.kind,
        "parameters": dict(device.params),
        "factory": device.factory,
        **_needs(device),
        "alone": device.alone,
        "url": device.url,
    },
    "variants": lambda registry, variant: {
        "families": variant.families,
        "parameters": dict(variant.params),
        "calibrated": variant.calibrated,
        "wrap": variant.wrap,
        **_needs(variant),
        "paper": variant.paper,
    },
    "executors": lambda registry, executor: {"factory": executor.factory},
    "exporters": lambda registry, exporter: {"suffix": exporter.suffix, "write": exporter.write},
    "importers": lambda registry, importer: {"read": importer.read},
    "crosschecks": lambda registry, check: {
        "by": check.by,
        "canonical": check.canonical,
        "second": check.second,
        "parameters": dict(check.params),
        "between": check.between,
        "apart": check.apart,
        "pinned": check.pinned,
        "drift": check.drift,
        **_needs(check),
    },
}


def _needs(declared: Any) -> Facts:
    """Return requirements with what is installed, and weights with whether they are here."""
    names = {r: r.partition(">=")[0].strip() for r in declared.requires}
    told: Facts = {"requires": {r: installed(n) or "not installed" for r, n in names.items()}}
    told["extra"] = declared.extra
    if getattr(declared, "weights", ()):
        told["weights"] = _files(declared.name, declared.weights)
    return told


def _files(owner: str, resources: Sequence[Any]) -> list[Facts]:
    from harness.data import status

    return [
        {
            "name": r.name,
            "state": s.state,
            "size": s.size,
            "sha256": r.sha256,
            "licence": r.licence,
            "url": r.url,
        }
        for r, s in zip(resources, status(owner, resources) if resources else (), strict=True)
    ]
