from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# a busy machine is no fault of the code
settings.register_profile("harness", deadline=None)
settings.load_profile("harness")

_MISSING = "HARNESS_DATA is not set: the checks against published values on real data did NOT run"


@pytest.fixture(scope="session")
def harness_data() -> Path:
    """Return the folder of real test data, or skip with a reason nobody overlooks."""
    root = os.environ.get("HARNESS_DATA", "")
    if not root:
        pytest.skip(_MISSING)
    path = Path(root)
    assert (path / "kodak").is_dir(), f"HARNESS_DATA={root} holds no kodak/ folder"
    return path


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = [r for r in terminalreporter.stats.get("skipped", []) if _MISSING in str(r.longrepr)]
    if skipped:
        terminalreporter.section("REAL DATA MISSING", sep="!", red=True, bold=True)
        terminalreporter.write_line(f"{len(skipped)} tests skipped. {_MISSING}")
