from __future__ import annotations

from typing import Any

import pytest
import torch

from harness_plugins.generative.editing import DATASETS, moving_shapes

PARAMS: dict[str, Any] = dict(DATASETS[0].params)


@pytest.fixture(scope="session")
def block() -> dict[str, Any]:
    """Return 16 videos of shapes to edit, the even ones recoloured, the odd ones reshaped."""
    (item,) = moving_shapes.index(**(PARAMS | {"videos": 16, "block": 16}))
    return moving_shapes.load(item, None)


@pytest.fixture(autouse=True)
def one_thread() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
