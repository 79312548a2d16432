"""Which nodes are done, ready or blocked: the plan held against the store."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harness.run.node import Group, Node, Plan
from harness.spec import Outcome

__all__ = ["Ended", "Graph"]


@dataclass(frozen=True, slots=True)
class Ended:
    """How a node ended.

    Attributes:
        key: "" where it never became known, because an input is missing.
        cached: whether an earlier run had done it.
    """

    outcome: Outcome
    reason: str = ""
    key: str = ""
    cached: bool = False
    log: str = ""


class Graph:
    """The state of a plan's nodes.

    Args:
        plan: the nodes.
        done: returns the record of a key that need not be run again, or None.
        ended: called once for each node that ends.
    """

    def __init__(
        self,
        plan: Plan,
        done: Callable[[str], Mapping[str, Any] | None],
        ended: Callable[[Node, Ended], None],
    ) -> None:
        self._done, self._tell = done, ended
        self.ended: dict[int, Ended] = {}
        self._digests: dict[int, dict[str, str]] = {}
        self._missing: dict[int, int] = {}
        self._dependents: dict[int, list[Node]] = {}
        self._sharing: dict[str, list[Node]] = {}  # key → nodes that wait for its result
        self._ready: dict[str, deque[tuple[Node, str]]] = {}
        self._left: Counter[str] = Counter()
        for node in plan.nodes:
            self._ready.setdefault(node.recipe.group.name, deque())
            self._left[node.recipe.group.name] += 1
            needs = list(node.needs)
            self._missing[id(node)] = len(needs)
            for need in needs:
                self._dependents.setdefault(id(need), []).append(node)
        for node in [n for n in plan.nodes if not self._missing[id(n)]]:
            if id(node) not in self.ended:
                self._open(node)

    def ready(self) -> Iterator[tuple[Group, int]]:
        """Yield the groups that have nodes to run, in plan order, and how many."""
        for queue in self._ready.values():
            if queue:
                yield queue[0][0].recipe.group, len(queue)

    def take(self, group: Group) -> tuple[Node, str]:
        """Take the next node of a group to run, with its key."""
        return self._ready[group.name].popleft()

    def finish(self, key: str, ended: Ended, artifacts: Mapping[str, list[Any]]) -> None:
        """Note how the node that ran under ``key`` ended, and all that share the key."""
        for node in self._sharing.pop(key):
            self._end(node, ended, artifacts)

    def digest(self, node: Node, artifact: str) -> str:
        """Return the digest of an artifact that a finished node left."""
        return self._digests[id(node)][artifact]

    def exhausted(self, group: Group) -> bool:
        """Return whether no further node of the group can come."""
        return not self._left[group.name]

    def _open(self, node: Node) -> None:
        """A node whose inputs are there: done already, not possible, or to be run."""
        key = node.key(self._digests)
        record = self._done(key)
        if record is not None:
            past = Outcome(record["outcome"])
            ended = Ended(past, record.get("reason", ""), key, cached=True)
            self._end(node, ended, record.get("artifacts", {}))
        elif node.verdict is not None:
            outcome, reason = node.verdict
            self._end(node, Ended(Outcome(outcome), reason), {})
        elif key in self._sharing:
            self._sharing[key].append(node)
        else:
            self._sharing[key] = [node]
            self._ready[node.recipe.group.name].append((node, key))

    def _end(self, node: Node, ended: Ended, artifacts: Mapping[str, list[Any]]) -> None:
        pending = [(node, ended, artifacts)]
        opened: list[Node] = []
        while pending:
            node, ended, artifacts = pending.pop()
            if id(node) in self.ended:
                continue
            self.ended[id(node)] = ended
            self._left[node.recipe.group.name] -= 1
            self._digests[id(node)] = {name: value[0] for name, value in artifacts.items()}
            self._tell(node, ended)
            for dependent in self._dependents.get(id(node), ()):
                if ended.outcome is Outcome.ok:
                    self._missing[id(dependent)] -= 1
                    if not self._missing[id(dependent)]:
                        opened.append(dependent)
                else:
                    pending.append((dependent, _consequence(node, ended), {}))
        for dependent in opened:
            if id(dependent) not in self.ended:
                self._open(dependent)


def _consequence(node: Node, ended: Ended) -> Ended:
    """How what depends on a failed node ends: missing things stay missing, the rest is skipped."""
    if ended.outcome in (Outcome.unavailable, Outcome.cancelled):
        return Ended(ended.outcome, ended.reason)
    if ended.outcome is Outcome.skipped:
        return ended
    return Ended(Outcome.skipped, f"{node.step} ended in {ended.outcome}: {ended.reason}")
