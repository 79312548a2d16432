"""A plan: nodes, what they are made of, and what their keys are made from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.run.keys import digest, node_key
from harness.spec import Artifact, Item
from harness.suite import Entry, Suite

__all__ = ["AGAINST", "Group", "Node", "Plan", "Recipe", "item_part"]

AGAINST = "against:"  # before the names of inputs that are the anchor's


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Nodes that one worker may run one after the other: a model's stage, a metric's module.

    Attributes:
        env: extra environment variables of the worker.
        files: modules of single-file plugins, name to path.
        alone: whether nothing else may run beside one of its nodes.
    """

    name: str
    env: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    alone: bool = False


@dataclass(slots=True, eq=False, kw_only=True)
class Node:
    """A unit of work: a stage, or a scoring by a metric.

    Attributes:
        step: name of the stage or metric.
        inputs: name to the nodes whose artifact of that name it reads, in item order; the
            task's item stands for itself and is not in it.
        reads_item: whether the dataset's item (or all of them) is an input.
        prefix: digest of what is fixed before anything ran.
        verdict: an outcome that was clear before running, and its reason.
    """

    kind: str
    entry: Entry
    task: str
    step: str
    dataset: str
    point: int
    item: Item | None
    seed: int | None
    inputs: tuple[tuple[str, tuple[Node, ...] | None], ...]
    recipe: Recipe
    verdict: tuple[str, str] | None = None

    def key(self, digests: Mapping[int, Mapping[str, str]]) -> str:
        """Return the key, given the artifact digests of the nodes it depends on."""
        named: dict[str, Any] = {}
        for name, nodes in self.inputs:
            artifact = name.removeprefix(AGAINST)
            if nodes is None:
                named[name] = self.recipe.item_digests(self.item)
            elif name in self.recipe.many:
                named[name] = [digests[id(n)][artifact] for n in nodes]
            else:
                named[name] = digests[id(nodes[0])][artifact]
        return node_key(self.recipe.prefix(self), named)

    @property
    def needs(self) -> Iterator[Node]:
        """The nodes that must have ended well before this one."""
        for _, nodes in self.inputs:
            yield from nodes or ()


@dataclass(slots=True, kw_only=True, eq=False)
class Recipe:
    """What all nodes of one step of one entry on one dataset share.

    Attributes:
        static: goes into every key.
        call: goes into every call of a worker.
        outputs: artifacts the step leaves.
        many: inputs that arrive as lists.
        timed: whether its duration is a score of the model's.
    """

    static: Mapping[str, Any]
    call: Mapping[str, Any]
    group: Group
    kinds: Mapping[str, str]
    outputs: tuple[Artifact, ...]
    many: frozenset[str]
    items: tuple[Item, ...]
    limits: str
    timed: bool = False
    _prefixes: dict[tuple[int, int | None], str] = field(default_factory=dict)

    def prefix(self, node: Node) -> str:
        """Return the digest of what is fixed for a node, made once per point and seed."""
        where = (node.point, node.seed) if node.kind == "stage" else (-1, None)
        if where not in self._prefixes:
            fixed = dict(self.static)
            if node.kind == "stage":
                fixed["point"] = node.entry.points[node.point] if node.point >= 0 else None
                fixed["seed"] = node.seed
            self._prefixes[where] = digest(fixed)
        return self._prefixes[where]

    def item_digests(self, item: Item | None) -> str | list[str]:
        """Return the digest of an item, or those of all items for a node that reads them all."""
        return item.sha256 if item is not None else [i.sha256 for i in self.items]


@dataclass(slots=True, kw_only=True)
class Plan:
    """All nodes of a suite, dependencies first.

    Attributes:
        datasets: label to the items that are used; none where the data is missing.
        sizes: label to the number of items that the whole dataset has.
    """

    suite: Suite
    nodes: list[Node]
    datasets: dict[str, tuple[Item, ...]]
    sizes: dict[str, int] = field(default_factory=dict)


def item_part(item: Item) -> dict[str, Any]:
    """Return an item as a worker is told of it."""
    return {"path": item.path, "sha256": item.sha256, "item": item.id, "meta": dict(item.meta)}
