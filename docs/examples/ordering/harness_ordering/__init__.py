"""The ordering family: the ops of a computation graph in the order of the least peak memory.

This module declares; what it names is imported where it runs.
"""

from __future__ import annotations

from pathlib import Path

from harness import (
    Artifact,
    Dataset,
    Derived,
    Family,
    FrontPanel,
    Metric,
    Model,
    ProfilePanel,
    SeriesPanel,
    Stage,
    SuiteFile,
    Task,
    hookimpl,
)

__all__: list[str] = []

_HERE = "harness_ordering"
_STAGES = f"{_HERE}.stages"
_METRICS = f"{_HERE}.metrics"
_DATASETS = f"{_HERE}.datasets"
_SCHEDULERS = f"{_HERE}.schedulers"
_TORCHVISION = "https://docs.pytorch.org/vision/stable/models.html"

_ORDER = Stage(
    name="order",
    run=f"{_STAGES}:order",
    inputs=("graph",),
    outputs=(Artifact("order", "json"),),
    per=("point", "item", "seed"),
)
_REPLAY = Stage(
    name="replay",
    run=f"{_STAGES}:replay",
    inputs=("graph", "order"),
    outputs=(Artifact("memory", "array"),),
    per=("point", "item", "seed"),
    model=False,  # the protocol's own step: two models of one order share it
)
_ORDER_AGAIN = Stage(
    name="order_again",
    run=f"{_STAGES}:order_again",
    inputs=("graph",),
    outputs=(Artifact("order_again", "json"),),
    per=("point", "item", "seed"),
)


@hookimpl
def harness_families() -> list[Family]:
    """Declare the family: two tasks, three panels, and the suite that checks a model."""
    return [
        Family(
            name="ordering",
            summary="orders of a computation graph's operations, by the peak memory they need",
            interface=f"{_HERE}.interface:Scheduler",
            tasks=(
                Task(
                    name="order",
                    item="graph",
                    accepts="computation-graph",
                    stages=(_ORDER, _REPLAY),
                    summary="an order of each graph under each seed, and the memory it needs",
                ),
                Task(
                    name="conformance",
                    item="graph",
                    accepts="computation-graph",
                    stages=(_ORDER, _ORDER_AGAIN),
                    summary="ordering each graph twice, in two processes",
                ),
            ),
            panels=(
                ProfilePanel(title="Graphs within a factor of the best", metric="peak_ratio"),
                FrontPanel(title="Peak and time to order", x="order_seconds", y="peak_ratio"),
                SeriesPanel(
                    title="Memory while a graph runs",
                    inputs=("memory",),
                    compute=f"{_HERE}.panels:memory_over_run",
                    x="ops that have run (%)",
                    y="mean over graphs (MiB)",
                ),
            ),
            conformance="ordering-conformance",
        )
    ]


@hookimpl
def harness_models() -> list[Model]:
    """Declare the schedulers."""

    def scheduler(name: str, place: str, summary: str, **more: object) -> Model:
        return Model(
            name=name,
            family="ordering",
            factory=place,
            tags=("ordering",),
            summary=summary,
            licence="Apache-2.0",
            **more,  # type: ignore[arg-type]
        )

    return [
        scheduler(
            "program-order",
            f"{_SCHEDULERS}:ProgramOrder",
            "the order in which the traced program ran",
        ),
        scheduler(
            "depth-first",
            f"{_SCHEDULERS}:DepthFirst",
            "what each output needs, by a depth-first walk backwards",
        ),
        scheduler(
            "random-order",
            f"{_SCHEDULERS}:RandomOrder",
            "at each step any op that is ready",
        ),
        scheduler(
            "greedy-order",
            f"{_SCHEDULERS}:Greedy",
            "at each step the ready op that leaves the least in memory",
        ),
        scheduler(
            "beam-order",
            f"{_SCHEDULERS}:BeamSearch",
            "a beam search over the sets of ops that have run",
            params={"width": 4},
            variants={"wide": {"width": 16}},
        ),
        scheduler(
            "exact-order",
            f"{_HERE}.exact:Exact",
            "dynamic programming over sets of ops: the least peak there is, or no order",
            params={"states": 2000},
            paper="after Ahn et al., Ordering Chaos, MLSys 2020",
        ),
    ]


@hookimpl
def harness_datasets() -> list[Dataset]:
    """Declare the graphs."""
    traced = [
        Dataset(
            name=f"torchvision_{mode}",
            provides="computation-graph",
            index=f"{_DATASETS}:index_traced",
            load=f"{_DATASETS}:load_traced",
            params={"mode": mode},
            licence="BSD-3-Clause (torchvision, whose models were traced)",
            url=_TORCHVISION,
            summary=summary,
        )
        for mode, summary in (
            ("inference", "14 forward passes of torchvision's models, traced with torch.export"),
            ("training", "9 training steps of torchvision's models, with SGD updates"),
        )
    ]
    drawn = Dataset(
        name="drawn_graphs",
        provides="computation-graph",
        index=f"{_DATASETS}:index_drawn",
        load=f"{_DATASETS}:load_drawn",
        params={"count": 12, "ops": 12, "seed": 0},
        licence="Apache-2.0",
        summary="small random graphs, drawn from a seed",
    )
    return [*traced, drawn]


@hookimpl
def harness_metrics() -> list[Metric]:
    """Declare what is computed from an order."""
    model = "reads+writes+live|no in-place|weights not counted"
    return [
        Metric(
            name="peak_ratio",
            factory=f"{_METRICS}:peak_ratio",
            inputs=("graph", "memory"),
            signature=f"peak_ratio|{model}|over best known:f97f4a4f|geometric mean|v1",
            better="lower",
            unit="×",
            range=(0.0, float("inf")),
            aggregate=f"{_METRICS}:geometric_mean",
            digits=4,
            summary="peak memory over the best peak known; 1 is best wherever that is proven",
        ),
        Metric(
            name="peak_mib",
            factory=f"{_METRICS}:peak_mib",
            inputs=("memory",),
            signature=f"peak_mib|{model}|2^20 bytes|mean|v1",
            better="lower",
            unit="MiB",
            range=(0.0, float("inf")),
            digits=2,
            summary="peak memory: the most that is alive while one op runs",
        ),
        Metric(
            name="optimal",
            factory=f"{_METRICS}:optimal",
            inputs=("graph", "memory"),
            signature=f"optimal|{model}|proven least|v1",
            better="higher",
            range=(0.0, 1.0),
            digits=2,
            summary="share of graphs on which no order is better, by proof",
        ),
        Metric(
            name="order_repeatable",
            factory=f"{_METRICS}:order_repeatable",
            inputs=("order", "order_again"),
            signature="order_repeatable|equal|two processes|v1",
            better="higher",
            range=(0.0, 1.0),
            summary="ordering again, in another process, gives the same order",
        ),
    ]


@hookimpl
def harness_derived() -> list[Derived]:
    """Declare what is computed from scores when a board is built."""
    return [
        Derived(
            name="peak_saved",
            compute=f"{_HERE}.derived:peak_saved",
            inputs=("peak_ratio",),
            unit="%",
            better="higher",
            summary="peak memory saved against the anchor, by the geometric mean over graphs",
        )
    ]


@hookimpl
def harness_suites() -> list[SuiteFile]:
    """Declare the suites beside this file."""
    return [
        SuiteFile(name=name, path=str(Path(__file__).with_name(f"{name}.yaml")), summary=summary)
        for name, summary in (
            ("ordering", "six schedulers on graphs of torchvision's models"),
            ("ordering-conformance", "what a scheduler must keep to"),
        )
    ]
