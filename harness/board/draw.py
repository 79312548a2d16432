"""The panels of a board, as its suite's families declare them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from harness.board import figures, panels
from harness.board.measure import Measured
from harness.board.model import Board
from harness.board.parts import parts
from harness.board.values import Inputs
from harness.errors import UsageError
from harness.run.plan import dataset_items, dataset_label
from harness.spec import (
    ComparePanel,
    CurvePanel,
    FrontPanel,
    Item,
    MatrixPanel,
    PartsPanel,
    ProfilePanel,
    SeriesPanel,
    Unavailable,
)
from harness.store import Store
from harness.suite import Suite, SuiteDataset

__all__ = ["draw"]

P = TypeVar("P")
Nodes = Sequence[Mapping[str, Any]]


def draw(
    board: Board, suite: Suite, measured: Sequence[Measured], nodes: Nodes, store: Store
) -> Board:
    """Add the panels of the suite's families to a board.

    Args:
        measured: what is known of each dataset.
        nodes: of the ``nodes`` table.
        store: where their artifacts are.
    """
    items = {dataset_label(use): _items(use) for use in suite.datasets}

    def read(digest: str) -> bytes:
        return Path(store.artifact(digest)).read_bytes()

    def of_scores(kind: type[P]) -> Iterator[tuple[P, Measured]]:
        return ((p, m) for p in _panels(suite, kind) for m in measured)

    left = [n for n in nodes if n["artifacts"]]
    return replace(
        board,
        curves=_all(panels.curves(p, board, m) for p, m in of_scores(CurvePanel)),
        fronts=_all(panels.fronts(p, board, m) for p, m in of_scores(FrontPanel)),
        parts=_all(
            parts(p, suite, board, dataset, inputs)
            for p in _panels(suite, PartsPanel)
            for dataset, inputs in _inputs(p, suite, left, read)
        ),
        matrices=_all(
            figures.matrices(p, suite, board, dataset, inputs)
            for p in _panels(suite, MatrixPanel)
            for dataset, inputs in _inputs(p, suite, left, read)
        ),
        series=_all(
            figures.series(p, suite, board, dataset, inputs)
            for p in _panels(suite, SeriesPanel)
            for dataset, inputs in _inputs(p, suite, left, read)
        ),
        profiles=_all(figures.profiles(p, suite, board, m) for p, m in of_scores(ProfilePanel)),
        compares=_all(
            panels.compares(p, board, m, left, items.get(m.scores.dataset, ()), read)
            for p, m in of_scores(ComparePanel)
        ),
    )


T = TypeVar("T")


def _all(found: Iterable[Iterable[T]]) -> tuple[T, ...]:
    return tuple(data for panel in found for data in panel)


def _panels(suite: Suite, kind: type[P]) -> list[P]:
    """Return the panels of a kind, each once."""
    families = {family.name: family for family, _ in suite.tasks}
    found = (p for family in families.values() for p in family.panels if isinstance(p, kind))
    return list(dict.fromkeys(found))


def _inputs(
    panel: MatrixPanel | PartsPanel | SeriesPanel, suite: Suite, nodes: Nodes, read: Any
) -> Iterator[tuple[str, Inputs]]:
    """Yield each dataset with what a panel asks for, of each task that leaves it."""
    for use in suite.datasets:
        label = dataset_label(use)
        own = [n for n in nodes if n["dataset"] == label]
        for family, task in suite.tasks:
            leaves = {a.name for stage in task.stages for a in stage.outputs}
            if panel in family.panels and set(panel.inputs) <= leaves:
                yield label, Inputs(panel.inputs, task, suite.entries, own, read)


def _items(use: SuiteDataset) -> tuple[Item, ...]:
    """Return the items whose originals can be shown."""
    try:
        return dataset_items(use)
    except (
        Unavailable,
        UsageError,
    ):  # the data went away since; the board stands without pictures
        return ()
