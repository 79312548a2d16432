from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import trimesh

from harness_plugins.generative.solids.primitives import build
from harness_plugins.generative.solids.rasteriser import render
from harness_plugins.generative.solids.scenes import parse


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20261126)


@pytest.fixture
def made(rng) -> Callable[[str], trimesh.Trimesh]:
    """Return a function that builds the mesh of a prompt."""
    return lambda prompt: build(parse(prompt), rng)


@pytest.fixture
def views_of(made) -> Callable[..., np.ndarray]:
    """Return a function that renders the six views of a prompt's mesh."""
    return lambda prompt, size=32: render(made(prompt), size)
