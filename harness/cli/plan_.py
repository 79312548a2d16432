"""``harness plan``."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click

from harness.cli.common import cores, echo_json, models_option, plugin_option, results_option

__all__ = ["command"]


@click.command("plan")
@click.argument("suite")
@click.option("--jobs", "-j", type=click.IntRange(1), help="Nodes at once.  [default: all cores]")
@click.option("--only", multiple=True, metavar="ROW", help="Only rows whose label matches a glob.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Only N items of each dataset.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@models_option
@plugin_option
@results_option
def command(
    suite: str,
    jobs: int | None,
    only: tuple[str, ...],
    limit: int | None,
    as_json: bool,
    models: tuple[str, ...],
    plugins: tuple[Path, ...],
    results: Path,
) -> None:
    """Show what a run of SUITE would do, and how long it would take."""
    from harness.api import open_suite, rows_of
    from harness.cli.progress import duration
    from harness.run import forecast

    opened, registry = open_suite(suite, plugins, models)
    only = (*only, *rows_of(opened, models))
    plan, will, ended = forecast(
        opened, registry, results, only=only, limit=limit, jobs=jobs or cores()
    )
    rows: dict[str, Counter[str]] = {}
    reasons: dict[str, str] = {}
    for node in plan.nodes:
        row = rows.setdefault(node.entry.label, Counter())
        end = ended.get(id(node))
        row["missing" if end is None else "done" if end.cached else str(end.outcome)] += 1
        if end is not None and end.reason:
            reasons.setdefault(node.entry.label, end.reason)
    if as_json:
        echo_json(
            {
                "suite": opened.name,
                "nodes": will.total,
                "done": will.done,
                "missing": will.missing,
                "impossible": will.impossible,
                "seconds": will.seconds,
                "without_estimate": will.unknown,
                "rows": {label: dict(row) for label, row in rows.items()},
                "reasons": reasons,
            }
        )
        return
    width = max(map(len, rows), default=0)
    for label, row in rows.items():
        told = ", ".join(f"{n:,} {what}" for what, n in row.most_common())
        why = f"  ({reasons[label]})" if label in reasons else ""
        click.echo(f"{label:<{width}}  {told}{why}")
    click.echo(f"{will.total:,} nodes: {will.done:,} done, {will.missing:,} to run")
    if will.seconds is not None and will.missing:
        lacking = f"; {will.unknown:,} nodes never ran here" if will.unknown else ""
        click.echo(f"about {duration(will.seconds)}, from past durations{lacking}")
    elif will.missing:
        click.echo("no estimate: these steps never ran here")
