"""A family that learns, in one file: a line through points. Its truth is kept from models."""

from __future__ import annotations

import hashlib

import numpy as np

from harness import Artifact, Dataset, Family, Item, Metric, Model, Stage, Task, hookimpl

STAGES = (
    Stage(
        name="observe",
        run="learner:observe",
        inputs=("line",),
        outputs=(Artifact("points", "arrays"), Artifact("truth", "array")),
        per=("item",),
        model=False,
    ),
    Stage(
        name="unread",
        run="learner:unread",
        inputs=("points",),
        outputs=(Artifact("nothing", "json"),),
        per=("item",),
        model=False,
    ),
    Stage(
        name="fit",
        run="learner:fit",
        inputs=("points",),
        outputs=(Artifact("fitted", "array"),),
        per=("item", "seed"),
        privileged=("truth",),
    ),
    Stage(
        name="explain",
        run="learner:explain",
        inputs=("fitted",),
        outputs=(Artifact("explanation", "json"),),
        per=("item", "seed"),
    ),
)


@hookimpl
def harness_families():
    task = Task(name="line", item="line", accepts="line", stages=STAGES)
    return [Family(name="learner", summary="", interface="learner:Model", tasks=(task,))]


@hookimpl
def harness_datasets():
    return [Dataset(name="lines", provides="line", index="learner:index", load="learner:load")]


@hookimpl
def harness_models():
    return [
        Model(name="least-squares", family="learner", factory="learner:LeastSquares"),
        Model(name="guess", family="learner", factory="learner:Guess"),
        Model(name="oracle", family="learner", factory="learner:Oracle"),
    ]


@hookimpl
def harness_metrics():
    return [
        Metric(
            name="error",
            factory="learner:error",
            inputs=("truth", "fitted"),
            signature="error|v1",
            better="lower",
            range=(0, float("inf")),
        ),
        Metric(
            name="words",
            factory="learner:words",
            inputs=("explanation",),
            signature="words|v1",
            better="none",
        ),
    ]


def index():
    return [
        Item(f"line{n}", hashlib.sha256(str(n).encode()).hexdigest(), meta={"n": n})
        for n in range(4)
    ]


def load(item, data):
    return item.meta["n"]


def observe(model, inputs, point, seed):
    assert model is None
    rng = np.random.default_rng(inputs["line"])
    truth, x = rng.normal(size=2), rng.normal(size=50)
    noise = 0.1 * rng.normal(size=50)
    return {"points": {"x": x, "y": truth[0] + truth[1] * x + noise}, "truth": truth}


def unread(model, inputs, point, seed):
    raise AssertionError("nothing reads this")


def fit(model, inputs, point, seed):
    truth = {"truth": inputs["truth"]} if "truth" in inputs else {}
    return {"fitted": model.fit(inputs["points"]["x"], inputs["points"]["y"], seed, **truth)}


def explain(model, inputs, point, seed):
    if not hasattr(model, "explain"):
        error = TypeError("the model has no explain()")
        error.outcome = "skipped"
        raise error
    return {"explanation": model.explain()}


def error():
    return lambda truth, fitted: float(np.abs(truth - fitted).max())


def words():
    return lambda explanation: len(explanation.split())


class LeastSquares:
    def fit(self, x, y, seed):
        keep = np.random.default_rng(seed).permutation(x.size)[:40]
        return np.polyfit(x[keep], y[keep], 1)[::-1]

    def explain(self):
        return "the least squared error"


class Guess:
    def fit(self, x, y, seed):
        return np.random.default_rng(seed).normal(size=2)


class Oracle:
    def fit(self, x, y, seed, truth):
        return truth
