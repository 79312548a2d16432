"""One run of a suite: plan, do what is missing, write the tables."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import UsageError
from harness.registry import Registry, resolve
from harness.run.environment import describe_environment, environment_id
from harness.run.executor import NodeExecutor
from harness.run.graph import Ended, Graph
from harness.run.keys import digest
from harness.run.node import Plan
from harness.run.plan import make_plan
from harness.run.published import published_rows, read_published
from harness.run.rows import environment_rows, node_rows, score_rows
from harness.run.scheduler import Emit, Scheduler
from harness.spec import Unavailable
from harness.store import Store
from harness.store.tables import write_table
from harness.suite import Suite

__all__ = ["STATE", "Finished", "Forecast", "forecast", "read_state", "run_suite"]


STATE = ".state"  # beside the tables: what they say, so that what is written is not written anew


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """What a run left.

    Attributes:
        complete: False where it was interrupted; the tables are then those of an earlier run.
        changed: whether the tables were written anew.
        outcomes: outcome to number of nodes.
        scored: number of scores.
    """

    plan: Plan
    ended: Mapping[int, Ended]
    complete: bool
    changed: bool
    outcomes: Mapping[str, int]
    scored: int
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What a run would do.

    Attributes:
        done: nodes whose results are in the store.
        missing: nodes that would run, those blocked by them included.
        impossible: nodes that would end unavailable or in another outcome clear beforehand.
        seconds: how long, from past durations of the same steps; None where none are known.
        unknown: nodes of steps that never ran.
    """

    total: int
    done: int
    missing: int
    impossible: int
    seconds: float | None
    unknown: int


def run_suite(
    suite: Suite,
    registry: Registry,
    results: Path,
    *,
    jobs: int,
    only: Sequence[str] = (),
    limit: int | None = None,
    fresh: bool = False,
    fail_fast: bool = False,
    executor: str = "process",
    emit: Emit = lambda event: None,
) -> Finished:
    """Run what is missing of a suite and write its tables.

    Raises:
        UsageError: the results cannot be written, or the plan cannot be made.
        StoreFull: the disk is full.
    """
    factory = _executor(registry, executor)
    plan = make_plan(suite, registry, only=only, limit=limit)
    if not plan.nodes:
        raise UsageError(f"suite {suite.name}: nothing to run")
    quoted = [read_published(path, registry) for path in suite.published]
    store = Store(results / "store", write=True)
    workers = None
    try:
        for record in quoted:
            if record["digest"] not in store.published:
                store.append(record)
        workers = factory(jobs, Path(store.root, "tmp"))
        told = _teller(registry, emit)
        scheduler = Scheduler(
            plan,
            store,
            workers,
            told,
            environment=_environment(store),
            jobs=jobs,
            fresh=fresh,
            fail_fast=fail_fast,
        )
        with _interruptible() as interrupted:
            complete = scheduler.run(interrupted)
        workers.close()
        return _finish(plan, scheduler.graph, store, results / suite.name, complete=complete)
    finally:
        if workers is not None:
            workers.close()
        store.close()


def _executor(registry: Registry, name: str) -> Callable[[int, Path], NodeExecutor]:
    ref = registry.get("executors", name).factory
    try:
        factory: Callable[[int, Path], NodeExecutor] = resolve(ref)
    except (Unavailable, AttributeError) as error:
        raise UsageError(f"executor {name!r}: {error}") from None
    return factory


def forecast(
    suite: Suite,
    registry: Registry,
    results: Path,
    *,
    only: Sequence[str],
    limit: int | None,
    jobs: int,
) -> tuple[Plan, Forecast, Mapping[int, Ended]]:
    """Say what a run would do, without doing it."""
    plan = make_plan(suite, registry, only=only, limit=limit)
    store = Store(results / "store")
    graph = Graph(plan, store.done, lambda node, ended: None)
    past: dict[tuple[str, str], list[float]] = {}
    for record in store.records.values():
        if "wall" in record:
            about = record["about"]
            past.setdefault(_pace(about["kind"], about["model"], about["step"]), []).append(
                record["wall"]
            )
    seconds, unknown, missing = 0.0, 0, 0
    for node in plan.nodes:
        if id(node) in graph.ended:
            continue
        missing += 1
        walls = past.get(_pace(node.kind, node.entry.model.name, node.step))
        if walls is None:
            unknown += 1
        else:
            seconds += sum(walls) / len(walls)
    done = sum(1 for e in graph.ended.values() if e.cached)
    return (
        plan,
        Forecast(
            total=len(plan.nodes),
            done=done,
            missing=missing,
            impossible=len(graph.ended) - done,
            seconds=seconds / jobs if (past and unknown < missing) or not missing else None,
            unknown=unknown,
        ),
        graph.ended,
    )


def _pace(kind: str, model: str, step: str) -> tuple[str, str]:
    """Name what takes about the same time: a metric whatever the model, a stage per model."""
    return (model if kind == "stage" else "", step)


def _finish(plan: Plan, graph: Graph, store: Store, folder: Path, *, complete: bool) -> Finished:
    """Write the tables, unless they already say what there is to say."""
    outcomes = Counter(str(e.outcome) for e in graph.ended.values())
    ended = (
        [[graph.ended[id(n)].key, str(graph.ended[id(n)].outcome)] for n in plan.nodes]
        if complete
        else []
    )
    published = list(published_rows(plan.suite, store)) if complete else []
    stamps = [store.records[key]["at"] for key, _ in ended if key]
    state = digest(
        [plan.suite.digest, plan.sizes, ended, stamps, sorted({p["source"] for p in published})]
    )
    changed = complete and read_state(folder) != state
    if changed:
        _write(plan, graph, store, folder, published)
    return Finished(
        plan=plan,
        ended=graph.ended,
        complete=complete,
        changed=changed,
        outcomes=dict(outcomes),
        scored=sum(
            1
            for n in plan.nodes
            if n.kind == "score" and id(n) in graph.ended and graph.ended[id(n)].outcome == "ok"
        ),
        state=state,
    )


def read_state(folder: Path) -> str:
    """Return what the tables and the board say; "" where they are missing or half written."""
    try:
        state: str = json.loads((folder / STATE).read_text())["state"]
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return state


def _write(
    plan: Plan, graph: Graph, store: Store, folder: Path, published: list[dict[str, Any]]
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / STATE).unlink(missing_ok=True)
    nodes = list(node_rows(plan, graph.ended, store))
    used = {row["environment"] for row in nodes if row["environment"]}
    about = {
        "suite": plan.suite.name,
        "suite_digest": plan.suite.digest,
        "sizes": plan.sizes,
    }
    scores = [*score_rows(plan, graph.ended, store), *published]
    write_table(folder / "nodes.parquet", "nodes", nodes, about)
    write_table(folder / "scores.parquet", "scores", scores, about)
    write_table(
        folder / "environments.parquet", "environments", environment_rows(store, used), about
    )


def _environment(store: Store) -> Callable[[], str]:
    """Return a function that gives the environment's id, writing it down the first time."""

    def known() -> str:
        id_ = environment_id()
        if id_ not in store.environments:
            store.append({"t": "environment", "id": id_, "data": describe_environment()})
        return id_

    from functools import cache

    return cache(known)


def _teller(registry: Registry, emit: Emit) -> Emit:
    """Tell the caller and every plugin that listens; one that fails is told nothing more."""
    listeners = list(registry.manager.hook.harness_event.get_hookimpls())
    if not listeners:
        return emit

    def tell(event: Mapping[str, Any]) -> None:
        emit(event)
        for listener in list(listeners):
            try:
                listener.function(event=event)
            except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may raise anything
                listeners.remove(listener)
                emit({"event": "warning", "text": f"plugin {listener.plugin_name}: {error}"})

    return tell


@contextmanager
def _interruptible() -> Iterator[Callable[[], bool]]:
    """Turn Ctrl-C and SIGTERM into a question that the scheduler asks; a second one kills."""
    seen: list[int] = []
    former = {}

    def note(number: int, _frame: object) -> None:
        if seen:
            os._exit(130)
        seen.append(number)

    import threading

    if threading.current_thread() is threading.main_thread():
        former = {s: signal.signal(s, note) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(seen)
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
