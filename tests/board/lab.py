"""Suites and score rows made by hand, and what the plugins they name compute."""

from __future__ import annotations

import numpy as np

from harness.board.build import build_tables
from harness.spec import (
    ComparePanel,
    Curve,
    CurvePanel,
    Dataset,
    Derived,
    DerivedScore,
    Family,
    FrontPanel,
    Metric,
    Model,
    Stage,
    Task,
)
from harness.suite import BoardForm, Entry, Limits, Suite, SuiteDataset

POINTS = tuple({"q": q} for q in (10, 30, 60, 90))
PHOTOS = Dataset(name="photos", provides="image", index="board_lab:index", load="board_lab:load")
PANELS = (
    CurvePanel(title="Rate and quality", x="bpp", y="psnr"),
    FrontPanel(title="Quality and time", x="encode_seconds", y="psnr"),
    ComparePanel(
        title="Pictures", artifact="picture", match_on="bpp", thumbnail="board_lab:thumbnail"
    ),
)


def metric(name, better="higher", **more):
    return Metric(
        name=name, factory="x:y", inputs=(), signature=f"{name}|v1", better=better, **more
    )


METRICS = (metric("bpp", "lower"), metric("psnr", unit="dB", digits=2))


def suite(entries, metrics=METRICS, derived=(), datasets=(PHOTOS,), stages=("encode",), **board):
    """``entries``: label to operating points."""
    steps = tuple(Stage(name=s, run="x:y", inputs=(), outputs=()) for s in stages)
    task = Task(name="image", item="image", accepts="image", stages=steps)
    family = Family(name="lab", summary="", interface="x:y", tasks=(task,), panels=PANELS)
    return Suite(
        name="lab",
        title="Lab",
        summary="",
        path="lab.yaml",
        digest="0" * 64,
        tasks=((family, task),),
        datasets=tuple(SuiteDataset(dataset=d, params={}) for d in datasets),
        entries=tuple(
            Entry(
                label=label,
                model=Model(name=label, family="lab", factory="x:y"),
                params={},
                points=tuple(points),
            )
            for label, points in entries.items()
        ),
        metrics=tuple(metrics),
        derived=tuple(derived),
        seeds=(0,),
        devices=("host",),
        limits={"": Limits()},
        board=BoardForm(**board),
    )


def row(entry, metric, value, **more):
    return {
        "kind": "measured",
        "metric": metric,
        "value": float(value),
        "unit": "",
        "better": "none",
        "signature": f"{metric}|v1",
        "entry": entry,
        "model": entry,
        "params": {},
        "variant": "base",
        "task": "image",
        "dataset": "photos",
        "item": None,
        "point": None,
        "seed": None,
        "key": "",
        "environment": None,
        "source": None,
    } | more


def rows(entry, metric, values, points=POINTS, **more):
    """Score rows of a (points, items) array; NaN is a score that is missing."""
    values = np.atleast_2d(np.asarray(values, float))
    return [
        row(entry, metric, values[p, i], **{"point": points[p], "item": f"i{i}", **more})
        for i in range(values.shape[1])
        for p in range(values.shape[0])
        if not np.isnan(values[p, i])
    ]


def quoted(entry, metric, values, **more):
    """Rows of a published curve: a number for each point."""
    return [
        row(entry, metric, v, point={"point": n}, kind="published", source="A paper", **more)
        for n, v in enumerate(values)
    ]


def node(entry, outcome="ok", **more):
    return {
        "key": "k",
        "kind": "stage",
        "step": "encode",
        "entry": entry,
        "model": entry,
        "dataset": "photos",
        "item": "i0",
        "point": None,
        "seed": None,
        "outcome": outcome,
        "reason": "",
        "notes": None,
        "artifacts": None,
        "log": None,
        "finished": 0.0,
    } | more


def codec(seed=0, gain=1.0, items=12, shift=0.0, world=0):
    """Rates and qualities of a codec: (4, items) arrays."""
    hard = np.random.default_rng(world).normal(size=items)
    noise = np.random.default_rng(seed + 100).normal(scale=0.02, size=items)
    p = np.arange(4)[:, None]
    rate = gain * 0.1 * 2.0**p * np.exp(0.5 * hard + noise)
    return rate, 28 + 3 * p - 2 * hard + shift + 0 * rate


def codec_rows(entry, **how):
    rate, quality = codec(**how)
    return rows(entry, "bpp", rate) + rows(entry, "psnr", quality)


def board(made, score_rows, nodes=(), size=12):
    return build_tables(made, score_rows, list(nodes), {"photos": size})[0]


def table(*args, **more):
    """Label to row of the only table."""
    (only,) = board(*args, **more).tables
    return {r.entry: r for r in only.rows}


# --- what plugins compute -------------------------------------------------------------


def gap(curves, anchor, name="gap", replicates=True, wrong=""):
    """Mean quality above the anchor's, as a third party may write it."""
    reference = next((c for c in curves if c.entry == anchor), None)
    for curve in curves:
        if reference is None:
            yield DerivedScore(
                entry=curve.entry, name=name, value=np.nan, signature="gap|v1", refusal="no anchor"
            )
            continue
        if wrong == "raise":
            raise KeyError("psnr")
        difference = (curve.scores["psnr"] - reference.scores["psnr"]).mean(axis=0)
        drawn = difference[curve.resamples].mean(axis=1)
        yield DerivedScore(
            entry="nobody" if wrong == "entry" else curve.entry,
            name=name,
            value=float(difference.mean()),
            signature="gap|v1",
            replicates=None if not replicates else drawn[:7] if wrong == "shape" else drawn,
            details={"items": "many" if wrong == "details" else len(curve.items)},
        )


def mixed(curves, anchor):
    """A score of an item score and a set-level score."""
    for curve in curves:
        assert isinstance(curve, Curve)
        value = curve.aggregate["psnr"](curve.scores["psnr"]) - curve.aggregate["fid"](
            curve.scores["fid"]
        )
        yield DerivedScore(
            entry=curve.entry, name="mixed", value=float(np.max(value)), signature="mixed|v1"
        )


def db_of_mean(values):
    return -10 * np.log10((10.0 ** (-values / 10)).mean(axis=-1))


def derived(name="gap", compute="board_lab:gap", inputs=("psnr",), better="higher", **params):
    return Derived(name=name, compute=compute, inputs=inputs, better=better, params=params)


def bd_rate(quality="psnr"):
    return Derived(
        name="bd_rate",
        compute="harness_plugins.codec.derived:compute",
        inputs=("bpp", quality),
        unit="%",
        better="lower",
        params={"name": "bd_rate", "delta": "rate", "rate": "bpp", "quality": quality},
    )
