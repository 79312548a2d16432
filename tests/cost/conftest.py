from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def published() -> ModuleType:
    """Return the benchmark, which knows the models of torchvision and the shapes they need."""
    path = Path(__file__).parents[2] / "benchmarks" / "bench_cost.py"
    spec = importlib.util.spec_from_file_location("bench_cost", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["bench_cost"] = module
    spec.loader.exec_module(module)
    return module
