"""Finding and loading plugins, each under its own guard."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from importlib.metadata import Distribution, EntryPoint, entry_points
from pathlib import Path
from types import CodeType, ModuleType

import pluggy

from harness import hookspecs
from harness.errors import UsageError, nearest

__all__ = ["Plugin", "code_digest", "load_plugins"]

# Packages that a declaration module has no reason to import: listing models must stay instant.
_HEAVY = ("torch", "tensorflow", "jax", "pandas", "scipy", "cv2", "skimage", "PIL", "diffusers")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugin:
    """What became of one plugin.

    Attributes:
        origin: the entry point's value, or the path of the single file.
        source: the distribution it comes from, None for a file.
        reason: why it could not be loaded; "" where it was.
        heavy: packages it imported although it should not.
    """

    name: str
    origin: str
    source: Distribution | None = None
    reason: str = ""
    heavy: tuple[str, ...] = ()

    @property
    def distribution(self) -> str:
        """Name of the distribution, "" for a file; read from disk at each call."""
        return self.source.name if self.source else ""

    @property
    def version(self) -> str:
        """Version of the distribution, "" for a file; read from disk at each call."""
        return self.source.version if self.source else ""

    @property
    def ok(self) -> bool:
        """Whether it was loaded."""
        return not self.reason


def load_plugins(files: Sequence[Path] = ()) -> tuple[pluggy.PluginManager, list[Plugin]]:
    """Load every installed plugin and the given single files.

    A plugin that fails is a record with its reason. The environment variable
    ``HARNESS_DISABLE_PLUGINS`` names plugins to leave out, separated by commas; ``all`` leaves
    out every installed one.

    Raises:
        UsageError: a file in ``files`` does not exist.
    """
    manager = pluggy.PluginManager("harness")
    manager.add_hookspecs(hookspecs)
    disabled = {n.strip() for n in os.environ.get("HARNESS_DISABLE_PLUGINS", "").split(",")}
    found: Iterable[EntryPoint] = () if "all" in disabled else entry_points(group="harness")
    records = [
        _load_entry_point(manager, point)
        for point in sorted(found, key=lambda p: p.name)
        if point.name not in disabled
    ]
    records += [_load_file(manager, path) for path in dict.fromkeys(p.resolve() for p in files)]
    return manager, records


def _load_entry_point(manager: pluggy.PluginManager, point: EntryPoint) -> Plugin:
    reason, heavy = _register(manager, point.name, lambda: importlib.import_module(point.module))
    return Plugin(
        name=point.name,
        origin=point.value,
        source=point.dist,
        reason=reason,
        heavy=heavy,
    )


def _load_file(manager: pluggy.PluginManager, path: Path) -> Plugin:
    if not path.is_file():
        raise UsageError(f"plugin file {path} does not exist")
    reason, heavy = _register(manager, path.stem, lambda: _import_file(path))
    return Plugin(name=path.stem, origin=str(path), reason=reason, heavy=heavy)


def _import_file(path: Path) -> ModuleType:
    """Import the single file ``path`` as the top-level module of its stem."""
    if _is_taken(path):
        raise ImportError(f"another module is called {path.stem!r}: rename the file")
    spec = importlib.util.spec_from_file_location(
        path.stem, path, loader=_FileLoader(path.stem, str(path))
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[path.stem]
        raise
    return module


def _is_taken(path: Path) -> bool:
    """Whether the module that a file would become exists already, and is no single file."""
    found = sys.modules.get(path.stem)
    spec = found.__spec__ if found is not None else importlib.util.find_spec(path.stem)
    if spec is None or isinstance(spec.loader, _FileLoader):
        return False
    return spec.origin is None or Path(spec.origin).resolve() != path


class _FileLoader(SourceFileLoader):
    """Tells the modules of single files from all others."""

    def get_code(self, fullname: str) -> CodeType:
        """Compile what the file says now: bytecode of a version as old and as long would pass."""
        del fullname
        code: CodeType = self.source_to_code(self.get_data(self.path), self.path)
        return code


def _register(
    manager: pluggy.PluginManager, name: str, load: Callable[[], ModuleType]
) -> tuple[str, tuple[str, ...]]:
    """Import a plugin and register it; return the reason of a failure and what it dragged in."""
    known = {n for n, _ in manager.list_name_plugin()}
    before = {m for m in _HEAVY if m in sys.modules}
    try:
        module = load()
        manager.register(module, name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - a plugin may raise anything, SystemExit too
        if name not in known and manager.has_plugin(name):  # it failed half-way
            manager.unregister(name=name)
        return describe(error), ()
    heavy = tuple(m for m in _HEAVY if m in sys.modules and m not in before)
    for caller in manager.get_hookcallers(module) or ():
        if not caller.has_spec():
            manager.unregister(module)
            return f"unknown hook {caller.name!r}{nearest(caller.name, hooks())}", heavy
    return "", heavy


def hooks() -> list[str]:
    """Return the names of all hooks."""
    return [n for n in vars(hookspecs) if n.startswith("harness_")]


def describe(error: BaseException) -> str:
    """Return an exception as one line."""
    text = " ".join(str(error).split()) or "no message"
    return f"{type(error).__name__}: {text}"


def code_digest(module: str) -> str:
    """Digest the source of the package that ``module`` stands in, without importing it.

    Returns "" where there is no such module; what needs it fails when it is called.

    A package is taken whole; a module inside a package stands for the package's folder; a
    top-level module for its file alone.
    """
    found = sys.modules.get(module)
    try:
        spec = found.__spec__ if found is not None else importlib.util.find_spec(module)
    except (ImportError, ValueError):  # its package is missing or broken
        return ""
    if spec is None or spec.origin is None:
        return ""
    origin = Path(spec.origin)
    if "." in module or spec.submodule_search_locations:
        root = origin.parent
        files = sorted(p for p in root.rglob("*") if p.is_file() and _is_source(p))
    else:
        root, files = origin.parent, [origin]
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.relative_to(root).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _is_source(path: Path) -> bool:
    return "__pycache__" not in path.parts and path.suffix not in {".pyc", ".pyo"}
