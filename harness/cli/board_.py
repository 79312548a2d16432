"""``harness board``."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.common import models_option, plugin_option, results_option

__all__ = ["command"]


@click.command("board")
@click.argument("suite")
@click.option(
    "--format", "form", help="Another form: html, markdown, junit, … on standard output."
)
@models_option
@plugin_option
@results_option
def command(
    suite: str,
    form: str | None,
    models: tuple[str, ...],
    plugins: tuple[Path, ...],
    results: Path,
) -> None:
    """Write the board of SUITE again from its scores, in any form."""
    from harness.api import open_suite, rewrite_board
    from harness.board import make_board
    from harness.registry import resolve

    opened, registry = open_suite(suite, plugins, models)
    if form is None:
        for line in rewrite_board(opened, registry, results):
            click.echo(line)
        click.echo(f"\nboard  {results / opened.name / 'board.html'}")
        return
    exporter = registry.get("exporters", form)
    click.echo(resolve(exporter.write)(make_board(opened, results)), nl=False)
