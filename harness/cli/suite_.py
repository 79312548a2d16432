"""``harness suite``."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.common import echo_json, plugin_option

__all__ = ["command"]


@click.group("suite")
def command() -> None:
    """Check suite files; print their JSON Schema."""


@command.command()
@click.argument("files", nargs=-1, required=True, metavar="SUITE...")
@plugin_option
def check(files: tuple[str, ...], plugins: tuple[Path, ...]) -> None:
    """Check SUITE: a file, or the name of one that a plugin ships."""
    from harness.api import open_suite
    from harness.errors import UsageError

    faults: list[str] = []
    for file in files:
        try:
            suite, _ = open_suite(file, plugins)
        except UsageError as error:
            faults += error.lines
        else:
            rows, points = len(suite.entries), sum(len(e.points) for e in suite.entries)
            click.echo(f"{file}: ok, {rows} rows, {points} operating points")
    if faults:
        raise UsageError(*faults)


@command.command()
def schema() -> None:
    """Print the JSON Schema of suite files, for editors."""
    from harness.suite import suite_schema

    echo_json(suite_schema())
