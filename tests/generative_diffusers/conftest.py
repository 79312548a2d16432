from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness_plugins.generative.shapes import Shapes
from harness_plugins.generative.text_to_image import DATASETS
from harness_plugins.generative_diffusers.shapes_model import ShapesDiffusion

POINT = {"steps": 4, "guidance": 1.0, "scheduler": "dpm++"}
PROMPTS = [f"{c} {s}" for c in ("red", "blue", "green") for s in ("circle", "plus", "square")]


@pytest.fixture(scope="session")
def training() -> dict[str, Any]:
    """Return 64 pictures to learn from."""
    return Shapes(64, 2, 0, 5).training()


@pytest.fixture(scope="session")
def point() -> dict[str, Any]:
    """Return an operating point of few steps."""
    return dict(POINT)


@pytest.fixture(scope="session")
def tiny() -> Callable[[], ShapesDiffusion]:
    """Return a function that makes a tiny model, which has learned nothing."""
    return lambda: ShapesDiffusion((8, 8, 16), batch=8)


@pytest.fixture(scope="session")
def checkpoint(tiny: Callable[[], ShapesDiffusion], training: dict[str, Any]) -> bytes:
    """Return a checkpoint of a tiny network after ten steps."""
    return tiny().fit(training, 0, 80)


@pytest.fixture
def model(tiny: Callable[[], ShapesDiffusion], checkpoint: bytes) -> ShapesDiffusion:
    """Return the tiny model, loaded."""
    found = tiny()
    found.load(checkpoint)
    return found


@pytest.fixture(scope="session")
def declared() -> dict[str, Any]:
    """Return the parameters of the dataset as it is declared."""
    (shapes,) = [dataset for dataset in DATASETS if dataset.name == "shapes"]
    return dict(shapes.params)


@pytest.fixture(scope="session")
def trained(declared: dict[str, Any]) -> ShapesDiffusion:
    """Return the model as the suite trains it: some minutes of one core."""
    found = ShapesDiffusion()
    found.load(found.fit(Shapes(declared["train"], 2, 0, 0).training(), 0, declared["budget"]))
    return found


@pytest.fixture
def sample() -> Callable[..., Any]:
    """Return a function that samples some pairs at an operating point."""

    def go(model: Any, count: int = 5, first: int = 0, **point: Any) -> Any:
        pairs = range(first, first + count)
        prompts = [PROMPTS[n % len(PROMPTS)] for n in pairs]
        return model.generate(prompts, [1000 + n for n in pairs], POINT | point)

    return go
