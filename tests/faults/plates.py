"""A family whose models copy arrays, and one model that fails in every way there is."""

from __future__ import annotations

import ctypes
import hashlib
import os
import signal
import sys
import time

from harness import Artifact, Dataset, Family, Item, Metric, Model, Stage, Task, hookimpl

BAD_PLATE = 2


@hookimpl
def harness_families():
    stages = (
        Stage(
            name="copy", run="plates:copy", inputs=("plate",), outputs=(Artifact("twin", "array"),)
        ),
    )
    task = Task(name="copy", item="plate", accepts="plate", stages=stages)
    return [Family(name="plates", summary="", interface="plates:Copier", tasks=(task,))]


@hookimpl
def harness_models():
    defaults = {"fault": "", "pause": 0.0}
    return [Model(name="copier", family="plates", factory="plates:Copier", params=defaults)]


@hookimpl
def harness_datasets():
    params = {"count": 4, "side": 16}
    return [
        Dataset(
            name="plates",
            provides="plate",
            index="plates:index",
            load="plates:load",
            params=params,
        )
    ]


@hookimpl
def harness_metrics():
    return [
        Metric(
            name="gap",
            factory="plates:Gap",
            inputs=("plate", "twin"),
            signature="gap|mean of the absolute difference|v1",
            better="lower",
            range=(0, float("inf")),
        )
    ]


def index(count, side):
    return [
        Item(
            f"plate{n}",
            hashlib.sha256(b"%d %d" % (n, side)).hexdigest(),
            meta={"n": n, "side": side},
        )
        for n in range(count)
    ]


def load(item, data):
    import numpy as np

    side = item.meta["side"]
    plate = np.random.default_rng(item.meta["n"]).random((side, side))
    plate[0, 0] = item.meta["n"]
    return plate


class Wrong(Exception):
    outcome = "invalid"


def copy(model, inputs, point, seed):
    plate = inputs["plate"]
    twin = model.copy(plate)
    if getattr(twin, "shape", plate.shape) != plate.shape:
        raise Wrong(f"expected {plate.shape}, got {twin.shape}")
    return {"twin": twin}


class Copier:
    def __init__(self, fault, pause):
        self.fault, self.pause = fault, pause

    def copy(self, plate):
        time.sleep(self.pause)
        if self.fault and plate[0, 0] == BAD_PLATE:
            return FAULTS[self.fault](plate)
        return plate + 0.5


class Gap:
    def __call__(self, plate, twin):
        return abs(plate - twin).mean()


def throw(plate):
    raise ValueError("too hard </script><img src=x onerror=alert(1)> \udcff")


def flood(plate):
    for _ in range(20_000):
        print("noise " * 100)
    os.write(2, b"\xff" * 100_000)
    return plate + 0.5


def eat(plate):
    hoard = []
    while True:
        hoard.append(bytearray(b"x" * 2**24))


def spin(plate):
    while True:
        pass


def recurse(plate):
    return recurse(plate)


def stop(plate):
    os.kill(os.getpid(), signal.SIGSTOP)


FAULTS = {
    "raise": throw,
    "exit": lambda plate: os._exit(3),
    "sysexit": lambda plate: sys.exit(0),
    "segfault": lambda plate: ctypes.string_at(0),
    "abort": lambda plate: os.abort(),
    "hang": lambda plate: time.sleep(600),
    "spin": spin,
    "stop": stop,
    "eat": eat,
    "flood": flood,
    "nan": lambda plate: plate * float("nan"),
    "inf": lambda plate: plate / 0.0 if False else plate * float("inf"),
    "shape": lambda plate: plate[:-1],
    "type": lambda plate: {"not": "an array"},
    "none": lambda plate: None,
    "huge": lambda plate: (
        __import__("numpy").zeros(100 * 2**20, dtype="u1").reshape(plate.shape[0], -1)
    ),
    "past": lambda plate: plate[plate.shape[0] + 1],
    "recurse": recurse,
}
