from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.api import Done, open_suite, run_opened
from harness.store.tables import read_table
from harness_plugins.generative.images import Images
from harness_plugins.generative.shapes import Shapes


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20261126)


@pytest.fixture(scope="session")
def real() -> tuple[Images, list[str]]:
    """Return 1000 real pictures with their prompts."""
    drawn = Shapes(1000, 2, 0, 5).training()
    return Images.of(drawn["images"]), drawn["prompts"]


class Run:
    """A run in this process: what it returned, its nodes and its tables."""

    def __init__(self, suite: Path, results: Path, **options: Any) -> None:
        self.events: list[Mapping[str, Any]] = []
        self.results = results
        opened, registry = open_suite(str(suite), ())
        self.name = opened.name
        self.done: Done = run_opened(
            opened, registry, results=results, emit=self.events.append, **options
        )

    def nodes(self, step: str) -> list[Mapping[str, Any]]:
        return [e for e in self.events if e["event"] == "node" and e["step"] == step]

    def table(self, name: str) -> list[dict[str, Any]]:
        return read_table(self.results / self.name / f"{name}.parquet")[0]


@pytest.fixture
def run_of(tmp_path: Path) -> Callable[..., Run]:
    """Return a function that runs models of a single-file plugin on a few shapes."""

    def go(source: str, models: list[Any], **changes: Any) -> Run:
        (tmp_path / "painters.py").write_text(source)
        suite = {
            "name": "few",
            "plugins": ["painters.py"],
            "tasks": ["generative/text-to-image"],
            "datasets": [
                {
                    "name": "shapes",
                    "params": {
                        "count": 32,
                        "block": 16,
                        "train": 64,
                        "reference": 32,
                        "budget": 64,
                    },
                }
            ],
            "models": models,
            "metrics": ["rule_accuracy", "rule_colour", "rule_shape"],
            "limits": {"seconds": 60, "memory": "2 GB"},
        } | changes
        path = tmp_path / f"{suite['name']}.yaml"
        path.write_text(json.dumps(suite))
        return Run(path, tmp_path / "results")

    return go
