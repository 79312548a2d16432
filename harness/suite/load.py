"""YAML to Suite: every fault of a file at once, each with its line and the nearest name."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import ValidationError

from harness.errors import UsageError, nearest
from harness.spec import (
    Derived,
    DeviceUse,
    Family,
    Json,
    Metric,
    Model,
    Task,
    Unavailable,
    Variant,
)
from harness.suite.devices import device_use, on_devices
from harness.suite.entry import check_known, entry_of, is_glob, named
from harness.suite.form import describe_fault, read_form
from harness.suite.schema import DatasetForm, Limits, ModelForm, StageLimits, SuiteForm
from harness.suite.source import Source, position
from harness.suite.suite import Entry, Suite, SuiteDataset, VariantUse

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Names", "load_suite", "suite_schema"]

_DELTA = "delta_"  # before a column: what a variant changes in it
_SCORED = "score"  # the word under which scoring's limits stand


class Names(Protocol):
    """What a suite is resolved against; a :class:`harness.registry.Registry`."""

    def all(self, kind: str) -> Mapping[str, Any]:
        """Return the declarations of a kind by name."""

    def get(self, kind: str, name: str) -> Any:
        """Return one declaration, or raise UsageError."""

    def task(self, name: str) -> tuple[Family, Task]:
        """Return a family and its task, or raise UsageError."""

    def check(self, declared: Any, params: Mapping[str, Json]) -> None:
        """Raise Unavailable where a declaration cannot be had here with these parameters."""


def suite_schema() -> dict[str, Any]:
    """Return the JSON Schema of suite files, for editors."""
    schema = SuiteForm.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def load_suite(
    path: Path, names: Callable[[Sequence[Path]], Names], models: Sequence[str] = ()
) -> Suite:
    """Read a suite and find everything it names.

    Args:
        path: the YAML file.
        names: makes the registry, given the single-file plugins the suite asks for.
        models: globs over names of models: those that the suite does not have get a row each.

    Raises:
        UsageError: one line for each fault of the file.
    """
    source = Source(_read(path), str(path))
    form, faults = read_form(source)
    files = {
        key: tuple(path.parent / p for p in getattr(form, key)) for key in ("plugins", "published")
    }
    missing = [
        f"{source.at((key, i))} {key.removesuffix('s')} file {f} does not exist"
        for key, own in files.items()
        for i, f in enumerate(own)
        if not f.is_file()
    ]
    if missing:
        raise UsageError(*faults, *missing)
    digest = hashlib.sha256(json.dumps(source.data, sort_keys=True).encode()).hexdigest()
    resolver = _Resolver(source, form, names(files["plugins"]), faults)
    return resolver.suite(str(path), digest, models, **files)


def _read(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        where = position(data[: error.start].decode())
        raise UsageError(f"{path}:{where} not UTF-8 text") from None


class _Resolver:
    """Finds what a form names, collecting faults."""

    def __init__(
        self, source: Source, form: SuiteForm, names: Names, faults: Sequence[str]
    ) -> None:
        self.source, self.form, self.names = source, form, names
        self.faults = list(faults)
        self.tasks: list[tuple[Family, Task]] = []

    def suite(
        self,
        path: str,
        digest: str,
        models: Sequence[str],
        plugins: tuple[Path, ...],
        published: tuple[Path, ...],
    ) -> Suite:
        form = self.form
        tasks = self.tasks = self._each("tasks", form.tasks, self.names.task)
        families = {family.name for family, _ in tasks}
        datasets = self._each("datasets", form.datasets, self._dataset)
        entries = self._each("models", form.models, self._entries)
        entries += self._further(models, {e.model.name for own in entries for e in own})
        metrics = self._each("metrics", form.metrics, self._metrics)
        devices = self._each("devices", form.devices, self._device)
        found_all = tasks and len(tasks) == len(form.tasks)
        stages = {s.name for _, task in tasks for s in task.stages}
        limits = self._limits(stages if found_all else None)
        if not self.faults:
            self._check_labels(entries, families)
            self._check_fit(tasks, datasets, metrics)
            self._check_devices(metrics)
        placed, measured = on_devices(tasks, chain(*metrics), devices)
        if not self.faults:
            self._check_board(list(chain(*entries)), measured, placed)
        if self.faults:
            raise UsageError(*self.faults)
        return Suite(
            name=form.name,
            title=form.title or form.name,
            summary=form.summary,
            path=path,
            digest=digest,
            tasks=tuple(placed),
            datasets=tuple(datasets),
            entries=tuple(chain(*entries)),
            metrics=tuple({m.name: m for m in measured}.values()),
            derived=self._derived({m.name for m in measured}),
            seeds=tuple(dict.fromkeys(form.seeds)),
            devices=tuple({use.label: use for use in devices}.values()),
            limits=limits,
            board=form.board,
            plugins=plugins,
            published=published,
        )

    def _fault(self, path: tuple[str | int, ...], message: str) -> None:
        self.faults.append(self.source.fault(path, message))

    def _each(self, key: str, values: Sequence[Any], find: Callable[[Any], Any]) -> list[Any]:
        """Resolve each element of a list, turning a failure into a fault at its line."""
        found = []
        for index, value in enumerate(values):
            if value is None:
                continue
            try:
                found.append(find(value))
            except UsageError as error:
                for line in error.lines:
                    self._fault((key, index), line)
        return found

    def _dataset(self, form: str | DatasetForm) -> SuiteDataset:
        use = DatasetForm(name=form) if isinstance(form, str) else form
        dataset = self.names.get("datasets", use.name)
        check_known("parameter", use.params, dataset.params, f"dataset {dataset.name!r}")
        return SuiteDataset(
            dataset=dataset,
            params={**dataset.params, **use.params},
            items=tuple(use.items or ("*",)),
            said=tuple(use.params),
        )

    def _device(self, form: str | Mapping[str, Any]) -> DeviceUse:
        name, given = named(form)
        device = self.names.get("devices", name)
        if given is not None and not isinstance(given, dict):
            if not device.params:
                raise UsageError(f"device {name!r} has no parameter to be {given!r}")
            given = {next(iter(device.params)): given}
        use = device_use(device, given or {})
        try:
            self.names.check(device, use.params)
        except Unavailable:
            pass  # its rows say so
        except ValueError as error:
            raise UsageError(f"device {name!r}: {error}") from None
        return use

    def _entries(self, form: str | ModelForm) -> list[Entry]:
        use = ModelForm(name=form) if isinstance(form, str) else form
        models = self._select(use)
        if use.label is not None and (len(models) > 1 or len(use.variants) > 1):
            raise UsageError(f"label {use.label!r} would name {len(models)} models: leave it out")
        return [
            entry_of(model, use, name, self._variant(model, name, given))
            for model in models
            for name, given in map(named, use.variants)
        ]

    def _further(self, globs: Sequence[str], there: set[str]) -> list[list[Entry]]:
        """Return rows of the models that globs name and that have none yet."""
        families = {family.name for family, _ in self.tasks}
        known = [n for n, m in self.names.all("models").items() if m.family in families]
        for glob in globs:
            if not any(fnmatchcase(name, glob) for name in known):
                of = ", ".join(sorted(families))
                self.faults.append(f"--models {glob}: no such model of {of}{nearest(glob, known)}")
        more = [n for n in known if any(fnmatchcase(n, g) for g in globs) and n not in there]
        return [self._entries(name) for name in more]

    def _variant(self, model: Model, name: str, given: Any) -> VariantUse | None:
        """Return the variant that suits any model, None for one of the model's own."""
        if name == "base" or name in model.variants:
            if given is not None:
                raise UsageError(f"variant {name!r} of {model.name!r} takes no parameters")
            return None
        variants: Mapping[str, Variant] = self.names.all("variants")
        if name not in variants:
            known = ["base", *model.variants, *variants]
            hint = nearest(name, known) or f"; it has {', '.join(known)}"
            raise UsageError(f"model {model.name!r} has no variant {name!r}{hint}")
        variant = self.names.get("variants", name)
        if variant.families and model.family not in variant.families:
            families = ", ".join(variant.families)
            raise UsageError(f"variant {name!r} suits {families}, not {model.family!r}")
        if given is not None and not isinstance(given, dict):
            raise UsageError(f"variant {name!r}: expected a mapping of parameters, got {given!r}")
        params = dict(given or {})
        data = params.pop("calibration", None) if variant.calibrated else None
        check_known("parameter", params, variant.params, f"variant {name!r}")
        if variant.calibrated and data is None:
            example = f"{{{name}: {{calibration: DATASET}}}}"
            raise UsageError(f"variant {name!r} is calibrated on data: write {example}")
        return VariantUse(
            variant=variant,
            params={**variant.params, **params},
            calibration=None if data is None else self._calibration(data),
        )

    def _calibration(self, data: Any) -> SuiteDataset:
        try:
            form = data if isinstance(data, str) else DatasetForm.model_validate(data)
        except ValidationError:
            raise UsageError(
                f"calibration: expected a dataset's name, or {{name, params, items}}, got {data!r}"
            ) from None
        return self._dataset(form)

    def _select(self, use: ModelForm) -> list[Model]:
        """Return the models meant; a glob or a tag means those of the suite's families."""
        models: dict[str, Model] = dict(self.names.all("models"))
        if (use.name is None) == (use.tag is None):
            raise UsageError("say either 'name' or 'tag'")
        families = {family.name for family, _ in self.tasks}
        if use.name is not None and not is_glob(use.name):
            return [self.names.get("models", use.name)]
        if use.name is not None:
            found = [m for n, m in models.items() if fnmatchcase(n, use.name)]
            none = f"no model is called like {use.name!r}{nearest(use.name.strip('*'), models)}"
        else:
            tags = {t for m in models.values() for t in m.tags}
            found = [m for m in models.values() if use.tag in m.tags]
            none = f"no model carries the tag {use.tag!r}{nearest(str(use.tag), tags)}"
        kept = [
            m
            for m in found
            if (m.family in families or not families)
            and not any(fnmatchcase(m.name, g) for g in use.except_)
        ]
        if not kept:
            left = f"{use.name or use.tag!r} leaves no model of {', '.join(sorted(families))}"
            raise UsageError(left if found else none)
        return kept

    def _metrics(self, name: str) -> list[Metric]:
        """Return the metrics meant; a glob means those that find their inputs in a task.

        Without devices that leaves out what is measured on one.
        """
        if not is_glob(name):
            return [self.names.get("metrics", name)]
        metrics: dict[str, Metric] = dict(self.names.all("metrics"))
        left = self._left_on_devices() if not self.form.devices else set()
        found = [
            m
            for n, m in metrics.items()
            if fnmatchcase(n, name) and self._fits(m) and left.isdisjoint(m.inputs)
        ]
        if not found:
            raise UsageError(f"no metric is called like {name!r}")
        return found

    def _fits(self, metric: Metric) -> bool:
        """Whether a task leaves what a metric reads; True where no task is known."""
        offered = [
            {task.item, *(a.name for s in task.stages for a in s.outputs)}
            for _, task in self.tasks
        ]
        return not offered or any(set(metric.inputs) <= names for names in offered)

    def _derived(self, measured: set[str]) -> tuple[Derived, ...]:
        """Return the derived scores that can be computed from what is measured."""
        known: Mapping[str, Derived] = self.names.all("derived")
        return tuple(d for d in known.values() if set(d.inputs) <= measured)

    def _limits(self, stages: set[str] | None) -> dict[str, Limits]:
        """Split ``limits`` into the suite's own and those of single stages (None: not known)."""
        known = [*Limits.model_fields, *sorted(stages or ()), _SCORED]
        own: dict[str, Any] = {}
        stage_limits: dict[str, StageLimits] = {}
        for key, value in self.form.limits.items():
            path = ("limits", key)
            try:
                if key in Limits.model_fields:
                    own[key] = getattr(Limits.model_validate({key: value}), key)
                elif key in known or (stages is None and isinstance(value, dict)):
                    stage_limits[key] = StageLimits.model_validate(value)
                else:
                    self._fault(path, f"unknown limit or stage{nearest(key, known)}")
            except ValidationError as error:
                prefix = () if key in Limits.model_fields else (key,)
                self.faults += [
                    describe_fault(self.source, e, ("limits", *prefix), StageLimits)
                    for e in error.errors()
                ]
        limits = {"": Limits(**own)}
        for stage, change in stage_limits.items():
            limits[stage] = limits[""].model_copy(update=change.model_dump(exclude_none=True))
        return limits

    def _check_labels(self, entries: list[list[Entry]], families: set[str]) -> None:
        seen: set[str] = set()
        for index, entry in ((i, e) for i, found in enumerate(entries) for e in found):
            path = ("models", index)
            if entry.label in seen:
                self._fault(path, f"two rows would be called {entry.label!r}: give one a 'label'")
            seen.add(entry.label)
            if entry.model.family not in families:
                self._fault(
                    path,
                    f"model {entry.model.name!r} is of family {entry.model.family!r}; "
                    f"the tasks are of {', '.join(sorted(families))}",
                )

    def _left_on_devices(self) -> set[str]:
        """Return the artifacts that stages on devices leave."""
        stages = (stage for _, task in self.tasks for stage in task.stages if stage.devices)
        return {artifact.name for stage in stages for artifact in stage.outputs}

    def _check_devices(self, metrics: list[list[Metric]]) -> None:
        """What is measured on a device needs one."""
        if self.form.devices:
            return
        left = self._left_on_devices()
        for index, metric in ((i, m) for i, found in enumerate(metrics) for m in found):
            if not left.isdisjoint(metric.inputs):
                what = f"metric {metric.name!r} is measured on a device"
                self._fault(("metrics", index), f"{what}: say on which, e.g. devices: [host]")

    def _check_board(
        self, entries: list[Entry], metrics: list[Metric], tasks: list[tuple[Family, Task]]
    ) -> None:
        board = self.form.board
        labels = [e.label for e in entries]
        if board.anchor is not None and board.anchor not in labels:
            self._fault(
                ("board", "anchor"),
                f"{board.anchor!r} is no row of this suite{nearest(board.anchor, labels)}",
            )
        measured = {m.name for m in metrics}
        derived: Mapping[str, Derived] = self.names.all("derived")
        times = {f"{s.name}_seconds" for _, task in tasks for s in task.stages if s.timed}
        columns = [*measured, *derived, *times]
        shown = [c if c in columns else c.removeprefix(_DELTA) for c in board.columns or []]
        for path, name in [
            (("board", "rank_by"), board.rank_by),
            *((("board", "columns", i), c) for i, c in enumerate(shown)),
        ]:
            if name is None:
                continue
            if name not in columns:
                self._fault(path, f"{name!r} is not measured here{nearest(name, columns)}")
            elif name in derived and not set(derived[name].inputs) <= measured:
                lacking = ", ".join(sorted(set(derived[name].inputs) - measured))
                self._fault(path, f"{name!r} needs the metrics {lacking}")

    def _check_fit(
        self,
        tasks: list[tuple[Family, Task]],
        datasets: list[SuiteDataset],
        metrics: list[list[Metric]],
    ) -> None:
        """Every dataset must suit a task, and every metric find its inputs in one."""
        for index, found in enumerate(tasks):
            if found in tasks[:index]:
                self._fault(("tasks", index), f"task {found[1].name!r} stands here a second time")
        accepts = {task.accepts for _, task in tasks}
        uses = [(use.dataset.name, use.params) for use in datasets]
        for index, use in enumerate(datasets):
            if uses[index] in uses[:index]:
                name = use.dataset.name
                self._fault(("datasets", index), f"dataset {name!r} stands here a second time")
            if use.dataset.provides not in accepts:
                self._fault(
                    ("datasets", index),
                    f"dataset {use.dataset.name!r} holds {use.dataset.provides!r} items; "
                    f"the tasks take {', '.join(sorted(accepts))}",
                )
        for index, metric in ((i, m) for i, found in enumerate(metrics) for m in found):
            if not self._fits(metric):
                needs = ", ".join(metric.inputs)
                self._fault(
                    ("metrics", index), f"metric {metric.name!r} needs {needs}: no task leaves it"
                )
