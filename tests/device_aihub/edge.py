"""A family whose models are torch modules, in one file: signals that are filtered."""

from __future__ import annotations

import hashlib

from harness import Dataset, Family, Item, Model, Task, hookimpl
from harness.cost.stages import device_stage


class Filter:
    def __init__(self, width=4):
        import torch

        torch.manual_seed(0)
        self.module = torch.nn.Sequential(torch.nn.Conv2d(1, width, 3), torch.nn.ReLU())

    def components(self, item, point):
        from harness.cost import Component

        return [Component(name="filter", module=self.module, inputs=[item], step="run", calls=2)]


def index():
    return [Item("signal", hashlib.sha256(b"signal").hexdigest())]


def load(item, data):
    return (1, 1, 8, 8)


@hookimpl
def harness_families():
    stages = (device_stage(("signal",)),)
    task = Task(name="filter", item="signal", accepts="signal", stages=stages)
    return [Family(name="edge", summary="", interface="edge:Filter", tasks=(task,))]


@hookimpl
def harness_models():
    return [Model(name="plain", family="edge", factory="edge:Filter", params={"width": 4})]


@hookimpl
def harness_datasets():
    return [Dataset(name="signals", provides="signal", index="edge:index", load="edge:load")]
