"""Suite to nodes: what has to be done, in which order, and on what each depends."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from fnmatch import fnmatchcase
from itertools import chain
from typing import Any

from harness.errors import UsageError, nearest
from harness.registry import Registry, check_available, resolve, versions
from harness.run.keys import PROTOCOL
from harness.run.node import AGAINST, Group, Node, Plan, Recipe, item_part
from harness.run.scope import Scope
from harness.spec import (
    Dataset,
    DeviceUse,
    Family,
    Item,
    Json,
    MatrixPanel,
    Metric,
    SeriesPanel,
    Stage,
    Task,
    Unavailable,
)
from harness.suite import Entry, Suite, SuiteDataset, VariantUse

__all__ = ["dataset_items", "dataset_label", "make_plan"]


def make_plan(
    suite: Suite, registry: Registry, *, only: Sequence[str] = (), limit: int | None = None
) -> Plan:
    """Expand a suite into nodes.

    Args:
        suite: what to run.
        registry: where the suite's names were found; digests of code come from it.
        only: globs over row labels; of other rows nothing is run, but what is done counts.
        limit: how many items of each dataset are taken at most.

    Raises:
        UsageError: ``only`` matches no row, a dataset is damaged or has no such item.
    """
    labels = [e.label for e in suite.entries]
    left_out = {e for e in labels if only and not any(fnmatchcase(e, g) for g in only)}
    for pattern in only:
        if not any(fnmatchcase(label, pattern) for label in labels):
            raise UsageError(f"--only {pattern}: no such row{nearest(pattern, labels)}")
    planner = _Planner(suite, registry, left_out)
    plan = Plan(suite=suite, nodes=[], datasets={})
    for use in suite.datasets:
        label = dataset_label(use)
        try:
            items, missing = dataset_items(use)[:limit], ""
            plan.sizes[label] = len(dataset_items(replace(use, items=("*",))))
        except Unavailable as error:
            items, missing = (), f"dataset {use.dataset.name}: {error}"
        plan.datasets[label] = items
        for _, task in suite.tasks:
            if task.accepts != use.dataset.provides:
                continue
            own = [e for e in suite.entries if _family(suite, task) == e.model.family]
            made = {
                entry.label: planner.nodes(entry, task, label, use.dataset, items, missing)
                for entry in sorted(own, key=lambda e: e.label != suite.board.anchor)
            }
            plan.nodes += chain.from_iterable(made[entry.label] for entry in own)
    return plan


def dataset_label(use: SuiteDataset) -> str:
    """Return how a dataset is called on the board: its name, and what the suite says of it."""
    said = [f"{k}={v}" for k, v in use.params.items() if k in use.said]
    return use.dataset.name + (f"({','.join(said)})" if said else "")


def _family(suite: Suite, task: Task) -> str:
    return next(family.name for family, t in suite.tasks if t is task)


def dataset_items(use: SuiteDataset) -> tuple[Item, ...]:
    """Return the items of a dataset that the suite uses.

    Raises:
        Unavailable: the data cannot be had here.
        UsageError: the data is damaged, or has no such item.
    """
    dataset = use.dataset
    check_available(dataset)
    try:
        found = tuple(resolve(dataset.index)(**use.params))
    except Unavailable:
        raise
    except (ValueError, OSError) as error:
        raise UsageError(f"dataset {dataset.name}: {error}") from None
    except Exception as error:  # noqa: BLE001 - a plugin may raise anything
        raise UsageError(f"dataset {dataset.name}: {type(error).__name__}: {error}") from None
    doubles = [i for i, n in Counter(item.id for item in found).items() if n > 1]
    if doubles:
        raise UsageError(f"dataset {dataset.name}: two items are called {doubles[0]!r}")
    for pattern in use.items:
        if not any(fnmatchcase(i.id, pattern) for i in found):
            hint = nearest(pattern, [i.id for i in found])
            raise UsageError(f"dataset {dataset.name}: no item {pattern!r}{hint}")
    return tuple(i for i in found if any(fnmatchcase(i.id, g) for g in use.items))


class _Planner:
    """Makes the nodes of one entry on one dataset after the other."""

    def __init__(self, suite: Suite, registry: Registry, left_out: AbstractSet[str]) -> None:
        self.suite, self.registry, self._left_out = suite, registry, left_out
        self._metric_verdicts = {m.name: self._verdict(m, m.params) for m in suite.metrics}
        self._files = {p.stem: str(p.resolve()) for p in suite.plugins}
        self._files |= {p.name: p.origin for p in registry.plugins if p.ok and p.source is None}
        self._model_verdicts: dict[str, tuple[str, str] | None] = {}
        self._device_verdicts: dict[str, tuple[str, str] | None] = {}
        self._families = {family.name: family for family, _ in suite.tasks}
        self._anchors: dict[tuple[str, str], Scope] = {}  # by dataset and task

    def nodes(
        self,
        entry: Entry,
        task: Task,
        label: str,
        dataset: Dataset,
        items: tuple[Item, ...],
        missing: str,
    ) -> list[Node]:
        """Return the nodes of an entry on a dataset, dependencies first."""
        verdict = self._entry_verdict(entry, missing)
        skip = verdict if verdict and verdict[0] == "skipped" else None
        scope = Scope(entry, task, label, dataset, items or (Item("*", ""),), self.suite.seeds)
        if entry.label == self.suite.board.anchor:
            self._anchors[label, task.name] = scope
        for stage in self._needed(task):
            anchor = self._anchors.get((label, task.name)) if stage.against else None
            if stage.against and anchor in (None, scope):
                scope.withhold(stage)
                continue
            inputs = (*stage.inputs, *(stage.privileged if entry.privileged else ()))
            if not stage.aside:
                scope.check(stage.name, inputs, stage.per)
            recipe = self._stage(scope, stage, inputs, anchor)
            own = self._stage_verdict(entry, task, stage, missing) if skip is None else verdict
            if own is None and anchor is not None:
                own = self._stage_verdict(anchor.entry, task, stage, missing)
            scope.add(
                "stage",
                stage.name,
                inputs,
                stage.per,
                recipe,
                own,
                aside=stage.aside,
                against=anchor,
            )
        for metric in self.suite.metrics:
            if set(metric.inputs) <= scope.offered:
                axes = scope.axes(metric.inputs, without_item=metric.per == "set")
                recipe = self._scoring(scope, metric)
                scope.add(
                    "score",
                    metric.name,
                    metric.inputs,
                    axes,
                    recipe,
                    skip or self._metric_verdicts[metric.name],
                )
        return scope.ordered()

    def _needed(self, task: Task) -> list[Stage]:
        """Return the stages to run: the models' own, and what something reads of the others."""
        family = next(family for family, t in self.suite.tasks if t is task)
        read = {name for metric in self.suite.metrics for name in metric.inputs}
        for panel in family.panels:
            if isinstance(panel, MatrixPanel | SeriesPanel):
                read |= set(panel.inputs)
        kept: list[Stage] = []
        for stage in reversed(task.stages):
            own = stage.model and not stage.aside
            if own or any(output.name in read for output in stage.outputs):
                read |= {*stage.inputs, *stage.privileged}
                kept.append(stage)
        return kept[::-1]

    def _entry_verdict(self, entry: Entry, missing: str) -> tuple[str, str] | None:
        """Say what is clear of an entry's stages before running: left out, or not possible."""
        if entry.label in self._left_out:
            return "skipped", "left out by --only"
        if missing:
            return "unavailable", missing
        return self._model_verdict(entry)

    def _model_verdict(self, entry: Entry) -> tuple[str, str] | None:
        if entry.label not in self._model_verdicts:
            found = self._verdict(entry.model, entry.params)
            if found is None and entry.wraps is not None:
                found = self._wrap_verdict(entry.wraps)
            self._model_verdicts[entry.label] = found
        return self._model_verdicts[entry.label]

    def _wrap_verdict(self, wraps: VariantUse) -> tuple[str, str] | None:
        if wraps.calibration is not None:
            try:
                dataset_items(wraps.calibration)
            except Unavailable as error:
                return "unavailable", f"calibration: {error}"
        return self._verdict(wraps.variant, wraps.params)

    def _stage_verdict(
        self, entry: Entry, task: Task, stage: Stage, missing: str
    ) -> tuple[str, str] | None:
        """Say what is clear of one stage: it may need a device, or do without weights.

        A step of the protocol does without them where another stage does, which may read it.
        """
        if stage.device is not None:
            found = self._device_verdict(stage.device)
            if found is not None:
                return found
        found = self._entry_verdict(entry, missing)
        others = (stage,) if stage.model else task.stages
        bare = any(self._is_bare(entry, other) for other in others)
        if found is not None and found[0] == "unavailable" and bare:
            model = replace(entry.model, weights=())
            return found if missing else self._verdict(model, entry.params)
        return found

    def _is_bare(self, entry: Entry, stage: Stage) -> bool:
        """Whether a stage has to do with the model's structure: its weights are not here."""
        model = entry.model
        if not stage.weightless or model.skeleton is None:
            return False
        if entry.wraps is not None and not entry.wraps.variant.weightless:
            return False
        return self._model_verdict(entry) is not None

    def _device_verdict(self, use: DeviceUse) -> tuple[str, str] | None:
        if use.label not in self._device_verdicts:
            self._device_verdicts[use.label] = self._verdict(use.device, use.params)
        return self._device_verdicts[use.label]

    def _verdict(self, needy: Any, params: Mapping[str, Json]) -> tuple[str, str] | None:
        try:
            check_available(needy, params)
        except Unavailable as error:
            return "unavailable", str(error)
        except Exception as error:  # noqa: BLE001 - a plugin's check may raise anything
            return "error", f"check: {type(error).__name__}: {error}"
        return None

    def _loader(self, scope: Scope, inputs: Sequence[str]) -> list[str] | None:
        """Return what decides how an item's bytes are read, for a step that reads them."""
        if scope.task.item not in inputs:
            return None
        dataset = scope.dataset
        code = self.registry.digest("datasets", dataset.name, dataset.load)
        return [dataset.load, dataset.version, code]

    def _stage(
        self, scope: Scope, stage: Stage, inputs: Sequence[str], anchor: Scope | None
    ) -> Recipe:
        family = _family(self.suite, scope.task)
        task = f"{family}/{scope.task.name}"
        static: dict[str, Any] = {
            "protocol": PROTOCOL,
            "task": [task, scope.task.version],
            "stage": [stage.name, dict(stage.env)],
            "loader": self._loader(scope, inputs),
        }
        if stage.requires:
            static["steps_on"] = versions(stage.requires)
        call: dict[str, Any] = {"op": "stage", "run": stage.run, "factory": "", "params": {}}
        if stage.model:
            of_model, how = self._model(scope.entry, stage)
            static |= of_model
            call |= how
        else:  # what it leaves is the same for all models: one key, one worker
            static["code"] = self.registry.digest("families", family, stage.run)
        if stage.device is not None:
            static["device"], call["device"] = self._device(stage.device)
        kinds = scope.kinds
        if anchor is not None:
            of_model, how = self._model(anchor.entry, stage)
            points = [dict(point) for point in anchor.entry.points]
            static["against"] = [of_model, points]
            call["against"] = {**how, "points": points}
            kinds = {**kinds, **{AGAINST + name: kinds[name] for name in inputs}}
        # rows of one model share a worker, unless what it holds of another would be measured
        own = scope.entry.label if stage.device is not None else scope.entry.model.name
        whose = own if stage.model else "all models"
        return Recipe(
            static=static,
            call=call,
            group=Group(
                name=f"{whose} · {task} · {stage.name}",
                env={**stage.env, **_seen_by(stage.device)},
                files=self._files,
                alone=stage.device is not None and stage.device.device.alone,
            ),
            kinds=kinds,
            outputs=stage.outputs,
            many=frozenset() if stage.aside else scope.many(inputs, stage.per),
            items=scope.items[:1] if stage.aside else scope.items,
            limits=stage.name.partition("@")[0],
            timed=stage.timed,
        )

    def _model(self, entry: Entry, stage: Stage) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return what an entry's model adds to the keys of a stage, and to its calls."""
        model, params = entry.model, dict(entry.params)
        wraps = None if stage.plain else entry.wraps
        variant = "base" if wraps is None and entry.wraps is not None else entry.variant
        bare = self._is_bare(entry, stage)
        factory = model.skeleton if bare and model.skeleton else model.factory
        static: dict[str, Any] = {
            "model": [model.name, factory, params, variant],
            "code": self.registry.digest("models", model.name, factory),
            "requires": versions(model.requires),
            "weights": [] if bare else [w.sha256 for w in model.weights],
        }
        call: dict[str, Any] = {"factory": factory, "params": params}
        if wraps is not None:
            static["wrap"], call["wrap"] = self._wrap(wraps, self._families[model.family])
        return static, call

    def _device(self, use: DeviceUse) -> tuple[list[Any], dict[str, Any]]:
        """Return what a device adds to keys, and to calls."""
        device, params = use.device, dict(use.params)
        code = self.registry.digest("devices", device.name, device.factory)
        hardware = ""
        if device.hardware is not None and self._device_verdict(use) is None:
            hardware = str(resolve(device.hardware)(**params))
        telling = {k: v for k, v in params.items() if k not in device.incidental}
        static = [device.name, device.factory, telling, code, versions(device.requires), hardware]
        call = {"name": device.name, "factory": device.factory, "params": params}
        return static, call

    def _wrap(self, wraps: VariantUse, family: Family) -> tuple[list[Any], dict[str, Any]]:
        """Return what a variant of any model adds to keys, and to calls."""
        variant, params = wraps.variant, dict(wraps.params)
        code = self.registry.digest("variants", variant.name, variant.wrap)
        static = [variant.name, variant.wrap, params, code, versions(variant.requires)]
        call: dict[str, Any] = {"run": variant.wrap, "params": params, "items": []}
        if wraps.calibration is not None:
            dataset = wraps.calibration.dataset
            try:
                items = dataset_items(wraps.calibration)
            except Unavailable:
                items = ()  # its entry says so, and never runs
            loader = self.registry.digest("datasets", dataset.name, dataset.load)
            static += [dataset.load, dataset.version, loader, [item.sha256 for item in items]]
            call |= {"kind": dataset.load, "items": [item_part(item) for item in items]}
            if family.calibration is not None:
                given = family.calibration
                static += [given, self.registry.digest("families", family.name, given)]
                call["given"] = given
        return static, call

    def _scoring(self, scope: Scope, metric: Metric) -> Recipe:
        declared = metric.name.partition("@")[0]  # behind it stands the device
        static = {
            "protocol": PROTOCOL,
            "metric": [metric.name, metric.signature, metric.factory, dict(metric.params)],
            "code": self.registry.digest("metrics", declared, metric.factory),
            "requires": versions(metric.requires),
            "weights": [w.sha256 for w in metric.weights],
            "loader": self._loader(scope, metric.inputs),
        }
        if metric.per == "element":  # keys made before there were such metrics stay as they are
            static["per"] = metric.per
        axes = scope.axes(metric.inputs, without_item=metric.per == "set")
        return Recipe(
            static=static,
            call={
                "op": "score",
                "factory": metric.factory,
                "params": dict(metric.params),
                "range": [str(v) for v in metric.range],
                "elements": metric.per == "element",
            },
            group=Group(name=metric.factory.partition(":")[0], files=self._files),
            kinds=scope.kinds,
            outputs=(),
            many=scope.many(metric.inputs, axes),
            items=scope.items,
            limits="score",
        )


def _seen_by(use: DeviceUse | None) -> dict[str, str]:
    """Return what a device asks to see of the user's environment."""
    names = use.device.environment if use is not None else ()
    return {name: os.environ[name] for name in names if name in os.environ}
