"""``harness weights``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.common import echo_json, plugin_option

if TYPE_CHECKING:
    from harness.spec import Resource

__all__ = ["command"]

Owners = dict[str, tuple["Resource", ...]]


@click.group("weights")
def command() -> None:
    """List, fetch and verify the weights of models and metrics."""


@command.command("list")
@click.argument("names", nargs=-1, metavar="[NAME...]")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@plugin_option
def list_(names: tuple[str, ...], as_json: bool, plugins: tuple[Path, ...]) -> None:
    """List each file of NAME, or how much all models and metrics need, and what is here."""
    from harness.cli.files import echo_owners, echo_states, states
    from harness.data import status

    rows = states(_chosen(names, plugins), status)
    if as_json:
        echo_json(rows)
    elif rows and names:
        echo_states(rows)
    elif rows:
        echo_owners(rows, "weights of")
    elif not names:
        click.echo("no model or metric needs weights")


@command.command()
@click.argument("names", nargs=-1, metavar="[NAME...]")
@plugin_option
@click.pass_context
def pull(ctx: click.Context, names: tuple[str, ...], plugins: tuple[Path, ...]) -> None:
    """Fetch the weights of NAME, or of all models and metrics.

    What is here is not fetched again; an interrupted download goes on where it stopped. Exit
    code 1: something could not be fetched.
    """
    from harness.cli.files import pull_all

    owners = _chosen(names, plugins)
    ctx.exit(0 if (names and not owners) or pull_all(owners) else 1)


@command.command()
@click.argument("names", nargs=-1, metavar="[NAME...]")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@plugin_option
@click.pass_context
def verify(
    ctx: click.Context, names: tuple[str, ...], as_json: bool, plugins: tuple[Path, ...]
) -> None:
    """Hash the weights of NAME, or of all models and metrics.

    Exit code 1: a file is damaged, or one of a NAME that was given is missing.
    """
    from harness.cli.files import echo_verified, verified

    told: list[dict[str, str]] = []
    for owner, files in _chosen(names, plugins).items():
        told += verified(owner, files, "weights", asked=bool(names))
    ctx.exit(echo_verified(told, as_json=as_json))


def _chosen(names: tuple[str, ...], plugins: tuple[Path, ...]) -> Owners:
    """Return the weights of the named models and metrics; say which need none."""
    from harness.cli.files import chosen
    from harness.registry import Registry

    registry = Registry.load(plugins)
    owners: Owners = {}
    for kind in ("models", "metrics"):
        for name, declared in registry.all(kind).items():
            owners[name] = tuple(dict.fromkeys((*owners.get(name, ()), *declared.weights)))
    found = chosen(names, owners, "model or metric")
    for name in names:
        if not found[name]:
            click.echo(f"{name} needs no weights", err=True)
    return {name: files for name, files in found.items() if files}
