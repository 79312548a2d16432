"""``harness show``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from harness.cli.common import echo_json, plugin_option
from harness.cli.text import MARKS, echo_fields, echo_words, size
from harness.errors import plain

__all__ = ["command"]


@click.command("show")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@plugin_option
def command(names: tuple[str, ...], as_json: bool, plugins: tuple[Path, ...]) -> None:
    """Show all there is to know of NAME.

    A model, metric, dataset, family, task (FAMILY/TASK), suite, device, plugin …: parameters,
    requirements, licence, citation, and whether it is available here; if not, what to do.
    """
    from harness.cli.facts import facts, known_names
    from harness.errors import UsageError, nearest
    from harness.registry import Registry

    registry = Registry.load(plugins)
    found = {name: facts(registry, name) for name in dict.fromkeys(names)}
    known = known_names(registry)
    unknown = [f"unknown name {n!r}{nearest(n, known)}" for n, told in found.items() if not told]
    if unknown:
        raise UsageError(*unknown)
    things = [thing for told in found.values() for thing in told]
    if as_json:
        echo_json(things)
        return
    for number, thing in enumerate(things):
        if number:
            click.echo()
        _echo(thing)


def _echo(thing: dict[str, Any]) -> None:
    from harness.cli.state import mark_of

    name, what = plain(thing.pop("name")), thing.pop("what")
    click.echo(f"{click.style(name, bold=True)}  {click.style(what, dim=True)}")
    summary = thing.pop("summary", "")
    if summary:
        echo_words([summary])
    if "available" in thing:
        thing["available"] = MARKS[mark_of(thing["available"])][0]
    for key in ("files", "weights"):
        if key in thing:
            thing[key] = {f["name"]: _file(f) for f in thing[key]}
    echo_fields({label.replace("_", " "): value for label, value in thing.items()})


def _file(file: dict[str, Any]) -> str:
    parts = (file["state"], size(file["size"]) if file["size"] else "", file["licence"])
    return ", ".join(p for p in parts if p)
