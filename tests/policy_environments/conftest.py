from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from harness.api import Done, open_suite, run_opened
from harness.store import Store
from harness.store.tables import read_table

PLAYERS = Path(__file__).with_name("players.py")
SMALL = {"episodes": 6, "block": 3, "demonstrations": 4, "heldout": 3, "budget": 1000}


class Run:
    """A run of a suite: its events, tables, and the artifacts it kept."""

    def __init__(self, suite: Path, results: Path, **options: Any) -> None:
        self.events: list[Mapping[str, Any]] = []
        self.results = results
        opened, registry = open_suite(str(suite), ())
        self.name = opened.name
        self.done: Done = run_opened(
            opened, registry, results=results, emit=self.events.append, **options
        )

    @property
    def ended(self) -> list[Mapping[str, Any]]:
        return [e for e in self.events if e["event"] == "node"]

    def table(self, name: str) -> list[dict[str, Any]]:
        return read_table(self.results / self.name / f"{name}.parquet")[0]

    def artifacts(self, name: str) -> dict[tuple[Any, ...], str]:
        """Return the digests of all artifacts of a name, by entry, item and seed."""
        records = Store(self.results / "store").records.values()
        return {
            (r["about"]["entry"], r["about"]["item"], r["about"]["seed"]): r["artifacts"][name][0]
            for r in records
            if name in r.get("artifacts", {})
        }


@pytest.fixture
def suite_of(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a suite of an environment and the players."""

    def write(dataset: str, models: list[Any], *, name: str = "suite", **changes: Any) -> Path:
        params = SMALL | changes.pop("params", {})
        suite = {
            "name": name,
            "plugins": [str(PLAYERS)],
            "tasks": ["policy/imitation"],
            "datasets": [{"name": dataset, "params": params}],
            "models": models,
            "metrics": ["gained"],
            "seeds": [0],
        } | changes
        path = tmp_path / f"{name}.yaml"
        path.write_text(json.dumps(suite))
        return path

    return write


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Run]:
    """Return a function that runs a suite, its stages in workers of their own."""
    return lambda suite, **options: Run(
        suite, options.pop("results", tmp_path / "results"), **options
    )


@pytest.fixture(scope="session")
def worlds() -> ModuleType:
    """Return the module of helpers."""
    spec = importlib.util.spec_from_file_location("worlds", PLAYERS.with_name("worlds.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def players() -> Any:
    """Return the module of the players."""
    sys.path.insert(0, str(PLAYERS.parent))
    try:
        import players

        yield players
    finally:
        sys.path.remove(str(PLAYERS.parent))
        sys.modules.pop("players", None)
