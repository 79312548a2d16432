"""Options and small things that several verbs share."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

__all__ = ["cores", "echo_json", "models_option", "plugin_option", "results_option"]

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


def models_option(function: F) -> F:
    """Add ``--models MODEL``."""
    return click.option(
        "--models",
        multiple=True,
        metavar="MODEL",
        help="Only models whose name matches a glob, those that the suite lacks too.",
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


def cores() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def echo_json(data: Any) -> None:
    """Print plain data as indented JSON."""
    click.echo(json.dumps(data, indent=2, ensure_ascii=False, default=str))
