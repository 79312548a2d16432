"""What entries are made of: a line for each part, as the panel's function gives it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

from harness.board.figures import board_entries, first_point, reason_of
from harness.board.model import Board, PartsCell, PartsData, PartsFigure
from harness.board.values import Inputs
from harness.registry import resolve
from harness.spec import PartsPanel
from harness.suite import Suite

__all__ = ["parts"]

_ENTRIES: Final = 40
_LINES: Final = 60  # parts of one entry


def parts(
    panel: PartsPanel, suite: Suite, board: Board, dataset: str, inputs: Inputs
) -> Iterator[PartsData]:
    """Yield the parts of the first entries of the board, if any entry left what they need."""
    entries = [e for e in board_entries(board, dataset) if inputs.places(e)]
    if not entries:
        return
    kept = entries[:_ENTRIES]
    place = inputs.first(kept)
    figures: list[PartsFigure] = []
    failed: list[tuple[str, str]] = []
    for entry in kept:
        try:
            found = resolve(panel.compute)(*inputs.values(entry, place))
            lines = tuple(_line(line) for line in found)
            if len(lines) > _LINES:
                raise ValueError(f"{len(lines)} parts; at most {_LINES} are shown")
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may raise anything
            failed.append((entry, reason_of(error)))
        else:
            figures.append(PartsFigure(entry=entry, lines=lines, point=first_point(suite, entry)))
    every = [line for figure in figures for line in figure.lines]
    counts = [cell for line in every for cell in line.values() if isinstance(cell, Mapping)]
    yield PartsData(
        title=panel.title,
        dataset=dataset,
        note=panel.note,
        where=str(place),
        columns=tuple(dict.fromkeys(title for line in every for title in line)),
        words=tuple(dict.fromkeys(word for cell in counts for word in cell)),
        figures=tuple(figures),
        failed=tuple(failed),
        left=len(entries) - len(kept),
    )


def _line(line: Mapping[str, Any]) -> dict[str, PartsCell]:
    return {str(title): _cell(str(title), value) for title, value in line.items()}


def _cell(title: str, value: Any) -> PartsCell:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        counts = {str(word): float(count) for word, count in value.items()}
        if any(not math.isfinite(count) or count < 0 for count in counts.values()):
            raise ValueError(f"{title!r}: counts are numbers from 0 on")
        return counts
    return float(value)
