"""A plugin with one of everything: what is here, what is missing, and what is broken."""

from __future__ import annotations

import hashlib
import json
import os

from harness import (
    Artifact,
    Dataset,
    Derived,
    Device,
    Exporter,
    Family,
    Importer,
    Item,
    Metric,
    Model,
    PublishedScore,
    Resource,
    Stage,
    Task,
    Unavailable,
    hookimpl,
)

CONTENT = b"0123456789" * 100


def resource(name):
    return Resource(
        name=name,
        url=f"http://127.0.0.1:{os.environ.get('SHOP_PORT', '9')}/{name}",
        sha256=hashlib.sha256(CONTENT).hexdigest(),
        size=len(CONTENT),
        licence="CC0-1.0",
    )


@hookimpl
def harness_families():
    stages = (
        Stage(name="pack", run="shop:x", inputs=("thing",), outputs=(Artifact("box"),)),
        Stage(name="unpack", run="shop:x", inputs=("box",), outputs=(Artifact("again"),)),
    )
    task = Task(name="parcel", item="thing", accepts="thing", stages=stages, summary="in and out")
    return [
        Family(
            name="post",
            summary="things through boxes and back",
            interface="shop:Packer",
            tasks=(task,),
        )
    ]


@hookimpl
def harness_derived():
    return [Derived(name="saving", compute="shop:x", inputs=("weight",), unit="%")]


@hookimpl
def harness_models():
    def model(name, summary, **more):
        return Model(name=name, family="post", factory="shop:x", summary=summary, **more)

    return [
        model(
            "box",
            "A plain cardboard box, folded by hand, as the post office has sold it since 1874",
            params={"tape": True, "side": 30, "colour": "brown"},
            points={"strength": (1, 2, 3, 5, 8)},
            variants={"gift": {"colour": "red"}},
            tags=("paper",),
            licence="MIT",
            paper="Stephan, Denkschrift betreffend den Postblatt-Verkehr, 1865",
            url="https://example.org/box",
            requires=("numpy>=1.20", "click"),
        ),
        model("crate", "A wooden crate", requires=("oakwood>=2.0",), extra="wood"),
        model("drone", "Flies", check="shop:no_licence"),
        model("learned-box", "A box with weights", weights=(resource("learned.bin"),)),
        model("rocket", "Its check is faulty", check="shop:explode"),
    ]


@hookimpl
def harness_datasets():
    return [
        Dataset(
            name="things",
            provides="thing",
            index="shop:things",
            load="shop:x",
            summary="ten things that ship inside the plugin",
            licence="CC0-1.0",
        ),
        Dataset(
            name="letters",
            provides="thing",
            index="shop:letters",
            load="shop:x",
            files=(resource("a.txt"), resource("b.txt")),
            summary="two letters, to be fetched",
        ),
        Dataset(
            name="attic",
            provides="thing",
            index="shop:attic",
            load="shop:x",
            params={"path": ""},
            summary="whatever lies there",
        ),
    ]


@hookimpl
def harness_metrics():
    return [
        Metric(
            name="weight",
            factory="shop:x",
            inputs=("box",),
            signature="weight|scales|v1",
            better="lower",
            unit="g",
            range=(0, float("inf")),
            summary="what the scales say",
            paper="Roberval, 1669",
        ),
        Metric(
            name="box",
            factory="shop:x",
            inputs=("box",),
            signature="boxness|v1",
            better="higher",
            weights=(resource("boxness.bin"),),
        ),
    ]


@hookimpl
def harness_devices():
    return [
        Device(
            name="van",
            kind="simulated",
            factory="shop:Van",
            summary="a van",
            check="shop:no_licence",
        )
    ]


@hookimpl
def harness_exporters():
    return [Exporter(name="label", suffix=".lbl", write="shop:x", summary="an address label")]


@hookimpl
def harness_importers():
    return [
        Importer(name="pricelist", read="shop:read_prices", summary="JSON: model to price"),
        Importer(name="tariff", read="shop:read_tariff", summary="text: one price a line"),
    ]


def read_prices(path, data):
    try:
        prices = json.loads(data)
    except ValueError:
        raise ValueError("not JSON") from None
    if not isinstance(prices, dict):
        raise ValueError("expected an object of model to price")  # noqa: TRY004
    return [
        PublishedScore(model=m, dataset="letters", metric="price", value=float(v), position=n)
        for n, (m, v) in enumerate(prices.items())
    ]


def read_tariff(path, data):
    lines = data.decode("utf-8", "replace").splitlines()
    if any(not line.replace(".", "").isdigit() for line in lines):
        raise ValueError("line 1 is no price")
    return [
        PublishedScore(model=path.stem, dataset="letters", metric="price", value=float(line))
        for line in lines
    ]


def no_licence(**params):
    raise Unavailable("no pilot's licence", "fly: harness school")


def explode(**params):
    raise RuntimeError("boom\nsecond line")


def things():
    return [Item(f"thing{n}", hashlib.sha256(b"%d" % n).hexdigest()) for n in range(10)]


def letters():
    raise Unavailable("letters: a.txt is not on this machine", "run: harness data pull letters")


def attic(path):
    raise ValueError("attic needs a directory: give it params {path: DIRECTORY}")
