from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from harness.api import Done, open_suite, run_opened

TOY = Path(__file__).resolve().parents[1] / "toy" / "toy.py"


@pytest.fixture
def toy() -> Path:
    """Return the single file that holds the toy family."""
    return TOY


@pytest.fixture
def suite_of(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a toy suite with some keys changed (None leaves one out)."""

    def write(name: str = "suite.yaml", **changes: Any) -> Path:
        suite = {
            "name": "toy",
            "plugins": [str(TOY)],
            "tasks": ["toy/squeeze"],
            "datasets": [{"name": "words", "params": {"count": 3}}],
            "models": [{"name": "zip", "points": {"level": [1, 9]}}],
            "metrics": ["size", "likeness"],
            "limits": {"seconds": 20, "memory": "1 GB"},
        } | changes
        path = tmp_path / name
        path.write_text(json.dumps({k: v for k, v in suite.items() if v is not None}))
        return path

    return write


class Run:
    """A run in this process: what it returned, its events and its tables."""

    def __init__(self, suite: Path, results: Path, **options: Any) -> None:
        self.events: list[Mapping[str, Any]] = []
        self.results = results
        opened, registry = open_suite(str(suite), options.pop("plugins", ()))
        self.name = opened.name
        self.done: Done = run_opened(
            opened, registry, results=results, emit=self.events.append, **options
        )

    @property
    def ended(self) -> list[Mapping[str, Any]]:
        return [e for e in self.events if e["event"] == "node"]

    @property
    def ran(self) -> list[Mapping[str, Any]]:
        return [e for e in self.ended if not e["cached"] and e["outcome"] == "ok"]

    def table(self, name: str) -> list[dict[str, Any]]:
        from harness.store.tables import read_table

        return read_table(self.results / self.name / f"{name}.parquet")[0]


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Run]:
    """Return a function that runs a suite in this process, into one results folder."""
    return lambda suite, **options: Run(
        suite, options.pop("results", tmp_path / "results"), **options
    )


@pytest.fixture
def command(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that calls the program in an empty folder."""

    def call(*args: object, **env: str) -> subprocess.CompletedProcess[str]:
        folder = tmp_path / "cwd"
        folder.mkdir(exist_ok=True)
        return subprocess.run(
            [sys.executable, "-c", "from harness.cli import main; main()", *map(str, args)],
            cwd=folder,
            env={**os.environ, **env},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    return call


@pytest.fixture
def distribution(tmp_path: Path) -> Callable[..., str]:
    """Return a function that installs a module as a distribution; it returns the folder."""

    def install(name: str, source: str, points: Mapping[str, str] | None = None) -> str:
        folder = tmp_path / "site"
        info = folder / f"{name}-1.0.dist-info"
        info.mkdir(parents=True)
        (folder / f"{name}.py").write_text(source)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        lines = "".join(f"{k} = {v}\n" for k, v in (points or {name: name}).items())
        (info / "entry_points.txt").write_text(f"[harness]\n{lines}")
        return str(folder)

    return install
