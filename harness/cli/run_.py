"""``harness run``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from harness.cli.common import cores, models_option, plugin_option, results_option

__all__ = ["command"]


@click.command("run")
@click.argument("suite")
@click.option("--jobs", "-j", type=click.IntRange(1), help="Nodes at once.  [default: all cores]")
@click.option("--only", multiple=True, metavar="ROW", help="Only rows whose label matches a glob.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Only N items of each dataset.")
@click.option("--fresh", is_flag=True, help="Run again what is done already.")
@click.option("--fail-fast", is_flag=True, help="Cancel the rest after the first failure.")
@click.option("--executor", default="process", show_default=True, help="How nodes are run.")
@click.option("--json", "as_json", is_flag=True, help="Print events as lines of JSON.")
@models_option
@plugin_option
@results_option
@click.pass_context
def command(
    ctx: click.Context,
    /,
    suite: str,
    jobs: int | None,
    only: tuple[str, ...],
    limit: int | None,
    as_json: bool,
    models: tuple[str, ...],
    plugins: tuple[Path, ...],
    results: Path,
    **options: Any,
) -> None:
    """Run SUITE: do what is missing, write tables and board.

    SUITE is a YAML file or the name of one that a plugin ships. Everything finished is kept;
    the same command goes on from there.

    \b
    Exit codes: 0 all nodes ok · 2 usage · 3 some nodes failed · 5 nothing measured
                6 incomplete (disk full) · 130 interrupted
    """  # noqa: D301 - click reads the \b
    from harness.api import open_suite, rows_of, run_opened
    from harness.cli.progress import JsonLines, progress

    opened, registry = open_suite(suite, plugins, models)
    jobs = jobs or cores()
    view = JsonLines() if as_json else progress(opened, jobs, sys.stdout)
    from harness.store import StoreFull

    try:
        with view:
            done = run_opened(
                opened,
                registry,
                results=results,
                jobs=jobs,
                only=(*only, *rows_of(opened, models)),
                limit=limit,
                emit=view.event,
                **options,
            )
    except StoreFull as error:
        click.echo(f"harness: {error}; run the same command again when there is room", err=True)
        ctx.exit(6)
    view.finished(done)
    ctx.exit(done.exit_code)
