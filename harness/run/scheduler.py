"""Does the nodes that are missing."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from typing import Any

from harness.run.executor import Call, Done, NodeExecutor
from harness.run.graph import Ended, Graph
from harness.run.keys import canonical
from harness.run.node import AGAINST, Group, Node, Plan, item_part
from harness.spec import Outcome
from harness.store import Store

__all__ = ["Scheduler"]

Emit = Callable[[Mapping[str, Any]], None]


class Scheduler:
    """Runs a plan on an executor, writing each finished node to the store.

    Args:
        plan: what has to be done.
        store: where it is kept, opened for writing.
        executor: what runs it.
        emit: is told of each event.
        environment: id of the environment, called when the first node runs here.
        jobs: how many nodes run at once; kept with every time that is measured.
        fresh: run every node again, whatever the store holds.
        fail_fast: cancel the rest after the first failure.
    """

    def __init__(
        self,
        plan: Plan,
        store: Store,
        executor: NodeExecutor,
        emit: Emit,
        *,
        environment: Callable[[], str],
        jobs: int,
        fresh: bool = False,
        fail_fast: bool = False,
    ) -> None:
        self._plan, self._store, self._executor, self._emit = plan, store, executor, emit
        self._environment, self._jobs = environment, jobs
        self._fail_fast, self._failed = fail_fast, False
        self._made: set[str] = set()  # keys run now: with ``fresh`` only these count as done
        self._fresh = fresh
        self._calls: dict[int, tuple[Node, str]] = {}
        self._broken: dict[str, dict[str, Any]] = {}  # what could not be built → how it ended
        self._token = 0
        self._early: list[Mapping[str, Any]] | None = []  # what ended before the run began
        self.graph = Graph(plan, self._done, self._ended)

    def run(self, stop: Callable[[], bool] = lambda: False) -> bool:
        """Run until nothing is left or ``stop()``; return whether everything ended."""
        self._announce()
        while self._calls or any(True for _ in self.graph.ready()):
            if stop():
                return False
            if self._failed and self._fail_fast:
                self._cancel()
            self._submit()
            for done in self._executor.poll(0.1):
                self._finish(done)
            self._store.tick()
        return True

    def _announce(self) -> None:
        """Tell of the plan, then of the nodes that need not run."""
        early, self._early = self._early or [], None
        self._emit(
            {
                "event": "plan",
                "suite": self._plan.suite.name,
                "nodes": len(self._plan.nodes),
                "ended": len(early),
                "reused": sum(event["cached"] for event in early),
            }
        )
        for event in early:
            self._emit(event)

    def _done(self, key: str) -> Mapping[str, Any] | None:
        if self._fresh and key not in self._made:
            return None
        return self._store.done(key)

    def _submit(self) -> None:
        while self._executor.free() > 0:
            group = self._choose()
            if group is None:
                return
            node, key = self.graph.take(group)
            if (broken := self._broken.get(_built_of(node))) is not None:
                self._record(node, key, broken)
                continue
            self._token += 1
            self._calls[self._token] = (node, key)
            self._executor.submit(
                Call(
                    token=self._token,
                    group=group,
                    request=self._request(node),
                    limits=self._plan.suite.limits_of(node.recipe.limits),
                )
            )

    def _choose(self) -> Group | None:
        """Prefer a group whose worker stands ready: starting one costs more than order gains.

        What has to be alone waits until nothing else is left to run.
        """
        if any(node.recipe.group.alone for node, _ in self._calls.values()):
            return None
        first = lonely = None
        for group, _ in self.graph.ready():
            if group.alone:
                lonely = lonely or group
                continue
            if self._executor.waiting(group):
                return group
            first = first or group
        return first or (None if self._calls else lonely)

    def _request(self, node: Node) -> dict[str, Any]:
        recipe = node.recipe
        inputs = []
        for name, nodes in node.inputs:
            if nodes is None:
                items = [node.item] if node.item is not None else list(recipe.items)
                parts = [item_part(item) for item in items]
            else:
                parts = [self._artifact_part(n, name.removeprefix(AGAINST)) for n in nodes]
            many = name in recipe.many
            kind = recipe.kinds[name]
            inputs.append({"name": _plain(name), "kind": kind, "parts": parts, "many": many})
        device = recipe.call.get("device")
        if device is not None:
            device = {**device, "folder": self._store.folder("devices", device["name"])}
        against = recipe.call.get("against")
        if against is not None:  # as the anchor's points are as many or not
            own = against["points"]
            against = {**against, "point": own[max(0, node.point) % len(own)]}
        return {
            **recipe.call,
            **({"device": device} if device else {}),
            **({"against": against} if against else {}),
            "files": recipe.group.files,
            "inputs": inputs,
            "outputs": [
                {"name": _plain(o.name), "kind": o.kind, "path": self._temporary(i)}
                for i, o in enumerate(recipe.outputs)
            ],
            "point": node.entry.points[node.point] if node.point >= 0 else {},
            "seed": node.seed,
            "max_output": self._plan.suite.limits_of(recipe.limits).output,
        }

    def _temporary(self, output: int) -> str:
        return self._store.temporary(f"{self._token}-{output}")

    def _artifact_part(self, node: Node, name: str) -> dict[str, str]:
        digest = self.graph.digest(node, name)
        return {"path": self._store.artifact(digest), "sha256": digest}

    def _finish(self, done: Done) -> None:
        node, key = self._calls.pop(done.token)
        reply = dict(done.reply)
        if reply["outcome"] == "unwritten":  # the store's trouble, not the node's
            number = int(reply["reason"])
            raise OSError(number, os.strerror(number))
        artifacts = reply.get("artifacts", {})
        for name in [o.name for o in node.recipe.outputs if _plain(o.name) in artifacts]:
            artifacts[name] = artifacts.pop(_plain(name))
        for index, name in enumerate(o.name for o in node.recipe.outputs):
            if name in artifacts:
                self._store.adopt(
                    self._store.temporary(f"{done.token}-{index}"), artifacts[name][0]
                )
        if reply.get("unbuilt"):
            self._broken[_built_of(node)] = reply
        self._record(node, key, reply)
        if self.graph.exhausted(node.recipe.group):
            self._executor.retire(node.recipe.group)

    def _record(self, node: Node, key: str, reply: dict[str, Any]) -> None:
        outcome = Outcome(reply["outcome"])
        record = {
            "t": "node",
            "key": key,
            **{k: v for k, v in reply.items() if v not in ("", {}, None) and k != "unbuilt"},
            "env": self._environment(),
            "jobs": self._jobs,
            "at": round(time.time(), 3),
            "about": about(node),
        }
        self._store.append(record)
        self._made.add(key)
        ended = Ended(outcome, reply.get("reason", ""), key, log=reply.get("log", ""))
        self.graph.finish(key, ended, reply.get("artifacts", {}))

    def _ended(self, node: Node, ended: Ended) -> None:
        if ended.outcome not in (Outcome.ok, Outcome.unavailable, Outcome.skipped):
            self._failed = True
        event = {
            "event": "node",
            **about(node),
            "outcome": str(ended.outcome),
            "reason": ended.reason,
            "key": ended.key,
            "cached": ended.cached and ended.key not in self._made,
        }
        if self._early is None:
            self._emit(event)
        else:
            self._early.append(event)

    def _cancel(self) -> None:
        for group, count in list(self.graph.ready()):
            for _ in range(count):
                _, key = self.graph.take(group)
                self.graph.finish(key, Ended(Outcome.cancelled, "an earlier node failed"), {})


def _plain(name: str) -> str:
    """Return an artifact's name without the device behind it: a stage knows one device."""
    return name.partition("@")[0]


def _built_of(node: Node) -> str:
    """Name what a worker builds before it runs a node; where that fails, it fails for all."""
    call = node.recipe.call
    what = canonical([call["factory"], call["params"], call.get("wrap")]).decode()
    return f"{node.recipe.group.name} {what}"


def about(node: Node) -> dict[str, Any]:
    """Return what a person wants to know of a node."""
    return {
        "kind": node.kind,
        "entry": node.entry.label,
        "model": node.entry.model.name,
        "task": node.task,
        "step": node.step,
        "dataset": node.dataset,
        "item": node.item.id if node.item is not None else None,
        "point": dict(node.entry.points[node.point]) if node.point >= 0 else None,
        "seed": node.seed,
    }
