"""Run a suite from Python: what ``harness run`` does, without a terminal."""

from __future__ import annotations

import glob
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import UsageError, nearest
from harness.registry import Registry
from harness.run import STATE, Finished, read_state, run_suite
from harness.store import disk_trouble
from harness.suite import Suite, load_suite

if TYPE_CHECKING:
    from harness.run.scheduler import Emit

__all__ = ["Done", "open_suite", "rewrite_board", "rows_of", "run", "run_opened"]

_FAILED = {"error", "timeout", "crashed", "oom", "nonfinite", "invalid"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a run left.

    Attributes:
        outcomes: outcome to number of nodes.
        files: what was written: ``board``, ``scores``, ``nodes``, ``environments``.
        table: the board as lines of text.
        exit_code: as the command line returns it.
    """

    complete: bool
    outcomes: Mapping[str, int]
    files: Mapping[str, Path]
    table: Sequence[str]
    exit_code: int


def open_suite(
    name: str, plugins: tuple[Path, ...], models: Sequence[str] = ()
) -> tuple[Suite, Registry]:
    """Find a suite by its file, or by the name under which a plugin ships it.

    Args:
        name: of the file or of the suite.
        plugins: single-file plugins.
        models: globs over names of models that get rows besides the suite's own.

    Raises:
        UsageError: there is none, or the file has faults.
    """
    made: list[Registry] = []

    def names(files: Any) -> Registry:
        made.append(Registry.load((*plugins, *files)))
        return made[-1]

    path = Path(name)
    if not path.is_file():
        shipped = Registry.load(plugins).all("suites")
        if name not in shipped:
            what = "file" if path.suffix in {".yaml", ".yml"} or "/" in name else "suite"
            raise UsageError(f"no such {what}: {name!r}{nearest(name, shipped)}")
        path = Path(shipped[name].path)
    return load_suite(path, names, models), made[-1]


def rows_of(suite: Suite, models: Sequence[str]) -> tuple[str, ...]:
    """Return globs that match the rows of some models, and no other: all if none is named."""
    return tuple(
        glob.escape(entry.label)
        for entry in suite.entries
        if any(fnmatchcase(entry.model.name, pattern) for pattern in models)
    )


def run(
    suite: str | Path,
    *,
    results: str | Path = "results",
    models: Sequence[str] = (),
    **options: Any,
) -> Done:
    """Run a suite: do what is missing, write tables and board.

    Args:
        suite: a YAML file, or the name of a suite that a plugin ships.
        results: where results are kept.
        models: names of models, or globs: only their rows are run, and those that the suite does
            not have get one.
        options: as of :func:`run_opened`; ``plugins`` names single-file plugins.

    Raises:
        UsageError: the suite has faults, or the results cannot be written.

    Example:
        >>> import harness
        >>> done = harness.run("quick", jobs=2)  # doctest: +SKIP
        >>> done.files["board"]  # doctest: +SKIP
        PosixPath('results/quick/board.html')
    """
    plugins = tuple(Path(p) for p in options.pop("plugins", ()))
    opened, registry = open_suite(str(suite), plugins, models)
    only = (*options.pop("only", ()), *rows_of(opened, models))
    return run_opened(opened, registry, results=Path(results), only=only, **options)


def run_opened(
    suite: Suite,
    registry: Registry,
    *,
    results: Path,
    jobs: int = 1,
    only: Sequence[str] = (),
    limit: int | None = None,
    fresh: bool = False,
    fail_fast: bool = False,
    executor: str = "process",
    emit: Emit = lambda event: None,
) -> Done:
    """Run an opened suite; see :func:`harness.run.run_suite` for the options.

    Raises:
        UsageError: the results cannot be written, or the plan cannot be made.
        StoreFull: the disk is full.
    """
    with disk_trouble(results):
        finished = run_suite(
            suite,
            registry,
            results,
            jobs=jobs,
            only=only,
            limit=limit,
            fresh=fresh,
            fail_fast=fail_fast,
            executor=executor,
            emit=emit,
        )
        table = _board(suite, registry, results, finished) if finished.complete else []
    if not finished.complete:
        return Done(complete=False, outcomes=finished.outcomes, files={}, table=(), exit_code=130)
    folder = results / suite.name
    code = 3 if _FAILED & set(finished.outcomes) else 0
    return Done(
        complete=True,
        outcomes=finished.outcomes,
        files={
            "board": folder / "board.html",
            **{n: folder / f"{n}.parquet" for n in ("scores", "nodes", "environments")},
        },
        table=table,
        exit_code=code or (0 if finished.scored else 5),
    )


def rewrite_board(suite: Suite, registry: Registry, results: Path) -> list[str]:
    """Write the board of a suite again from its tables; return it as lines of text.

    Raises:
        UsageError: the suite was not run yet, or the results cannot be written.
    """
    with disk_trouble(results):
        return _write_board(suite, registry, results, read_state(results / suite.name))


def _board(suite: Suite, registry: Registry, results: Path, finished: Finished) -> list[str]:
    """Write the board, unless the one that is there says the same; return it as text."""
    folder = results / suite.name
    if not finished.changed and (folder / "board.html").exists():
        lines: list[str] = json.loads((folder / STATE).read_text())["table"]
        return lines
    return _write_board(suite, registry, results, finished.state)


def _write_board(suite: Suite, registry: Registry, results: Path, state: str) -> list[str]:
    from harness.board import write_board

    lines = write_board(suite, registry, results)
    (results / suite.name / STATE).write_text(json.dumps({"state": state, "table": lines}))
    return lines
