"""Stages and metrics that stand once for each device of a suite."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from harness.errors import UsageError, nearest
from harness.spec import (
    Artifact,
    CurvePanel,
    Device,
    DeviceUse,
    Family,
    FrontPanel,
    Json,
    MatrixPanel,
    Metric,
    Panel,
    PartsPanel,
    SeriesPanel,
    Stage,
    Task,
)

__all__ = ["device_use", "on_devices"]


def device_use(device: Device, given: Mapping[str, Json]) -> DeviceUse:
    """Return a device with a suite's parameters.

    Raises:
        UsageError: it has no such parameter.
    """
    wrong = [
        f"device {device.name!r} has no parameter {name!r}{nearest(name, device.params)}"
        for name in given
        if name not in device.params
    ]
    if wrong:
        raise UsageError(*wrong)
    first = next(iter(device.params), None)
    changed = [
        str(v) if k == first else f"{k}={v}"
        for k, v in given.items()
        if k not in device.incidental
    ]
    label = device.name + (f":{','.join(changed)}" if changed else "")
    return DeviceUse(device=device, params={**device.params, **given}, label=label)


def on_devices(
    tasks: Sequence[tuple[Family, Task]], metrics: Iterable[Metric], devices: Sequence[DeviceUse]
) -> tuple[list[tuple[Family, Task]], list[Metric]]:
    """Put what is done on a device in its place once for each of ``devices``.

    A stage ``device`` that leaves ``device_run`` becomes ``device@LABEL`` that leaves
    ``device_run@LABEL``, and a metric that reads it becomes one that reads that, with the label
    behind its name and in its signature: numbers of two devices never stand in one column.
    """
    names = {
        artifact.name
        for _, task in tasks
        for stage in task.stages
        if stage.devices
        for artifact in stage.outputs
    }
    if not names:
        return list(tasks), list(metrics)
    spread: list[Metric] = []
    there: set[str] = set()  # metrics that stand once for each device
    for metric in metrics:
        if names.isdisjoint(metric.inputs):
            spread.append(metric)
        else:
            there.add(metric.name)
            spread += [_metric_on(metric, names, use) for use in devices]
    families = {
        family.name: replace(family, panels=tuple(_panels(family.panels, names, there, devices)))
        for family, _ in tasks
    }
    placed = [
        (
            families[family.name],
            replace(task, stages=tuple(_stages(task.stages, names, devices))),
        )
        for family, task in tasks
    ]
    return placed, spread


def _panels(
    panels: Iterable[Panel], names: set[str], there: set[str], devices: Sequence[DeviceUse]
) -> Iterable[Panel]:
    """Yield the panels, those that show what was measured on a device for each of them."""
    for panel in panels:
        if isinstance(panel, PartsPanel | MatrixPanel | SeriesPanel):
            if names.isdisjoint(panel.inputs):
                yield panel
                continue
            for use in devices:
                title = f"{panel.title}: {use.label}"
                yield replace(panel, title=title, inputs=_there(panel.inputs, names, use))
        elif isinstance(panel, FrontPanel | CurvePanel) and not there.isdisjoint(
            (panel.x, panel.y)
        ):
            for use in devices:
                x, y = (f"{n}@{use.label}" if n in there else n for n in (panel.x, panel.y))
                yield replace(panel, title=f"{panel.title}: {use.label}", x=x, y=y)
        else:
            yield panel


def _stages(
    stages: Iterable[Stage], names: set[str], devices: Sequence[DeviceUse]
) -> Iterable[Stage]:
    for stage in stages:
        if stage.devices or not names.isdisjoint(stage.inputs):
            for use in devices:
                yield replace(
                    stage,
                    name=f"{stage.name}@{use.label}",
                    inputs=_there(stage.inputs, names, use),
                    outputs=tuple(
                        Artifact(f"{artifact.name}@{use.label}", artifact.kind)
                        for artifact in stage.outputs
                    ),
                    device=use if stage.devices else None,
                )
        else:
            yield stage


def _metric_on(metric: Metric, names: set[str], use: DeviceUse) -> Metric:
    return replace(
        metric,
        name=f"{metric.name}@{use.label}",
        inputs=_there(metric.inputs, names, use),
        signature=f"{metric.signature}|{use.device.kind}|{use.label}",
    )


def _there(inputs: Sequence[str], names: set[str], use: DeviceUse) -> tuple[str, ...]:
    return tuple(f"{name}@{use.label}" if name in names else name for name in inputs)
