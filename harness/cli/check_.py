"""``harness check``."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.common import cores, echo_json, plugin_option
from harness.cli.text import Column, echo_table

if TYPE_CHECKING:
    from harness.registry import Registry
    from harness.spec import Metric, Model
    from harness.suite import Suite

__all__ = ["command"]

Check = dict[str, Any]  # model, check, mark, nodes, failed, text
_GONE = ("unavailable", "skipped", "cancelled")


@click.command("check")
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@click.option("--jobs", "-j", type=click.IntRange(1), help="Nodes at once.  [default: all cores]")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@click.option(
    "--results",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep the results there.  [default: a temporary folder]",
)
@plugin_option
@click.pass_context
def command(
    ctx: click.Context,
    models: tuple[str, ...],
    jobs: int | None,
    as_json: bool,
    results: Path | None,
    plugins: tuple[Path, ...],
) -> None:
    """Check that MODEL keeps to its family's interface.

    Runs the family's conformance suite on MODEL, at its own operating points: every stage must
    end well, and every metric whose range has two ends must have its best value.

    \b
    Exit codes: 0 all is kept · 2 usage · 3 something is not · 5 nothing could be checked here
                6 incomplete (disk full) · 130 interrupted
    """  # noqa: D301 - click reads the \b
    from harness.registry import Registry
    from harness.store import StoreFull

    registry = Registry.load(plugins)
    suites = _suites(registry, models, plugins)
    checks: list[Check] = []
    with tempfile.TemporaryDirectory(prefix="harness-check-") as temporary:
        try:
            for suite in suites:
                checks += _run(suite, registry, results or Path(temporary), jobs or cores())
        except StoreFull as error:
            click.echo(f"harness: {error}", err=True)
            ctx.exit(6)
    if not as_json:
        columns = [Column(""), Column("model"), Column("check"), Column("nodes", right=True)]
        columns.append(Column("kept", wraps=True))
        told = [[c["mark"], c["model"], c["check"], str(c["nodes"]), c["text"]] for c in checks]
        echo_table(columns, told)
    marks = {check["mark"] for check in checks}
    if as_json:
        echo_json(checks)
    ctx.exit(3 if "no" in marks else 0 if "ok" in marks else 5)


def _suites(registry: Registry, names: Sequence[str], plugins: tuple[Path, ...]) -> list[Suite]:
    """Return the conformance suite of each family concerned, with the models as its rows.

    Raises:
        UsageError: a name is unknown, or a family has no conformance suite.
    """
    from harness.api import open_suite
    from harness.errors import UsageError

    families: dict[str, list[Model]] = {}
    faults: list[str] = []
    for name in dict.fromkeys(names):
        try:
            model = registry.get("models", name)
            families.setdefault(model.family, []).append(model)
        except UsageError as error:
            faults += error.lines
    suites = []
    for family, models in families.items():
        try:
            wanted = registry.get("families", family).conformance
            if wanted is None:
                raise UsageError(f"family {family!r} has no conformance suite")
            suite, _ = open_suite(wanted, plugins)
            suites.append(replace(suite, entries=tuple(_entry(m) for m in models)))
        except UsageError as error:
            faults += error.lines
    if faults:
        raise UsageError(*faults)
    return suites


def _entry(model: Model) -> Any:
    from harness.suite import Entry

    axes = model.points
    points = tuple(dict(zip(axes, values, strict=True)) for values in product(*axes.values()))
    return Entry(label=model.name, model=model, params=dict(model.params), points=points)


def _run(suite: Suite, registry: Registry, results: Path, jobs: int) -> Iterator[Check]:
    """Run a suite; yield a check for each model and step."""
    import sys
    from contextlib import nullcontext

    from harness.cli.progress import Terminal
    from harness.run import run_suite
    from harness.store import Store

    view = Terminal(suite, jobs) if sys.stdout.isatty() else None
    with view or nullcontext():
        emit = view.event if view else lambda event: None
        finished = run_suite(suite, registry, results, jobs=jobs, emit=emit)
    if not finished.complete:
        raise click.Abort
    records = Store(results / "store").records
    metrics = {m.name: m for m in suite.metrics}
    ends: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for node in finished.plan.nodes:
        end = finished.ended[id(node)]
        outcome, reason = str(end.outcome), end.reason
        if node.kind == "score" and outcome == "ok":
            reason = _broken(metrics[node.step], records[end.key])
            outcome = "broken" if reason else "ok"
        where = f" ({node.item.id}, {_point(node)})" if node.item is not None else ""
        told = reason + where if outcome not in ("ok", *_GONE) else reason
        ends.setdefault((node.entry.label, node.step), []).append((outcome, told))
    for (model, step), found in ends.items():
        yield _check(model, step, found)


def _broken(metric: Metric, record: Mapping[str, Any]) -> str:
    """Return what is wrong with a score, "" where it is the best or its range has no best."""
    import math

    best = {"higher": metric.range[1], "lower": metric.range[0]}.get(metric.better)
    if best is None or not all(math.isfinite(end) for end in metric.range):
        return ""
    values = record["values"] if metric.per == "element" else [record["value"]]
    wrong = next((v for v in values if v is not None and v != best), None)
    return "" if wrong is None else f"{wrong:g}, expected {best:g}"


def _point(node: Any) -> str:
    point = node.entry.points[node.point] if node.point >= 0 else {}
    return ", ".join(f"{k} {v}" for k, v in point.items()) or "no operating point"


def _check(model: str, step: str, found: Sequence[tuple[str, str]]) -> Check:
    bad = [(outcome, told) for outcome, told in found if outcome not in ("ok", *_GONE)]
    gone = [(outcome, told) for outcome, told in found if outcome in _GONE]
    mark = "no" if bad else "none" if gone else "ok"
    text = "yes"
    if bad or gone:
        outcome, told = (bad or gone)[0]
        count = f"not in {len(bad or gone)}: "
        text = count + (told if outcome == "broken" else f"{outcome}: {told}")
    return {
        "model": model,
        "check": step,
        "mark": mark,
        "nodes": len(found),
        "failed": len(bad),
        "text": text,
    }
