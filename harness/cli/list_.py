"""``harness list``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.common import echo_json, plugin_option
from harness.cli.text import Column, echo_mark, echo_table, echo_words

if TYPE_CHECKING:
    from harness.registry import Registry

__all__ = ["command"]

_WORDS = (
    *("models", "variants", "families", "datasets", "metrics", "derived", "suites"),
    *("devices", "plugins", "executors", "exporters", "importers", "crosschecks"),
)

# what a row of a kind tells besides its name and summary: column → cell
_FACTS: Mapping[str, Mapping[str, Callable[[Any], str]]] = {
    "models": {"family": lambda m: m.family},
    "families": {"tasks": lambda f: ", ".join(t.name for t in f.tasks)},
    "datasets": {"provides": lambda d: d.provides},
    "metrics": {
        "unit": lambda m: m.unit,
        "better": lambda m: "" if m.better == "none" else m.better,
    },
    "derived": {
        "unit": lambda d: d.unit,
        "better": lambda d: "" if d.better == "none" else d.better,
        "from": lambda d: ", ".join(d.inputs),
    },
    "suites": {},
    "devices": {"kind": lambda d: d.kind},
    "executors": {},
    "exporters": {"suffix": lambda e: e.suffix},
    "importers": {},
    "crosschecks": {"by": lambda c: " · ".join(c.by)},
}
_CHECKED = ("models", "variants", "datasets", "metrics", "devices", "crosschecks")


class _Word(click.Choice[str]):
    """One of the words above, or one line with the nearest."""

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        if value in _WORDS:
            return str(value)
        from harness.errors import UsageError, nearest

        hint = nearest(value, _WORDS) or f"; known are {', '.join(_WORDS)}"
        raise UsageError(f"list: unknown word {value!r}{hint}")


@click.command("list")
@click.argument("what", type=_Word(_WORDS), required=False)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@plugin_option
def command(what: str | None, as_json: bool, plugins: tuple[Path, ...]) -> None:
    """List what plugins declare, and whether it can be had here.

    Without a word: how much there is of each, and the models.
    """
    from harness.cli.state import broken_lines
    from harness.registry import Registry

    registry = Registry.load(plugins)
    counts = {} if what else {w: len(_declared(registry, w)) for w in _WORDS}
    shown = what or "models"
    rows = _plugins(registry) if shown == "plugins" else _rows(registry, shown)
    broken = broken_lines(registry)
    if as_json:
        told: dict[str, Any] = {shown: rows, "broken": broken}
        echo_json({"counts": counts, **told} if counts else told)
        return
    if counts:
        echo_words([f"{n} {_counted(w, n)}" for w, n in counts.items() if n])
        click.echo()
    _echo(shown, rows)
    for line in broken if shown != "plugins" else [b for b in broken if " claimed " in b]:
        echo_mark("no", line)


def _declared(registry: Registry, word: str) -> Sequence[Any]:
    return registry.plugins if word == "plugins" else list(registry.all(word))


def _counted(word: str, count: int) -> str:
    from harness.registry.lookup import singular

    return singular(word) if count == 1 else word


def _rows(registry: Registry, kind: str) -> list[dict[str, Any]]:
    from harness.cli.state import state

    rows = []
    for name, declared in registry.all(kind).items():
        row: dict[str, Any] = {"name": name}
        row |= {column: cell(declared) for column, cell in _FACTS[kind].items()}
        row |= {"summary": declared.summary, "plugin": registry.owner(kind, name).name}
        if kind in _CHECKED:
            there = state(kind, declared)
            row |= {"available": there.available, "reason": there.reason, "remedy": there.remedy}
        rows.append(row)
    return rows


def _plugins(registry: Registry) -> list[dict[str, Any]]:
    declares: dict[str, list[str]] = {}
    for word in _WORDS:
        names = registry.all(word) if word != "plugins" else ()
        owners = [registry.owner(word, name).name for name in names]
        for owner in dict.fromkeys(owners):
            count = owners.count(owner)
            declares.setdefault(owner, []).append(f"{count} {_counted(word, count)}")
    return [
        {
            "name": p.name,
            "origin": p.origin,
            "distribution": f"{p.distribution} {p.version}".strip(),
            "summary": ", ".join(declares.get(p.name, ["nothing"])),
            "available": p.ok,
            "reason": p.reason,
            "remedy": "",
        }
        for p in registry.plugins
    ]


def _echo(kind: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Print rows; why something cannot be had stands by its summary."""
    from harness.cli.state import mark_of

    if not rows:
        click.echo(f"no {kind}")
        return
    hidden = ("summary", "plugin", "available", "reason", "remedy")
    facts = [c for c in rows[0] if c not in hidden and any(r[c] for r in rows)]
    checked = "available" in rows[0]
    columns = [Column("")] if checked else []
    columns += [*(Column(c) for c in facts), Column("summary", wraps=True)]
    cells = [
        [
            *([mark_of(row["available"])] if checked else []),
            *(row[c] for c in facts),
            row["summary"],
        ]
        for row in rows
    ]
    echo_table(columns, cells, [row.get("reason", "") for row in rows])
