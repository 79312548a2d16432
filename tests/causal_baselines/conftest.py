from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from harness import trace

pytest.importorskip("torch")


@pytest.fixture
def notes() -> Iterator[Callable[[], dict[str, Any]]]:
    """Return a function that gives the notes a model left since the test began."""
    trace.reset()
    yield lambda: trace.taken()[1]
    trace.reset()
