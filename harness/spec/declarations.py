"""What plugins declare: families, tasks, models, datasets, metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from harness.spec.devices import DeviceUse
from harness.spec.panels import Panel
from harness.spec.words import Axis, Better, Json, Ref

__all__ = [
    "Artifact",
    "Dataset",
    "Derived",
    "Executor",
    "Exporter",
    "Family",
    "Importer",
    "Item",
    "Metric",
    "Model",
    "Resource",
    "Stage",
    "SuiteFile",
    "Task",
    "Variant",
]

# --- what has to be fetched ------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A file that is downloaded once and verified by its digest: weights, or data.

    Attributes:
        name: file name inside the owner's cache folder, e.g. ``"kodim01.png"``.
        url: public address; ``http(s)://``.
        sha256: lower-case hex digest of the whole file. Where its publisher states no other,
            ``md5:`` and the MD5, as Zenodo does, or ``sha256-prefix:`` and the first 8 or more
            digits, as the torch hub does; both are weaker. What is in a key is this text.
        size: bytes, 0 where it is not known.
        licence: as its source states it.
    """

    name: str
    url: str
    sha256: str
    size: int = 0
    licence: str = ""


# --- families and tasks ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Artifact:
    """Something a stage leaves behind.

    Attributes:
        name: unique within the task; stages and metrics ask for it by this name.
        kind: how a value becomes bytes: ``"bytes"``, ``"json"``, ``"array"`` (.npy), ``"arrays"``
            (.npz of a dict of arrays), or a ``Ref`` to an object with ``dump(value) -> bytes``
            and ``load(bytes) -> value``.
    """

    name: str
    kind: str = "bytes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One step of a task, run in a process that sees only its declared inputs.

    Attributes:
        name: field term: ``fit``, ``encode``, ``decode``, …
        run: ``Ref`` to ``run(model, inputs, point, seed) -> dict[str, value]``: one value for
            each of ``outputs``. ``model`` is what the model's factory returned; ``inputs``
            maps the names in ``inputs`` to loaded values. A stage that does not run once per
            item gets a list, in item order, for an input that exists once per item. What it
            raises ends the node as ``error``, or as the exception's attribute ``outcome`` says.
        inputs: names of artifacts of earlier stages, or the task's ``item``.
        outputs: what it leaves.
        per: the axes it is repeated over, besides model and dataset.
        env: extra environment variables of its process, e.g. thread counts.
        model: False for a step of the protocol itself (drawing data, demonstrations, aligning):
            it is done once for all models, gets None for ``model``, and is left out where
            nothing reads what it leaves.
        privileged: further inputs that only a model sees of which the suite says
            ``privileged: true``; ``inputs`` holds them for such a model, and for no other.
        requires: distributions that the step itself stands on, as of a model; their installed
            versions are part of its keys.
        aside: a measurement beside the evaluation (cost, latency): it is run only where
            something reads what it leaves, and its own duration is no score.
        weightless: it looks at the model's structure alone: where the model's weights are not
            here, the model is made by ``Model.skeleton``, if that is declared.
        devices: it is done on each of the suite's devices: ``run`` gets the device, as its
            factory made it, for a fifth argument. Stage, outputs and the metrics that read them
            are called ``NAME@DEVICE``.
        plain: it is done by the model as it is declared, whatever variant of any model the row
            has: all of them share what it leaves, e.g. a trained checkpoint.
        against: it compares a model with the suite's anchor: ``run`` gets ``(model, inputs,
            point)`` of the anchor, for one more argument. Done for all entries but the anchor.
        device: set by the harness, for one of the suite's devices.
    """

    name: str
    run: Ref
    inputs: tuple[str, ...]
    outputs: tuple[Artifact, ...]
    per: tuple[Axis, ...] = ("point", "item")
    env: Mapping[str, str] = field(default_factory=dict)
    model: bool = True
    privileged: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    aside: bool = False
    weightless: bool = False
    devices: bool = False
    plain: bool = False
    against: bool = False
    device: DeviceUse | None = None

    @property
    def timed(self) -> bool:
        """Whether its duration is a score of the model's."""
        return self.model and not self.aside


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A family's evaluation protocol: an ordered list of stages.

    Attributes:
        name: unique within the family.
        item: the name under which a dataset item is offered to stages and metrics.
        accepts: the kind of dataset it runs on; equals ``Dataset.provides``.
        version: raised when the protocol changes; part of every key.
    """

    name: str
    item: str
    accepts: str
    stages: tuple[Stage, ...]
    version: int = 1
    summary: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """A score computed from scores when the board is built, e.g. BD-rate.

    Attributes:
        name: column name, unique among all scores.
        compute: ``Ref`` to ``compute(curves, anchor, **params) -> Iterable[DerivedScore]`` where
            ``curves`` is a ``Sequence[Curve]`` of one dataset and ``anchor`` is the entry the
            suite names, or None.
        inputs: metrics it needs; a suite that measures all of them has it on its board.
    """

    name: str
    compute: Ref
    inputs: tuple[str, ...]
    unit: str = ""
    better: Better = "none"
    summary: str = ""
    params: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """A kind of model and how it is evaluated.

    Attributes:
        interface: ``Ref`` to the ``Protocol`` a model implements.
        conformance: name of the suite that ``harness check MODEL`` runs, or None.
        calibration: ``Ref`` to ``given(item) -> value``: what its models' ``components`` take of a
            dataset's item, for variants that are calibrated; None where they take the item itself.
        panels: what the board draws besides the table.
    """

    name: str
    summary: str
    interface: Ref
    tasks: tuple[Task, ...]
    panels: tuple[Panel, ...] = ()
    conformance: str | None = None
    calibration: Ref | None = None


# --- what is evaluated -----------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """What is evaluated.

    Attributes:
        name: unique among all models.
        family: name of its family.
        factory: ``Ref`` to ``factory(**params) -> object`` with the family's interface;
            imported only in the worker.
        skeleton: ``Ref`` to ``skeleton(**params) -> object`` that makes the same model without
            its weights, for stages that need none; it has what those stages ask for
            (``components``), and may have no more.
        params: defaults of the factory's keywords; a suite may override them, no others.
        points: operating points: axis names to their default values; ``{}`` is one point.
        variants: named transformations that keep the model's identity, each as overrides of
            ``params``; a suite asks for them by name. Those that suit any model are declared by
            ``harness_variants``.
        requires: distributions it needs, as ``"pillow"`` or ``"pillow>=11"``; their installed
            versions are part of every key.
        check: ``Ref`` to a light ``check(**params) -> None`` that raises ``Unavailable``.
        weights: files it needs.
        extra: the extra of its distribution that installs what it requires.
    """

    name: str
    family: str
    factory: Ref
    params: Mapping[str, Json] = field(default_factory=dict)
    points: Mapping[str, Sequence[Json]] = field(default_factory=dict)
    variants: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    summary: str = ""
    licence: str = ""
    paper: str = ""
    url: str = ""
    requires: tuple[str, ...] = ()
    extra: str = ""
    check: Ref | None = None
    weights: tuple[Resource, ...] = ()
    skeleton: Ref | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A transformation of a model that keeps its identity, whatever the model: ``w8a8``.

    Attributes:
        name: word for ``variants`` in a suite; a model's own variant of that name comes first.
        wrap: ``Ref`` to ``wrap(model, items, **params) -> model``: what the model's factory
            returned, changed or wrapped, with the family's interface. ``items`` are the loaded
            items of the dataset that the suite names under ``calibration``, or none. Its method
            ``at(point)``, where it has one, is called before every step with the operating point.
        params: defaults of the keywords; a suite may override them, no others.
        calibrated: whether it needs ``calibration``, the name of a dataset, in the suite.
        weightless: whether it suits ``Model.skeleton`` as well, for stages that need no weights.
        families: the families it suits; none means all.
    """

    name: str
    wrap: Ref
    params: Mapping[str, Json] = field(default_factory=dict)
    calibrated: bool = False
    weightless: bool = False
    families: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    extra: str = ""
    check: Ref | None = None
    summary: str = ""
    paper: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """One element of a dataset.

    Attributes:
        id: unique within the dataset.
        sha256: digest of its content; part of every key, and checked before use.
        path: where it lies on this machine; "" where it is generated. Never part of a key.
        meta: whatever the loader needs besides.
    """

    id: str
    sha256: str
    path: str = ""
    meta: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """Named, versioned items with digests.

    Attributes:
        provides: kind of item; equals ``Task.accepts``.
        index: ``Ref`` to a light ``index(**params) -> Sequence[Item]``, called when a plan is
            made; raises ``Unavailable`` where the data is not here, ``ValueError`` (one line)
            where it is damaged.
        load: ``Ref`` to ``load(item: Item, data: bytes | None) -> value``, called in the worker
            with the verified bytes of ``item.path`` (None for generated items).
        files: what ``harness data pull`` fetches.
    """

    name: str
    provides: str
    index: Ref
    load: Ref
    version: str = "1"
    params: Mapping[str, Json] = field(default_factory=dict)
    files: tuple[Resource, ...] = ()
    requires: tuple[str, ...] = ()
    extra: str = ""
    licence: str = ""
    paper: str = ""
    url: str = ""
    summary: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """Turns artifacts and references into a score.

    Attributes:
        factory: ``Ref`` to ``factory(**params) -> callable``; the callable takes the values of
            ``inputs`` in order and returns a float, or a :class:`Signed`. A metric with
            ``per="set"`` gets lists; one with ``per="element"`` returns an array (R,), a score
            for each of the R things that an item holds, e.g. episodes; NaN for one that has none.
        inputs: names of artifacts or of the task's item.
        signature: how the number is made; two scores are comparable only where it is equal.
        better: which direction is good.
        range: lowest and highest value it can take, both attainable or limits.
        per: ``"item"``, ``"set"`` or ``"element"``.
        aggregate: how item scores become one: ``"mean"``, or a ``Ref`` to
            ``aggregate(values: (..., N) float64) -> (...)``.
        over_points: the one number of a model with several operating points: ``"none"``, or the
            ``"mean"`` of its points, for what is paid at each (a time, an energy).
    """

    name: str
    factory: Ref
    inputs: tuple[str, ...]
    signature: str
    better: Better
    unit: str = ""
    range: tuple[float, float] = (float("-inf"), float("inf"))
    per: Literal["item", "set", "element"] = "item"
    aggregate: Ref = "mean"
    over_points: Literal["none", "mean"] = "none"
    params: Mapping[str, Json] = field(default_factory=dict)
    requires: tuple[str, ...] = ()
    extra: str = ""
    check: Ref | None = None
    weights: tuple[Resource, ...] = ()
    digits: int = 3
    summary: str = ""
    paper: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Executor:
    """A way of running nodes.

    Attributes:
        factory: ``Ref`` to ``factory(jobs: int, scratch: Path)`` returning an object as
            ``harness.run.executor.NodeExecutor`` describes.
    """

    name: str
    factory: Ref
    summary: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exporter:
    """A form a board can be written in.

    Attributes:
        name: word for ``harness board --format``.
        suffix: file suffix, with its dot.
        write: ``Ref`` to ``write(board: harness.board.Board) -> str | bytes``.
    """

    name: str
    suffix: str
    write: Ref
    summary: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Importer:
    """A file format in which others publish results.

    Attributes:
        name: word for ``harness import --format``.
        read: ``Ref`` to ``read(path: Path, data: bytes) -> Sequence[PublishedScore]``; raises
            ``ValueError`` with one line on a file that is not in this format.
    """

    name: str
    read: Ref
    summary: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteFile:
    """A suite that ships with a plugin: its name and where its YAML lies."""

    name: str
    path: str
    summary: str = ""
