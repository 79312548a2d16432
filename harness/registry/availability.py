"""Whether something can be had here, and if not, what to do."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Protocol

from harness.spec import Json, Ref, Resource, Unavailable

__all__ = ["Needy", "check_available", "installed", "resolve", "versions"]


class Needy(Protocol):
    """A declaration that needs something: a model, a metric, a dataset."""

    @property
    def name(self) -> str: ...
    @property
    def requires(self) -> tuple[str, ...]: ...
    @property
    def extra(self) -> str: ...


def resolve(ref: Ref) -> Any:
    """Import the object that ``ref`` names.

    Raises:
        Unavailable: its module cannot be imported here.
        AttributeError: the module has no such attribute.
    """
    module, _, attribute = ref.partition(":")
    try:
        found = import_module(module)
    except ImportError as error:
        raise Unavailable(f"{module} cannot be imported: {error}") from error
    return getattr(found, attribute)


@cache
def installed(distribution: str) -> str:
    """Return the installed version of a distribution, "" where it is missing."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""


def versions(requires: Sequence[str]) -> dict[str, str]:
    """Return the installed versions of required distributions, by normalised name."""
    names = (_split(r)[0] for r in requires)
    return {n: installed(n) for n in sorted(names)}


def check_available(needy: Needy, params: Mapping[str, Json] | None = None) -> None:
    """Check requirements, weights and the declaration's own check.

    Raises:
        Unavailable: with the reason and the remedy.
    """
    for requirement in needy.requires:
        _check_requirement(requirement, needy.extra)
    weights: tuple[Resource, ...] = getattr(needy, "weights", ())
    if weights:
        from harness.data import resource_path

        for resource in weights:
            resource_path(needy.name, resource, remedy=f"harness weights pull {needy.name}")
    check = getattr(needy, "check", None)
    if check is not None:
        resolve(check)(**(params or {}))


def _check_requirement(requirement: str, extra: str) -> None:
    name, wanted = _split(requirement)
    have = installed(name)
    remedy = f'pip install "harness[{extra}]"' if extra else f'pip install "{requirement}"'
    if not have:
        raise Unavailable(f"{name} is not installed", remedy)
    if wanted and _release(have) < _release(wanted):
        raise Unavailable(f"{name} {have} is installed, {wanted} or newer is needed", remedy)


def _split(requirement: str) -> tuple[str, str]:
    name, _, wanted = requirement.partition(">=")
    return name.strip(), wanted.strip()


def _release(text: str) -> tuple[int, ...]:
    return tuple(int(n) for n in re.findall(r"\d+", text.partition("+")[0])[:3])
