"""``harness doctor``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.common import cores, echo_json, plugin_option, results_option
from harness.cli.text import echo_fields, echo_mark, size
from harness.errors import plain

if TYPE_CHECKING:
    from harness.registry import Registry

__all__ = ["command"]

_MOST_NAMES = 8
Finding = dict[str, str]  # mark: a word of harness.cli.text.MARKS; text: one line


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@plugin_option
@results_option
@click.pass_context
def command(ctx: click.Context, as_json: bool, plugins: tuple[Path, ...], results: Path) -> None:
    """Say what is wrong with this installation.

    What is only missing is marked ! and told with its remedy. What is broken is marked ✗ and
    ends it with exit code 1: a plugin, a check, a damaged file, a folder that cannot be written.
    """
    from harness.registry import Registry

    registry = Registry.load(plugins)
    system = _system()
    findings = {
        "plugins": _plugins(registry),
        "extras": _extras(registry),
        "folders": _folders(results),
        "availability": _availability(registry),
    }
    broken = sum(f["mark"] == "no" for found in findings.values() for f in found)
    if as_json:
        echo_json({"system": system, **findings, "broken": broken})
    else:
        click.echo(click.style("system", bold=True))
        echo_fields(system, indent=0)
        for title, found in findings.items():
            click.echo(click.style(f"\n{title}", bold=True))
            for finding in found:
                echo_mark(finding["mark"], finding["text"])
        told = f"{broken} broken" if broken else "nothing is broken"
        click.echo()
        echo_mark("no" if broken else "ok", told)
    ctx.exit(1 if broken else 0)


def _finding(mark: str, text: str) -> Finding:
    return {"mark": mark, "text": plain(text)}


def _system() -> dict[str, str]:
    from harness.run.environment import describe_environment

    about = describe_environment()
    return {
        "harness": about["packages"].get("harness", "not installed"),
        "python": f"{about['implementation']} {about['python']}",
        "platform": f"{about['system']} {about['machine']}",
        "processor": about["processor"],
        "cores": f"{cores()} of {about['cores']}",
        "memory": f"{about['memory_gib']} GiB",
    }


def _plugins(registry: Registry) -> list[Finding]:
    from harness.registry import KINDS

    for kind in KINDS:  # a plugin may break where it is asked
        registry.all(kind)
    found = []
    for p in registry.plugins:
        whose = f" ({p.distribution} {p.version})" if p.distribution else f" ({p.origin})"
        if not p.ok:
            found.append(_finding("no", f"{p.name}{whose}: {p.reason}"))
        elif p.heavy:
            heavy = ", ".join(p.heavy)
            found.append(_finding("warn", f"{p.name}{whose} imports {heavy} when it is listed"))
        else:
            found.append(_finding("ok", f"{p.name}{whose}"))
    for (kind, name), claims in sorted(registry.conflicts.items()):
        both = " and ".join(claims)
        found.append(_finding("no", f"{kind}: {name!r} is claimed by {both}; remove one"))
    return found or [_finding("no", "no plugin was found; reinstall: pip install harness")]


def _extras(registry: Registry) -> list[Finding]:
    """Say of each extra of each plugin's distribution what it lacks."""
    from importlib.metadata import PackageNotFoundError, metadata

    found = []
    for name in sorted({p.distribution for p in registry.plugins if p.distribution}):
        try:
            about = metadata(name)
        except PackageNotFoundError:
            continue
        for extra in sorted(about.get_all("Provides-Extra") or ()):
            lacking = _lacking(about.get_all("Requires-Dist") or (), extra)
            remedy = f'pip install "{name}[{extra}]"'
            text = f"{name}[{extra}]" + (
                f" lacks {', '.join(lacking)}; {remedy}" if lacking else ""
            )
            found.append(_finding("warn" if lacking else "ok", text))
    return found


def _lacking(requirements: Any, extra: str) -> list[str]:
    """Return the distributions an extra asks for that are not installed."""
    import re

    from harness.registry import installed

    asked = re.compile(rf"""extra\s*==\s*['"]{re.escape(extra)}['"]""")
    names = [re.match(r"[A-Za-z0-9._-]+", r) for r in requirements if asked.search(r)]
    return [m[0] for m in names if m and not installed(m[0])]


def _folders(results: Path) -> list[Finding]:
    from harness.data import cache_dir

    return [_folder("cache", cache_dir()), _folder("results", results.absolute())]


def _folder(what: str, path: Path) -> Finding:
    """Say whether a folder can be written, or made, and how much room there is."""
    import os
    import shutil

    there = path
    while not there.exists() and there != there.parent:
        there = there.parent
    if not there.is_dir():
        return _finding("no", f"{what} {path}: {there} is no folder")
    if not os.access(there, os.W_OK | os.X_OK):
        return _finding("no", f"{what} {path} cannot be written")
    free = shutil.disk_usage(there).free
    new = "" if there == path else " (not made yet)"
    return _finding("warn" if free < 10**9 else "ok", f"{what} {path}{new}: {size(free)} free")


def _names(names: list[str]) -> str:
    """Write names in a line; of many, the first ones and how many others there are."""
    if len(names) <= _MOST_NAMES + 1:
        return ", ".join(names)
    return f"{', '.join(names[:_MOST_NAMES])} and {len(names) - _MOST_NAMES} others"


def _availability(registry: Registry) -> list[Finding]:
    """Check everything that has needs; name each reason once, with all it concerns."""
    from harness.cli.state import state

    # mark, reason, remedy without the name → names, and the remedy of the last of them
    reasons: dict[tuple[str, str, str], tuple[list[str], str]] = {}
    found = []
    for kind in ("models", "variants", "metrics", "datasets", "devices"):
        names = registry.all(kind)
        states = {name: state(kind, declared) for name, declared in names.items()}
        ready = sum(s.ok or s.open for s in states.values())
        if names:
            found.append(_finding("ok", f"{ready} of {len(names)} {kind} are available here"))
        for name, there in states.items():
            if not there.ok:
                mark = "no" if there.broken else "none" if there.open else "warn"
                same = (mark, there.reason, there.remedy.replace(name, "NAME"))
                concerned, _ = reasons.get(same, ([], ""))
                reasons[same] = ([*concerned, name], there.remedy)
    for (mark, reason, general), (concerned, remedy) in sorted(reasons.items()):
        what = "; ".join(p for p in (reason, remedy if len(concerned) == 1 else general) if p)
        found.append(_finding(mark, f"{_names(concerned)}: {what}"))
    return found
