"""Options and small things that several verbs share."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from harness.errors import UsageError, nearest

if TYPE_CHECKING:
    from harness.registry import Registry
    from harness.suite import Suite

__all__ = ["cores", "echo_json", "open_suite", "plugin_option", "results_option"]

F = TypeVar("F", bound=Callable[..., Any])


def plugin_option(function: F) -> F:
    """Add ``--plugin FILE``."""
    return click.option(
        "--plugin",
        "plugins",
        multiple=True,
        type=click.Path(path_type=Path),
        help="A single-file plugin; may be repeated.",
    )(function)


def results_option(function: F) -> F:
    """Add ``--results DIR``."""
    return click.option(
        "--results",
        type=click.Path(path_type=Path, file_okay=False),
        default=Path("results"),
        show_default=True,
        help="Where results are kept.",
    )(function)


def open_suite(name: str, plugins: tuple[Path, ...]) -> tuple[Suite, Registry]:
    """Find a suite by its file or by the name under which a plugin ships it.

    Raises:
        UsageError: there is none, or the file has faults.
    """
    from harness.registry import Registry
    from harness.suite import load_suite

    made: list[Registry] = []

    def names(files: Any) -> Registry:
        made.append(Registry.load((*plugins, *files)))
        return made[-1]

    path = Path(name)
    if not path.is_file():
        shipped = Registry.load(plugins).all("suites")
        if name not in shipped:
            what = "file" if path.suffix in {".yaml", ".yml"} or "/" in name else "suite"
            raise UsageError(f"no such {what}: {name!r}{nearest(name, shipped)}")
        path = Path(shipped[name].path)
    return load_suite(path, names), made[-1]


def cores() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def echo_json(data: Any) -> None:
    """Print plain data as indented JSON."""
    click.echo(json.dumps(data, indent=2, ensure_ascii=False, default=str))
