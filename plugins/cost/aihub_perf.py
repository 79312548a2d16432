"""Latencies that Qualcomm publishes for its AI Hub Models, read from their ``perf.yaml``.

https://github.com/quic/ai-hub-models keeps one file for each model: job, time, memory and layers
by precision, component, device and runtime. The files tell no number of calls, statistic, input
shape or operating system, so their numbers are quoted, and stand in columns of their own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from harness.spec import ANY_DATASET, PublishedScore

__all__ = ["read"]

_MOST_LEVELS = 50
_UNITS = ("npu", "gpu", "cpu")
_SOURCE = "published|qualcomm ai hub models"

Entry = tuple[str, yaml.Node]


def read(path: Path, data: bytes) -> Sequence[PublishedScore]:
    """Read a ``perf.yaml``: three scores for each job that passed.

    A row is called ``MODEL (PRECISION, DEVICE, RUNTIME)``, or ``MODEL/COMPONENT (…)`` where a
    model has several components. Its scores are ``published_latency_ms``, as AI Hub reports it;
    ``published_memory_mb``, the upper end of the range of the peak; and ``published_npu_share``,
    the share of layers on the NPU. Job and tool versions stand in the signatures.

    The model's name is that of the file (``resnet50.perf.yaml``), or of its folder where the
    file is called ``perf.yaml``. The numbers belong to no dataset.

    Raises:
        ValueError: one line, with the line of the file: it is not of this format.
    """
    file = _File(path.name)
    root = file.parsed(data)
    scores: list[PublishedScore] = []
    for row in _rows(file, root):
        scores += _scores(_model(path), row)
    if not scores:
        raise ValueError(f"{path.name}: there is no job in it that passed")
    twice = _first_double([(s.model, s.metric) for s in scores])
    if twice is not None:
        raise ValueError(f"{path.name}: {twice[0]} stands here a second time")
    return scores


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """One job: ``component`` is "" where the model has but one."""

    component: str
    precision: str
    device: str
    runtime: str
    job: str
    milliseconds: float
    memory_mb: tuple[float, float]
    unit: str
    layers: Mapping[str, int]
    tools: Mapping[str, str]


def _scores(model: str, row: _Row) -> list[PublishedScore]:
    name = f"{model}/{row.component}" if row.component else model
    tools = "|".join(f"{tool}:{version}" for tool, version in row.tools.items())
    how = f"{_SOURCE}|{row.device}|{row.runtime}|{row.precision}|{tools}|job:{row.job}"
    placed = ", ".join(f"{row.layers[unit]} on {unit}" for unit in _UNITS if unit in row.layers)
    low, high = row.memory_mb
    found = {
        "published_latency_ms": (row.milliseconds, "ms", f"primary unit:{row.unit}"),
        "published_memory_mb": (high, "MB", f"peak, from {low:g} to {high:g}"),
    }
    if row.layers["total"]:
        share = row.layers.get("npu", 0) / row.layers["total"]
        layers = f"{row.layers['total']} layers: {placed or 'placed nowhere'}"
        found["published_npu_share"] = (share, "", layers)
    return [
        PublishedScore(
            model=f"{name} ({row.precision}, {row.device}, {row.runtime})",
            dataset=ANY_DATASET,
            metric=metric,
            value=value,
            unit=unit,
            signature=f"{how}|{more}",
        )
        for metric, (value, unit, more) in found.items()
    ]


def _rows(file: _File, root: yaml.Node) -> Iterator[_Row]:
    precisions = file.member(root, "precisions")
    for precision, made in file.entries(precisions):
        components = file.entries(file.member(made, "components"))
        for component, parts in components:
            measured = dict(file.entries(parts)).get("performance_metrics")
            if measured is None:
                continue  # made, and measured nowhere
            for device, runtimes in file.entries(measured):
                for runtime, job in file.entries(runtimes):
                    fields = dict(file.entries(job))
                    if file.text(file.member(job, "job_status")) != "Passed":
                        continue
                    yield _Row(
                        component=component if len(components) > 1 else "",
                        precision=precision,
                        device=device,
                        runtime=runtime,
                        job=file.text(file.member(job, "job_id")),
                        milliseconds=file.number(
                            file.member(job, "inference_time_milliseconds"), above=0.0
                        ),
                        memory_mb=_range(file, file.member(job, "estimated_peak_memory_range_mb")),
                        unit=file.text(file.member(job, "primary_compute_unit")),
                        layers=_layers(file, file.member(job, "layer_counts")),
                        tools={
                            tool: file.text(version)
                            for tool, version in file.entries(fields.get("tool_versions"))
                        },
                    )


def _range(file: _File, node: yaml.Node) -> tuple[float, float]:
    low, high = (file.number(file.member(node, end)) for end in ("min", "max"))
    if low > high:
        raise file.fault(node, f"the range begins at {low:g} and ends at {high:g}")
    return low, high


def _layers(file: _File, node: yaml.Node) -> dict[str, int]:
    counts = {}
    for unit, value in file.entries(node):
        number = file.number(value)
        if number != int(number):
            raise file.fault(value, f"{number:g} is no number of layers")
        counts[unit] = int(number)
    placed = sum(counts.get(unit, 0) for unit in _UNITS)
    if "total" not in counts or placed > counts["total"]:
        raise file.fault(node, f"expected a total, and no more than it on {', '.join(_UNITS)}")
    return counts


class _File:
    """A YAML file as nodes: scalars stay the text they are, and each knows its line."""

    def __init__(self, name: str) -> None:
        self.name = name

    def parsed(self, data: bytes) -> yaml.Node:
        """Return the root."""
        try:
            text = data.decode("utf-8-sig")
            self._check_nesting(text)
            root = yaml.compose(text, yaml.CSafeLoader)
        except UnicodeDecodeError as error:
            raise ValueError(f"{self.name}: it is no UTF-8 text (byte {error.start})") from None
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            where = f"{self.name}:{mark.line + 1}" if mark else self.name
            raise ValueError(f"{where}: not YAML: {_plain(str(error.problem))}") from None
        except yaml.YAMLError:
            raise ValueError(f"{self.name}: not YAML: a control character") from None
        if root is None:
            raise ValueError(f"{self.name}:1: there is nothing in it")
        return root

    def _check_nesting(self, text: str) -> None:
        """Refuse what composing by recursion would not survive, and what stands for many."""
        depth = 0
        for event in yaml.parse(text, yaml.CSafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > _MOST_LEVELS or isinstance(event, yaml.AliasEvent):
                what = "nested too deeply" if depth > _MOST_LEVELS else "an alias"
                raise ValueError(f"{self.name}:{event.start_mark.line + 1}: {what}")

    def fault(self, node: yaml.Node, message: str) -> ValueError:
        return ValueError(f"{self.name}:{node.start_mark.line + 1}: {_plain(message)}")

    def entries(self, node: yaml.Node | None) -> list[Entry]:
        """Return the keys and values of a mapping, each key once; none where it is not there."""
        if node is None:
            return []
        if not isinstance(node, yaml.MappingNode):
            raise self.fault(node, "expected names with a value each")
        found: list[Entry] = []
        for key, value in node.value:
            name = _plain(self.text(key))
            if any(name == other for other, _ in found):
                raise self.fault(key, f"{name} stands here a second time")
            found.append((name, value))
        return found

    def member(self, node: yaml.Node, name: str) -> yaml.Node:
        """Return the value under a name."""
        for key, value in self.entries(node):
            if key == name:
                return value
        raise self.fault(node, f"expected {name} in it")

    def text(self, node: yaml.Node) -> str:
        if not isinstance(node, yaml.ScalarNode) or not _plain(node.value):
            raise self.fault(node, "expected a word")
        return _plain(node.value)

    def number(self, node: yaml.Node, above: float = -1.0) -> float:
        """Return a number greater than ``above``; of -1, one that is not negative."""
        text = self.text(node)
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value) or value < 0 or value <= above:
            least = "above 0" if above == 0 else "of 0 or more"
            raise self.fault(node, f"expected a finite number {least}, found {text[:40]!r}")
        return value


def _model(path: Path) -> str:
    stem = path.name.removesuffix(".yaml").removesuffix(".yml").removesuffix("perf").rstrip(".")
    return _plain(stem or path.resolve().parent.name) or "model"


def _plain(text: str) -> str:
    """Return the text on one line, without control characters and halves of characters."""
    return "".join(letter for letter in " ".join(text.split()) if letter.isprintable())


def _first_double(names: Sequence[Any]) -> Any:
    seen: set[Any] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None
