"""``harness metrics``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.common import echo_json, plugin_option
from harness.cli.text import Column, echo_table, echo_words

if TYPE_CHECKING:
    from harness.registry import Registry
    from harness.run.crosscheck import Compared
    from harness.spec import Crosscheck

__all__ = ["command"]

_MARKS = {"agree": "ok", "unavailable": "none"}


@click.group("metrics")
def command() -> None:
    """Check metrics against other implementations."""


@command.command()
@click.argument("names", nargs=-1, metavar="[NAME...]")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@plugin_option
@click.pass_context
def crosscheck(
    ctx: click.Context, names: tuple[str, ...], as_json: bool, plugins: tuple[Path, ...]
) -> None:
    """Compute numbers twice, and compare them with what they were.

    Each line is one number on a fixture made from a seed: by the code that metrics use, by a
    second implementation, their difference and how large it may be, the number as it was when the
    check was written, and what it has drifted since. NAME is a check or a glob over checks
    ('harness list crosschecks'); without one all are done.

    \b
    Exit codes: 0 all agree · 2 usage · 4 one does not · 5 nothing could be compared here
    """  # noqa: D301 - click reads the \b
    from harness.registry import Registry
    from harness.run.crosscheck import compare

    chosen = _chosen(Registry.load(plugins), names)
    found = [compare(declared) for declared in chosen]
    if as_json:
        echo_json([_row(compared) for compared in found])
    else:
        _echo(found)
    outcomes = {compared.outcome for compared in found}
    ctx.exit(4 if outcomes - {"agree", "unavailable"} else 0 if "agree" in outcomes else 5)


def _chosen(registry: Registry, names: Sequence[str]) -> list[Crosscheck]:
    """Return the cross-checks that names and globs ask for, each once.

    Raises:
        UsageError: one line for each that asks for none.
    """
    from fnmatch import fnmatchcase

    from harness.errors import UsageError, nearest

    known = registry.all("crosschecks")
    asked = {name: [k for k in known if fnmatchcase(k, name)] for name in names or ("*",)}
    unknown = [f"unknown crosscheck {n!r}{nearest(n, known)}" for n in names if not asked[n]]
    if unknown:
        raise UsageError(*unknown)
    wanted = {k for found in asked.values() for k in found}
    return [registry.get("crosschecks", k) for k in known if k in wanted]


def _row(compared: Compared) -> dict[str, Any]:
    import math

    def number(value: float) -> float | None:
        return value if math.isfinite(value) else None  # JSON knows no NaN

    declared = compared.declared
    return {
        "name": declared.name,
        "summary": declared.summary,
        "outcome": compared.outcome,
        "canonical": {"by": declared.by[0], "value": number(compared.canonical)},
        "second": {"by": declared.by[1], "value": number(compared.second)},
        "apart": declared.apart,
        "difference": number(compared.difference),
        "difference_allowed": declared.between,
        "pinned": declared.pinned,
        "drift": number(compared.drift),
        "drift_allowed": declared.drift,
        "reason": compared.reason,
        "remedy": compared.remedy,
    }


def _echo(found: Sequence[Compared]) -> None:
    if not found:
        click.echo("no plugin declares a crosscheck")
        return
    columns = [Column(""), Column("check"), Column("canonical", right=True)]
    columns += [Column("second", right=True), Column("apart by", right=True)]
    columns += [Column("difference", right=True), Column("pinned", right=True)]
    columns += [Column("drift", right=True), Column("by", wraps=True)]
    echo_table(columns, [_cells(c) for c in found], [_why(c) for c in found])
    counts = Counter(compared.outcome for compared in found)
    click.echo()
    echo_words([f"{n} {outcome}" for outcome, n in counts.items()])


def _cells(compared: Compared) -> list[str]:
    declared = compared.declared
    mark = _MARKS.get(compared.outcome, "no")
    by = " · ".join(declared.by)
    if compared.outcome in ("unavailable", "error"):
        return [mark, declared.name, "", "", "", "", f"{declared.pinned:.7g}", "", by]
    return [
        mark,
        declared.name,
        f"{compared.canonical:.7g}",
        f"{compared.second:.7g}",
        f"{declared.apart:.4g}" if declared.apart else "",
        f"{compared.difference:.1e} of {declared.between:.1e}",
        f"{declared.pinned:.7g}",
        f"{compared.drift:.1e} of {declared.drift:.1e}",
        by,
    ]


def _why(compared: Compared) -> str:
    told = {"apart": "the two differ by more than they may", "drifted": "it is not what it was"}
    reason = compared.reason or told.get(compared.outcome, "")
    return f"{reason}; {compared.remedy}" if compared.remedy else reason
