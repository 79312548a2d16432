from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from harness_plugins.generative.views import DATASETS, box_scenes
from harness_plugins.generative.views.scenes import Scenes


@pytest.fixture(scope="session")
def scenes() -> Scenes:
    """Return 12 objects of boxes, two targets of each."""
    params: dict[str, Any] = dict(DATASETS[0].params)
    (item,) = box_scenes.index(**(params | {"objects": 12, "block": 12, "targets": 2}))
    return Scenes.of(box_scenes.load(item, None))


@pytest.fixture(scope="session")
def lessons() -> dict[str, np.ndarray]:
    """Return a few small objects to learn from."""
    return box_scenes.training(objects=6, seed=0, size=16)


@pytest.fixture(autouse=True)
def one_thread() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
