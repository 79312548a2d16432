"""Measures a component in a process of its own: ``measure.py FOLDER``; prints the record."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch

from harness.cost import Component
from harness_plugins.device_aihub import harness_devices
from harness_plugins.device_aihub.bench import Hub
from harness_plugins.device_aihub.deadline import Pace

PACE = Pace(poll=0.0625, again=0.0625, settle=0.25, patience=10.0)


def component() -> Component:
    """Return the same component in every process."""
    torch.manual_seed(7)
    module = torch.nn.Sequential(torch.nn.Conv2d(3, 5, 3), torch.nn.ReLU())
    return Component(name="g_s", module=module, inputs=[(1, 3, 8, 8)])


def bench(folder: Path) -> Hub:
    """Return the device."""
    [device] = harness_devices()
    return Hub(folder, **{**device.params, "deadline": 60}, pace=PACE)


if __name__ == "__main__":
    print(json.dumps(bench(Path(sys.argv[1])).measure([component()]).record))
