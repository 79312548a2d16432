"""The nodes of one entry on one dataset: which there are, and what each reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

from harness.errors import UsageError
from harness.run.node import AGAINST, Node, Recipe
from harness.spec import Dataset, Item, Stage, Task
from harness.suite import Entry

__all__ = ["Scope"]

_AXES = ("point", "item", "seed")


class Scope:
    """The nodes of one entry on one dataset while they are being made.

    Attributes:
        kinds: of each artifact, and of the task's item.
        offered: what stages and metrics can read.
    """

    def __init__(
        self,
        entry: Entry,
        task: Task,
        label: str,
        dataset: Dataset,
        items: tuple[Item, ...],
        seeds: tuple[int, ...],
    ) -> None:
        self.entry, self.task, self.label, self.items = entry, task, label, items
        self.dataset = dataset
        self.kinds = {task.item: dataset.load}
        self.kinds |= {a.name: a.kind for s in task.stages for a in s.outputs}
        self.offered = set(self.kinds)
        self._values: dict[str, Sequence[Any]] = {
            "point": range(len(entry.points)),
            "item": items,
            "seed": seeds,
        }
        # artifact → (axes of the stage that leaves it, coordinates → node)
        self._made: dict[str, tuple[tuple[str, ...], dict[tuple[Any, ...], Node]]] = {}
        self._nodes: list[Node] = []

    def withhold(self, stage: Stage) -> None:
        """Note that a stage is not done for this entry."""
        self.offered -= {artifact.name for artifact in stage.outputs}

    def check(self, stage: str, inputs: Sequence[str], per: Sequence[str]) -> None:
        """Refuse a stage that could not tell which of several artifacts to read."""
        where = f"task {self.task.name}, stage {stage}"
        for name in inputs:
            if name == self.task.item:
                continue
            if name not in self._made:
                raise UsageError(f"{where}: no earlier stage leaves {name!r}")
            lost = [a for a in self._made[name][0] if a != "item" and a not in per]
            if lost:
                raise UsageError(f"{where}: it reads {name!r}, made per {lost[0]}, and is not")

    def axes(self, inputs: Sequence[str], *, without_item: bool) -> tuple[str, ...]:
        """Return the axes over which something that reads ``inputs`` is repeated."""
        found = {"item"} if self.task.item in inputs else set()
        for name in inputs:
            if name in self._made:
                found |= set(self._made[name][0])
        return tuple(a for a in _AXES if a in found and not (without_item and a == "item"))

    def many(self, inputs: Sequence[str], axes: Sequence[str]) -> frozenset[str]:
        """Return the inputs that exist once per item for a step that does not."""
        return frozenset(
            name
            for name in inputs
            if "item" not in axes and (name == self.task.item or "item" in self._made[name][0])
        )

    def add(
        self,
        kind: str,
        step: str,
        inputs: Sequence[str],
        axes: Sequence[str],
        recipe: Recipe,
        verdict: tuple[str, str] | None,
        *,
        aside: bool = False,
        against: Scope | None = None,
    ) -> None:
        """Make the nodes of one step; what stands ``aside`` reads the first of each axis.

        What is done ``against`` an anchor reads the same of it besides.
        """
        most = 1 if aside else None
        axes = tuple(a for a in _AXES if a in axes)
        made: dict[tuple[Any, ...], Node] = {}
        for values in product(*(self._values[a] for a in axes)):
            at = dict(zip(axes, values, strict=True))
            node = Node(
                kind=kind,
                entry=self.entry,
                task=self.task.name,
                step=step,
                dataset=self.label,
                point=at.get("point", -1),
                item=at.get("item"),
                seed=at.get("seed"),
                inputs=tuple((name, self._sources(name, at, most)) for name in inputs)
                + (against.as_anchor(inputs, at.get("point", 0)) if against else ()),
                recipe=recipe,
                verdict=verdict,
            )
            made[tuple(v.id if a == "item" else v for a, v in at.items())] = node
            self._nodes.append(node)
        for output in recipe.outputs:
            self._made[output.name] = (axes, made)

    def ordered(self) -> list[Node]:
        """Return the nodes so that what belongs to one item is done together."""
        rank = {item.id: n for n, item in enumerate(self.items)}
        return sorted(
            self._nodes, key=lambda n: (n.point, rank[n.item.id] if n.item else len(rank))
        )

    def as_anchor(
        self, inputs: Sequence[str], point: int
    ) -> tuple[tuple[str, tuple[Node, ...] | None], ...]:
        """Return the inputs of something that is compared with this entry."""
        at = {"point": point % len(self.entry.points)}
        return tuple((AGAINST + name, self._sources(name, at, 1)) for name in inputs)

    def _sources(
        self, name: str, at: Mapping[str, Any], most: int | None
    ) -> tuple[Node, ...] | None:
        """Return the nodes that leave the artifact ``name`` at the coordinates ``at``."""
        if name == self.task.item:
            return None
        axes, made = self._made[name]
        choices = []
        for axis in axes:
            values = [at[axis]] if axis in at else self._values[axis][:most]
            choices.append([v.id if axis == "item" else v for v in values])
        return tuple(made[where] for where in product(*choices))
