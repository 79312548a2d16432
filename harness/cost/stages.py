"""Stages that any task may list: the cost of a model's components, and their run on a device.

A family lists :data:`COST` and :data:`DEVICE` among its task's stages, or stages like them with a
``run`` of its own where a model must be put together first (from a checkpoint), which then calls
:func:`measure_cost` and :func:`measure_device`. The artifacts are read by the metrics of the
plugin ``cost``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.cost.component import Component, NotMeasuredError
from harness.spec import Artifact, Json, Stage

if TYPE_CHECKING:
    from harness.cost.component import Bench

__all__ = [
    "cost",
    "cost_stage",
    "device",
    "device_stage",
    "measure_cost",
    "measure_device",
    "measure_pair",
    "named_components",
    "pair",
    "pair_stage",
]


def cost_stage(inputs: Sequence[str], run: str = "harness.cost.stages:cost") -> Stage:
    """Return the stage that leaves ``cost``.

    Args:
        inputs: the task's item, and what ``run`` needs besides.
        run: ``Ref`` to the function of the stage.
    """
    return Stage(
        name="cost",
        run=run,
        inputs=tuple(inputs),
        outputs=(Artifact("cost", "json"),),
        per=("point",),
        requires=("torch",),
        aside=True,
        weightless=True,
    )


def device_stage(
    inputs: Sequence[str],
    run: str = "harness.cost.stages:device",
    env: Mapping[str, str] | None = None,
) -> Stage:
    """Return the stage that leaves ``device_run`` and ``device_outputs``, for each device.

    Args:
        inputs: the task's item, and what ``run`` needs besides.
        run: ``Ref`` to the function of the stage.
        env: extra environment variables of its process.
    """
    return Stage(
        name="device",
        run=run,
        inputs=tuple(inputs),
        outputs=(Artifact("device_run", "json"), Artifact("device_outputs", "arrays")),
        per=("point",),
        env=env or {},
        requires=("torch",),
        aside=True,
        devices=True,
    )


def pair_stage(inputs: Sequence[str], run: str = "harness.cost.stages:pair") -> Stage:
    """Return the stage that leaves ``device_pairs``: each model against the suite's anchor.

    Args:
        inputs: the task's item, and what ``run`` needs besides.
        run: ``Ref`` to the function of the stage.
    """
    return Stage(
        name="pair",
        run=run,
        inputs=tuple(inputs),
        outputs=(Artifact("device_pairs", "json"),),
        per=("point",),
        requires=("torch",),
        aside=True,
        devices=True,
        against=True,
    )


def cost(
    model: Any, inputs: Mapping[str, Any], point: Mapping[str, Json], _seed: int
) -> dict[str, Any]:
    """Count what the model's components cost for an item: the first input."""
    return {"cost": measure_cost(named_components(model, next(iter(inputs.values())), point))}


def device(
    model: Any,
    inputs: Mapping[str, Any],
    point: Mapping[str, Json],
    _seed: int,
    bench: Bench,
) -> dict[str, Any]:
    """Run the model's components on a device, on an item: the first input.

    ``device_run`` is::

        {"kind": "measured-host", "statistic": "median",
         "device": {"asked": …, "resolved": …, "processor" | "soc" | "os": …, "versions": {…}},
         "runtime": "torch", "precision": "float32", "threads": 1,
         "components": [{"name", "step", "calls", "sha256",
                         "samples_us": [one time of each call], "warm_up": calls dropped,
                         "cpu_us": [processor time of each call] | null,
                         "waited": share of the time spent waiting for a core | null,
                         "parts": {span: [one time of each call]},
                         "memory_bytes": {what: bytes}, "placement": {unit: operators},
                         …}]}

    where ``sha256`` is :func:`harness.cost.digest` of the module.
    """
    return measure_device(named_components(model, next(iter(inputs.values())), point), bench)


def pair(
    model: Any,
    inputs: Mapping[str, Any],
    point: Mapping[str, Json],
    _seed: int,
    bench: Bench,
    against: tuple[Any, Mapping[str, Any], Mapping[str, Json]],
) -> dict[str, Any]:
    """Time a model's components and the anchor's alternately, on an item: the first input.

    ``device_pairs`` is as ``device_run``, without components, with ``first_us`` and
    ``second_us``: the times of the anchor and of the model, pair by pair, and ``waited``.
    """
    other, theirs, where = against
    anchor = named_components(other, next(iter(theirs.values())), where)
    own = named_components(model, next(iter(inputs.values())), point)
    return {"device_pairs": measure_pair(anchor, own, bench)}


def named_components(model: Any, item: Any, point: Mapping[str, Json]) -> list[Component]:
    """Return the model's components.

    Raises:
        NotMeasuredError: it names none.
        ValueError: two have one name.
    """
    if not hasattr(model, "components"):
        raise NotMeasuredError("the model does not name its modules: it has no components()")
    found = list(model.components(item, point))
    if not found:
        raise NotMeasuredError("the model names no modules: components() is empty")
    names = [component.name for component in found]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"components(): two are called {name!r}")
    return found


def measure_cost(components: Sequence[Component]) -> dict[str, Any]:
    """Count each module among the components, on torch's meta device.

    Returns:
        ``{"components": [{"name", "step", "calls", "sha256", "inputs": {name: shape},
        "macs": {convention: {kind: MACs of one call}}, "refused": {convention: reason},
        "without_formula": {operator: times}, "parameters": n, "parameter_bytes": {dtype: bytes},
        "buffer_bytes": {dtype: bytes}, "peak_activation_bytes": n, "peak_module": name}],
        "stored": {"parameters", "parameter_bytes", "buffer_bytes"}}``; ``stored`` is of all
        modules together, what several share once.

    Raises:
        NotMeasuredError: none of them is a module.
        ValueError: a module cannot run on meta, or does not take its inputs.
    """
    import torch

    modules = [c for c in components if isinstance(c.module, torch.nn.Module)]
    if not modules:
        raise NotMeasuredError("none of the model's components is a torch module")
    whole = torch.nn.ModuleList([c.module for c in modules])
    return {"components": [_cost_of(c) for c in modules], "stored": _stored(whole)}


def _cost_of(component: Component) -> dict[str, Any]:
    from harness.cost import CONVENTIONS, activations, count, digest

    module: Any = component.module
    found: dict[str, Any] = {"macs": {}, "refused": {}}
    for convention in CONVENTIONS:
        try:
            counted = count(module, component.inputs, convention=convention)
        except ValueError as error:
            if convention == CONVENTIONS[0]:
                raise ValueError(f"component {component.name}: {error}") from error
            found["refused"][convention] = str(error)
            continue
        found["macs"][convention] = dict(counted.by_kind)
        if convention == CONVENTIONS[0]:
            found["inputs"] = {name: list(shape) for name, shape in counted.inputs.items()}
            found["without_formula"] = dict(counted.without_formula)
    live = activations(module, component.inputs)
    return {
        "name": component.name,
        "step": component.step,
        "calls": component.calls,
        "sha256": digest(module),
        **found,
        **_stored(module),
        "peak_activation_bytes": live.peak_bytes,
        "peak_module": live.peak_module,
    }


def _stored(module: Any) -> dict[str, Any]:
    from harness.cost import weights

    found = weights(module)
    return {
        "parameters": found.parameters,
        "parameter_bytes": dict(found.parameter_bytes),
        "buffer_bytes": dict(found.buffer_bytes),
    }


def measure_device(components: Sequence[Component], bench: Bench) -> dict[str, Any]:
    """Run components on a device; the values of ``device_run`` and ``device_outputs``.

    Raises:
        ValueError: a time is no positive number.
    """
    run = bench.measure(components)
    for part in run.record["components"]:
        samples = part.get("samples_us") or []
        if not all(math.isfinite(t) and t > 0 for t in samples):
            raise ValueError(f"component {part['name']}: a time is no positive number")
    return {"device_run": dict(run.record), "device_outputs": dict(run.outputs)}


def measure_pair(
    first: Sequence[Component], second: Sequence[Component], bench: Bench
) -> dict[str, Any]:
    """Time two models alternately; the value of ``device_pairs``.

    Raises:
        NotMeasuredError: the device cannot do that.
    """
    compare = getattr(bench, "compare", None)
    if compare is None:
        raise NotMeasuredError("the device does not time models in pairs")
    return dict(compare(first, second))
