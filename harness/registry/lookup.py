"""Names to declarations."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pluggy

from harness import spec
from harness.errors import UsageError, nearest
from harness.registry.availability import check_available
from harness.registry.plugins import Plugin, code_digest, describe, load_plugins

__all__ = ["KINDS", "Registry"]

# word in ``harness list`` → (hook, record)
KINDS: Mapping[str, tuple[str, type]] = {
    "models": ("harness_models", spec.Model),
    "families": ("harness_families", spec.Family),
    "variants": ("harness_variants", spec.Variant),
    "datasets": ("harness_datasets", spec.Dataset),
    "metrics": ("harness_metrics", spec.Metric),
    "derived": ("harness_derived", spec.Derived),
    "suites": ("harness_suites", spec.SuiteFile),
    "devices": ("harness_devices", spec.Device),
    "executors": ("harness_executors", spec.Executor),
    "exporters": ("harness_exporters", spec.Exporter),
    "importers": ("harness_importers", spec.Importer),
    "crosschecks": ("harness_crosschecks", spec.Crosscheck),
}


@dataclass(slots=True)
class Registry:
    """All declarations of all plugins, by kind and name.

    Attributes:
        plugins: one record for each plugin, broken ones included.
        conflicts: (kind, name) to the plugins that claim it; looking such a name up fails.
    """

    plugins: list[Plugin]
    manager: pluggy.PluginManager
    conflicts: dict[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    _found: dict[str, dict[str, Any]] = field(default_factory=dict)
    _owners: dict[tuple[str, str], str] = field(default_factory=dict)
    _digests: dict[str, str] = field(default_factory=dict)

    @classmethod
    def load(cls, files: Sequence[Path] = ()) -> Registry:
        """Find all plugins; see :func:`harness.registry.plugins.load_plugins`."""
        manager, plugins = load_plugins(files)
        return cls(plugins, manager)

    def all(self, kind: str) -> Mapping[str, Any]:
        """Return every declaration of a kind (a word of ``KINDS``), by name, sorted."""
        if kind not in self._found:
            self._found[kind] = dict(sorted(self._collect(kind).items()))
        return self._found[kind]

    def get(self, kind: str, name: str) -> Any:
        """Return one declaration.

        Raises:
            UsageError: no plugin declares it, or two do; names both, or the nearest name.
        """
        known = self.all(kind)
        if (kind, name) in self.conflicts:
            both = " and ".join(self.conflicts[kind, name])
            raise UsageError(f"{singular(kind)} {name!r} is claimed by two plugins: {both}")
        if name not in known:
            broken = "".join(
                f"; plugin {p.name} is broken: {p.reason}" for p in self.plugins if not p.ok
            )
            raise UsageError(f"unknown {singular(kind)} {name!r}{nearest(name, known)}{broken}")
        return known[name]

    def check(self, declared: Any, params: Mapping[str, spec.Json]) -> None:
        """Check that a declaration can be had here.

        Raises:
            Unavailable: with the reason and the remedy; other errors as its own check raises.
        """
        check_available(declared, params)

    def owner(self, kind: str, name: str) -> Plugin:
        """Return the plugin that declared a name."""
        self.all(kind)
        owner = self._owners[kind, name]
        return next(p for p in self.plugins if p.name == owner)

    def digest(self, kind: str, name: str, ref: str) -> str:
        """Digest the code behind ``ref``, declared as ``name``: the plugin's and the object's."""
        plugin = self.owner(kind, name)
        declared = plugin.name if plugin.source is None else plugin.origin.partition(":")[0]
        parts = sorted({self._digest(m) for m in (declared, ref.partition(":")[0])})
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def _digest(self, module: str) -> str:
        if module not in self._digests:
            self._digests[module] = code_digest(module)
        return self._digests[module]

    def task(self, name: str) -> tuple[spec.Family, spec.Task]:
        """Find a task by ``family/task``, or by its own name where that is unique.

        Raises:
            UsageError: there is none, or several families have one of this name.
        """
        known = {
            f"{family.name}/{task.name}": (family, task)
            for family in self.all("families").values()
            for task in family.tasks
        }
        short = [full for full in known if name in {full, full.partition("/")[2]}]
        if len(short) == 1:
            return known[short[0]]
        if short:
            raise UsageError(f"task {name!r} is ambiguous: say one of {', '.join(short)}")
        raise UsageError(f"unknown task {name!r}{nearest(name, known)}")

    def _collect(self, kind: str) -> dict[str, Any]:
        hook, record = KINDS[kind]
        found: dict[str, Any] = {}
        for impl in getattr(self.manager.hook, hook).get_hookimpls():
            items: list[Any] = self._ask(impl.plugin_name, impl.function, hook, record)
            for item in items:
                self._claim(kind, item.name, impl.plugin_name)
                found.setdefault(item.name, item)
        return found

    def _claim(self, kind: str, name: str, plugin: str) -> None:
        first = self._owners.setdefault((kind, name), plugin)
        if first != plugin:
            claimed = self.conflicts.get((kind, name), (first,))
            self.conflicts[kind, name] = (*claimed, plugin)

    def _ask(
        self, plugin: str, function: Callable[[], Iterable[Any]], hook: str, record: type
    ) -> list[Any]:
        """Call one hook of one plugin; on a failure mark the plugin broken and go on."""
        try:
            items = list(function())
            wrong = next((i for i in items if not isinstance(i, record)), None)
            if wrong is not None:
                raise TypeError(f"{hook} returned {wrong!r}, expected {record.__name__} records")
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may raise anything
            self._break(plugin, f"{hook}: {describe(error)}")
            return []
        return items

    def _break(self, name: str, reason: str) -> None:
        self.plugins = [replace(p, reason=reason) if p.name == name else p for p in self.plugins]


def singular(kind: str) -> str:
    """Return the singular of a word of ``KINDS``."""
    return "family" if kind == "families" else kind.removesuffix("s")
