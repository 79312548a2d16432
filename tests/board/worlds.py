"""A plugin whose models leave matrices, graphs and series: what the board draws of artifacts.

Nothing is learnt: ``noise`` says how far a model's code is from the truth.
"""

from __future__ import annotations

import hashlib

import numpy as np

from harness import (
    Artifact,
    Dataset,
    Family,
    Item,
    MatrixPanel,
    Metric,
    Model,
    ProfilePanel,
    SeriesPanel,
    Stage,
    Task,
    hookimpl,
)

PANELS = (
    MatrixPanel(
        title="Code against truth",
        inputs=("truth", "code"),
        compute="worlds:explained",
        rows="true variable",
        columns="code",
    ),
    MatrixPanel(
        title="Causal graph", inputs=("truth", "code"), compute="worlds:graphs", style="graph"
    ),
    SeriesPanel(
        title="Reward over time",
        inputs=("rewards",),
        compute="worlds:rewards",
        x="time [steps]",
        y="reward",
    ),
    ProfilePanel(title="Performance profile", metric="return"),
)


@hookimpl
def harness_families():
    task = Task(
        name="control",
        item="world",
        accepts="world",
        stages=(
            Stage(
                name="draw",
                run="worlds:draw",
                inputs=("world",),
                outputs=(Artifact("truth", "arrays"),),
                per=("item",),
                model=False,
            ),
            Stage(
                name="infer",
                run="worlds:infer",
                inputs=("truth",),
                outputs=(Artifact("code", "arrays"),),
                per=("item", "seed"),
            ),
            Stage(
                name="rollout",
                run="worlds:rollout",
                inputs=("world",),
                outputs=(Artifact("rewards", "array"),),
                per=("item", "seed"),
            ),
        ),
    )
    return [
        Family(
            name="worlds", summary="toy worlds", interface="worlds:Agent", tasks=(task,),
            panels=PANELS,
        )
    ]  # fmt: skip


@hookimpl
def harness_datasets():
    params = {"count": 3, "size": 4}
    return [
        Dataset(
            name="grid", provides="world", index="worlds:index", load="worlds:load", params=params
        )
    ]


@hookimpl
def harness_metrics():
    return [
        Metric(
            name="return",
            factory="worlds:Return",
            inputs=("rewards",),
            signature="return|mean|v1",
            better="higher",
            range=(0, 1),
        )
    ]


@hookimpl
def harness_models():
    params = {"noise": 0.1, "fault": ""}
    return [Model(name="agent", family="worlds", factory="worlds:Agent", params=params)]


def index(count, size):
    names = [f"world{n}" for n in range(count)]
    digests = [hashlib.sha256(f"{name} {size}".encode()).hexdigest() for name in names]
    return [Item(n, d, meta={"size": size}) for n, d in zip(names, digests, strict=True)]


def load(item, data):
    return {"seed": int(item.id.removeprefix("world")), "size": item.meta["size"]}


def draw(model, inputs, point, seed):
    rng = np.random.default_rng(inputs["world"]["seed"])
    size = inputs["world"]["size"]
    edges = np.triu(rng.random((size, size)) < 0.55, 1) * rng.uniform(0.5, 1, (size, size))
    return {"truth": {"z": rng.normal(size=(400, size)), "graph": edges}}


def infer(model, inputs, point, seed):
    rng = np.random.default_rng(seed)
    z, graph = inputs["truth"]["z"], inputs["truth"]["graph"]
    mix = np.eye(z.shape[1]) + model.noise * rng.normal(size=(z.shape[1],) * 2)
    found = np.abs(graph + 0.4 * model.noise * rng.normal(size=graph.shape) * (graph.T < 0.9))
    return {"code": {"z": z @ mix, "graph": np.clip(found * (1 - np.eye(len(graph))), 0, 1)}}


def rollout(model, inputs, point, seed):
    rng = np.random.default_rng([seed, inputs["world"]["seed"]])
    time = np.arange(200)
    gain = 1 - model.noise / 2
    rewards = gain * (1 - np.exp(-time / 40)) + 0.1 * rng.normal(size=(12, 200))
    rewards[time > rng.integers(60, 260, (12, 1))] = np.nan
    return {"rewards": rewards}


class Agent:
    def __init__(self, noise, fault):
        if fault == "build":
            raise RuntimeError("no such agent")
        self.noise = noise


class Return:
    def __call__(self, rewards):
        return float(np.clip(np.nanmean(rewards[:, -140:]), 0, 1))


def explained(truth, code):
    size = truth["z"].shape[1]
    both = np.corrcoef(truth["z"].T, code["z"].T)[:size, size:] ** 2
    return {"R²": both}


def graphs(truth, code):
    return {"true": truth["graph"], "recovered": code["graph"]}


def rewards(array):
    return array
