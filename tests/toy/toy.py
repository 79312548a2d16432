"""A family of its own, in one file: texts through bytes and back. The core's tests run on it."""

from __future__ import annotations

import hashlib
import os
import sys
import time
import zlib

from harness import (
    Artifact,
    CurvePanel,
    Dataset,
    Family,
    Item,
    Metric,
    Model,
    Stage,
    Task,
    hookimpl,
)

WORDS = ["causality", "compression", "intervention", "entropy", "latency", "identifiability"]


@hookimpl
def harness_families():
    task = Task(
        name="squeeze",
        item="text",
        accepts="text",
        stages=(
            Stage(
                name="pack",
                run="toy:pack",
                inputs=("text",),
                outputs=(Artifact("packed"),),
            ),
            Stage(
                name="unpack",
                run="toy:unpack",
                inputs=("packed",),
                outputs=(Artifact("unpacked"),),
            ),
        ),
    )
    panel = CurvePanel(title="Size against likeness", x="size", y="likeness")
    return [
        Family(
            name="toy",
            summary="texts through bytes and back",
            interface="toy:Squeezer",
            tasks=(task,),
            panels=(panel,),
        )
    ]


@hookimpl
def harness_datasets():
    return [
        Dataset(
            name="words", provides="text", index="toy:index", load="toy:load", params={"count": 6}
        )
    ]


@hookimpl
def harness_metrics():
    return [
        Metric(
            name="size",
            factory="toy:Size",
            inputs=("text", "packed"),
            signature="size|bytes per letter|v1",
            better="lower",
            range=(0, float("inf")),
        ),
        Metric(
            name="likeness",
            factory="toy:Likeness",
            inputs=("text", "unpacked"),
            signature="likeness|share of equal letters|v1",
            better="higher",
            range=(0, 1),
        ),
    ]


def squeezer(name, **params):
    return Model(
        name=name,
        family="toy",
        factory="toy:Squeezer",
        params={"fault": "", **params},
        points={"level": (1, 3, 6, 9)},
        variants={"slow": {"fault": "slow"}},
        tags=("toy",),
    )


@hookimpl
def harness_models():
    return [squeezer("zip"), squeezer("lossy", keep=0.5), squeezer("faulty")]


def index(count):
    texts = [f"{WORDS[n % len(WORDS)]} {n} " * 20 for n in range(count)]
    return [
        Item(f"text{n:05}", hashlib.sha256(t.encode()).hexdigest(), meta={"text": t})
        for n, t in enumerate(texts)
    ]


def load(item, data):
    assert data is None
    return item.meta["text"].encode()


def pack(model, inputs, point, seed):
    return {"packed": model.pack(inputs["text"], point)}


def unpack(model, inputs, point, seed):
    return {"unpacked": model.unpack(inputs["packed"])}


class Squeezer:
    """zlib, with faults on demand: ``fault`` is what goes wrong when text00002 is packed."""

    def __init__(self, fault="", keep=1.0):
        self.fault, self.keep = fault, keep
        if fault == "build":
            raise RuntimeError("no such network")

    def pack(self, text, point):
        if self.fault == "slow":
            time.sleep(0.05)
        elif self.fault and b"intervention" in text:
            return FAULTS[self.fault](text)
        kept = text[: max(1, round(len(text) * self.keep * (1 + point["level"]) / 10))]
        return zlib.compress(kept if self.keep < 1 else text, point["level"])

    def unpack(self, data):
        return zlib.decompress(data)


def _raise(text):
    raise ValueError("this text is too hard")


def _hang(text):
    time.sleep(600)


def _segfault(text):
    import ctypes

    ctypes.string_at(0)


def _eat(text):
    hoard = []
    while True:
        hoard.append(bytearray(b"x" * 2**24))


def _flood(text):
    for _ in range(20_000):
        print("noise " * 100)
    return zlib.compress(text)


FAULTS = {
    "raise": _raise,
    "exit": lambda text: os._exit(3),
    "sysexit": lambda text: sys.exit(1),
    "segfault": _segfault,
    "hang": _hang,
    "eat": _eat,
    "flood": _flood,
    "wrong": lambda text: {"not": "bytes"},
    "huge": lambda text: bytes(100 * 2**20),
    "garbage": lambda text: b"no zlib stream",
    "truncated": lambda text: zlib.compress(text)[:-6],
}


class Size:
    def __call__(self, text, packed):
        return len(packed) / len(text)


class Likeness:
    def __call__(self, text, unpacked):
        return sum(a == b for a, b in zip(text, unpacked, strict=False)) / len(text)
