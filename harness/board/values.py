"""Artifacts as values again: what the functions of panels are called with."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from harness.spec import Json, Task
from harness.suite import Entry
from harness.worker import kinds

__all__ = ["Inputs", "Missing", "Place"]


class Missing(Exception):  # noqa: N818 - it says what is missing
    """An input is not there; one line says which."""


class Place(NamedTuple):
    """An item and a seed; None where no input exists once for each."""

    item: str | None
    seed: int | None

    def __str__(self) -> str:
        item = [] if self.item is None else [f"item {self.item}"]
        return ", ".join(item + ([] if self.seed is None else [f"seed {self.seed}"]))


class Inputs:
    """The artifacts that a panel asks for, of one task on one dataset.

    An entry's are those of its first operating point.

    Args:
        names: of artifacts of the task.
        task: what left them.
        entries: of the suite.
        nodes: of the ``nodes`` table, those of the dataset that left something.
        read: returns the bytes of an artifact by its digest.
    """

    def __init__(
        self,
        names: Sequence[str],
        task: Task,
        entries: Iterable[Entry],
        nodes: Iterable[Mapping[str, Any]],
        read: Callable[[str], bytes],
    ) -> None:
        self._kinds = {a.name: a.kind for stage in task.stages for a in stage.outputs}
        self._names, self._read = tuple(names), read
        first = {e.label: _text(e.points[0]) for e in entries}
        places: dict[Place, None] = {}
        # entry → name → where → digest
        self._found: dict[str, dict[str, dict[Place, str]]] = {}
        for node in nodes:
            if node["task"] != task.name or not set(self._names) & set(node["artifacts"]):
                continue
            entry, point = node["entry"], node["point"]
            if point is not None and _text(point) != first.get(entry):
                continue
            own = self._found.setdefault(entry, {name: {} for name in self._names})
            place = Place(node["item"], node["seed"])
            for name in set(self._names) & set(node["artifacts"]):
                own[name][place] = node["artifacts"][name][0]
            places[place] = None
        self._items = list(dict.fromkeys(p.item for p in places))
        self._seeds = list(dict.fromkeys(p.seed for p in places))

    def places(self, entry: str) -> list[Place]:
        """Return where every input of an entry is there, in the order of the plan."""
        own = self._found.get(entry, {})
        known = [place for at in own.values() for place in at]
        items = self._items if any(p.item is not None for p in known) else [None]
        seeds = self._seeds if any(p.seed is not None for p in known) else [None]
        found = [Place(item, seed) for seed in seeds for item in items] if known else []
        return [p for p in found if all(_at(own[name], p) for name in self._names)]

    def first(self, entries: Iterable[str]) -> Place:
        """Return the first item and seed of the plan at which one of the entries has it all."""
        places = [self.places(entry)[0] for entry in entries]
        return min(places, key=lambda p: (self._seeds.index(p.seed), self._items.index(p.item)))

    def values(self, entry: str, place: Place) -> list[Any]:
        """Return the inputs of an entry as values, loaded anew.

        Raises:
            Missing: an artifact is not there.
            Exception: a plugin cannot load it.
        """
        return [kinds.load(self._kinds[n], self._bytes(entry, n, place)) for n in self._names]

    def _bytes(self, entry: str, name: str, place: Place) -> bytes:
        digest = _at(self._found[entry][name], place)
        if digest is None:
            raise Missing(f"it left no {name} for {place}")
        try:
            return self._read(digest)
        except OSError:
            raise Missing(f"its {name} is no longer in the store") from None


def _at(found: Mapping[Place, str], place: Place) -> str | None:
    """Return what is there: per item and seed, per one of them, or once for all."""
    return (
        found.get(place)
        or found.get(Place(place.item, None))
        or found.get(Place(None, place.seed))
        or found.get(Place(None, None))
    )


def _text(point: Mapping[str, Json]) -> str:
    return json.dumps(point, sort_keys=True)
