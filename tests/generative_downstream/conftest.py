from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from harness_plugins.generative.downstream import DATASETS, problems

SMALL = {"common": 6, "few": 2, "filled": 8, "scenes": 20, "steps": 4, "budget": 32}


@pytest.fixture(scope="session")
def problem() -> dict[str, Any]:
    """Return a problem of 20 small pictures and 20 scenes."""
    (item,) = problems.index(**(dict(DATASETS[0].params) | SMALL))
    return problems.load(item, None)


def _detections(seed: int, scenes: int, classes: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return things and detections of some of them, at whole pixels."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(2, 4 * scenes))
    place = np.sort(rng.integers(scenes, size=count))
    corner = rng.integers(0, 24, (count, 2))
    truth = {
        "place": place,
        "boxes": np.concatenate([corner, corner + rng.integers(4, 16, (count, 2))], 1),
        "labels": rng.integers(classes, size=count),
        "scenes": np.int64(scenes),
        "rare": np.int64(0),
    }
    again = rng.integers(count, size=int(rng.integers(1, 3 * count)))
    again = again[np.argsort(place[again], kind="stable")]
    found = {
        "place": place[again],
        "boxes": (truth["boxes"][again] + rng.integers(-2, 3, (len(again), 4))).astype(np.float32),
        "labels": np.where(
            rng.random(len(again)) < 0.8,
            truth["labels"][again],
            rng.integers(classes, size=len(again)),
        ),
        "scores": rng.permutation(np.arange(1, len(again) + 1)).astype(np.float32)
        / (len(again) + 1),
    }
    return truth, found


@pytest.fixture(scope="session")
def detections() -> Any:
    """Return a function that draws things and detections of them."""
    return _detections
