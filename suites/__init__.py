"""Suites that ship with the harness."""

from __future__ import annotations

from pathlib import Path

from harness.spec import SuiteFile

__all__ = ["shipped"]


def shipped(*names: str) -> list[SuiteFile]:
    """Return the declarations of suites in this folder, each with the first line of its file."""
    found = []
    for name in names:
        path = Path(__file__).with_name(f"{name}.yaml")
        with path.open(encoding="utf-8") as file:
            summary = file.readline().lstrip("# ").strip()
        found.append(SuiteFile(name=name, path=str(path), summary=summary))
    return found
