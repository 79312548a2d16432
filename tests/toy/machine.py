"""A family measured on devices, in one file: a number that is doubled, faster or slower."""

from __future__ import annotations

import hashlib
import json
import time

from harness import (
    Artifact,
    Dataset,
    Device,
    Family,
    FrontPanel,
    Item,
    Metric,
    Model,
    PartsPanel,
    Resource,
    Signed,
    Stage,
    Task,
    Unavailable,
    Variant,
    hookimpl,
)

STAGES = (
    Stage(
        name="double",
        run="machine:double",
        inputs=("number",),
        outputs=(Artifact("doubled", "json"),),
        per=("item", "seed"),
    ),
    Stage(
        name="weigh",
        run="machine:weigh",
        inputs=("number",),
        outputs=(Artifact("weight", "json"),),
        per=("point",),
        aside=True,
        weightless=True,
    ),
    Stage(
        name="drive",
        run="machine:drive",
        inputs=("doubled",),
        outputs=(Artifact("driven", "json"),),
        per=("point",),
        aside=True,
        devices=True,
    ),
    Stage(
        name="race",
        run="machine:race",
        inputs=("doubled",),
        outputs=(Artifact("raced", "json"),),
        per=("point",),
        aside=True,
        devices=True,
        against=True,
    ),
)
FILE = Resource(name="w.bin", url="http://127.0.0.1:9/w.bin", sha256="0" * 64)


@hookimpl
def harness_families():
    task = Task(name="double", item="number", accepts="number", stages=STAGES)
    panels = (
        FrontPanel(title="Error and time", x="seconds", y="error"),
        PartsPanel(title="Parts", inputs=("driven",), compute="machine:parts"),
    )
    return [
        Family(name="machine", summary="", interface="machine:M", tasks=(task,), panels=panels)
    ]


@hookimpl
def harness_datasets():
    return [
        Dataset(
            name="numbers",
            provides="number",
            index="machine:index",
            load="machine:load",
            params={"count": 3},
        )
    ]


@hookimpl
def harness_models():
    return [
        Model(name="plain", family="machine", factory="machine:Doubler"),
        Model(
            name="heavy",
            family="machine",
            factory="machine:Doubler",
            skeleton="machine:Skeleton",
            weights=(FILE,),
        ),
    ]


@hookimpl
def harness_variants():
    return [
        Variant(name="shifted", wrap="machine:shifted", params={"by": 1}),
        Variant(name="tuned", wrap="machine:tuned", calibrated=True),
        Variant(name="foreign", wrap="machine:shifted", families=("codec",)),
    ]


@hookimpl
def harness_devices():
    return [
        Device(
            name="wheel",
            kind="simulated",
            factory="machine:Wheel",
            params={"speed": 1, "fails": False, "patience": 3},
            incidental=("patience",),
            check="machine:check_wheel",
            hardware="machine:hardware",
        ),
        Device(name="road", kind="measured-host", factory="machine:Road", alone=True),
    ]


@hookimpl
def harness_metrics():
    return [
        Metric(
            name="error",
            factory="machine:error",
            inputs=("number", "doubled"),
            signature="error|v1",
            better="lower",
        ),
        Metric(
            name="weight",
            factory="machine:weight",
            inputs=("weight",),
            signature="weight|v1",
            better="lower",
        ),
        Metric(
            name="seconds",
            factory="machine:seconds",
            inputs=("driven",),
            signature="seconds|v1",
            better="lower",
            over_points="mean",
        ),
        Metric(
            name="lead",
            factory="machine:lead",
            inputs=("raced",),
            signature="lead|v1",
            better="higher",
        ),
    ]


class Doubler:
    def __init__(self):
        self.factor, self.shift, self.kind = 2, 0, "whole"

    def double(self, number):
        return self.factor * number + self.shift


class Skeleton:
    kind = "skeleton"


class Wheel:
    def __init__(self, folder, speed, fails, patience):
        self.folder, self.speed, self.fails = folder, speed, fails

    def drive(self, number):
        if self.fails:
            raise RuntimeError("flat tyre")
        (self.folder / "log").open("a").write(f"{number}\n")
        return {"from": number, "seconds": 1 / self.speed}


class Road:
    def __init__(self, folder):
        self.folder = folder

    def drive(self, number):
        start = time.time()
        time.sleep(0.2)
        return {"from": number, "seconds": 0.2, "span": [start, time.time()]}


def check_wheel(speed, fails, patience):
    if speed == 0:
        raise Unavailable("a wheel that stands", "turn it")
    if speed < 0:
        raise ValueError(f"speed {speed}: expected 1 or more")


def hardware(speed, fails, patience):
    return "wood"


def shifted(model, items, by):
    assert items == []
    model.shift = by
    return model


def tuned(model, items):
    model.shift = sum(items)
    return model


def double(model, inputs, point, seed):
    start = time.time()
    time.sleep(0.02)
    return {
        "doubled": {"value": model.double(inputs["number"]), "span": [start, time.time()]},
    }


def weigh(model, inputs, point, seed):
    return {"weight": {"of": inputs["number"], "kind": model.kind}}


def drive(model, inputs, point, seed, device):
    return {"driven": device.drive(inputs["doubled"]["value"])}


def race(model, inputs, point, seed, device, against):
    other, theirs, where = against
    values = [inputs["doubled"]["value"], theirs["doubled"]["value"]]
    return {"raced": {"values": values, "shifts": [model.shift, other.shift], "at": where}}


def lead():
    return lambda raced: raced["values"][0] - raced["values"][1]


def error():
    return lambda number, doubled: abs(doubled["value"] - 2 * number)


def weight():
    def compute(found):
        value = 10.0 + found["of"]
        return Signed(value, how=found["kind"], replicates=(value,))

    return compute


def seconds():
    def compute(driven):
        value = driven["seconds"]
        spread = tuple(value * (0.99 + 0.0002 * i) for i in range(101))
        slow = "too slow" if value == 1 else ""
        return Signed(value, how="each", replicates=spread, n=100, note="by hand", unranked=slow)

    return compute


def parts(driven):
    return [{"part": "wheel", "seconds": driven["seconds"], "where": {"NPU": 3, "CPU": 1}}]


def index(count):
    return [
        Item(str(n), hashlib.sha256(json.dumps(n).encode()).hexdigest(), meta={"n": n})
        for n in range(5, 5 + count)
    ]


def load(item, data):
    return item.meta["n"]
