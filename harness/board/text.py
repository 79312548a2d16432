"""A board as lines for a terminal."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from harness.board.model import Board, Cell, Column, Row, Table
from harness.board.numerals import interval, number, rank

__all__ = ["text_table"]

_COLUMNS = 6  # what a terminal has room for
_NOTES = 8


def text_table(board: Board) -> list[str]:
    """Return each table as aligned lines: the columns it shows that have numbers.

    Where entries have nothing but times as a whole, their operating points are listed.
    """
    lines: list[str] = []
    for table in board.tables:
        shown = [c for c in board.columns if c.shown]
        whole = _filled(shown, (row.cells for row in table.rows))
        points = _filled(shown, (p.cells for row in table.rows for p in row.points))
        told = [c for c in whole if not c.name.endswith("_seconds")]
        lacking = any(row.points and not _filled(told, [row.cells]) for row in table.rows)
        if lacking and not any(c.derived for c in whole):
            lines += ["", *_points(table, points[:_COLUMNS])]
        else:
            lines += ["", *_rows(table, whole[:_COLUMNS])]
    return lines


def _rows(table: Table, columns: list[Column]) -> list[str]:
    head = ["rank", table.dataset, *map(_title, columns)]
    body: list[list[str]] = []
    reasons: dict[int, str] = {}
    for row in table.rows:
        cells = [_number(row.cells.get(c.name), c.digits) for c in columns]
        if not any(cells):
            notes = (row.cells[c.name].note for c in columns if c.name in row.cells)
            reasons[len(body)] = next(filter(None, notes), row.unranked)
        body.append([_rank(row), row.entry, *cells])
    told = [
        f"  {row.entry}, {column.name}: {row.cells[column.name].note}"
        for index, row in enumerate(table.rows)
        for column in columns
        if index not in reasons and column.name in row.cells and not _has(row, column)
    ]
    if len(told) > _NOTES:
        told[_NOTES:] = [f"  … and {len(told) - _NOTES} more: see the board"]
    return _aligned(head, body, reasons) + told


def _points(table: Table, columns: list[Column]) -> list[str]:
    head = ["rank", table.dataset, *map(_title, columns)]
    body: list[list[str]] = []
    reasons: dict[int, str] = {}
    for row in table.rows:
        if not row.points:
            reasons[len(body)] = row.unranked
            body.append([_rank(row), row.entry, *[""] * len(columns)])
        for point in row.points:
            cells = [_number(point.cells.get(c.name), c.digits) for c in columns]
            body.append([_rank(row), f"{row.entry}  {point.label}", *cells])
    return _aligned(head, body, reasons)


def _filled(columns: list[Column], cells: Iterable[Mapping[str, Cell]]) -> list[Column]:
    """Return the columns that have a number somewhere."""
    there = {name for found in cells for name, cell in found.items() if not math.isnan(cell.value)}
    return [c for c in columns if c.name in there]


def _has(row: Row, column: Column) -> bool:
    return not math.isnan(row.cells[column.name].value)


def _title(column: Column) -> str:
    return f"{column.name} ({column.unit})" if column.unit else column.name


def _rank(row: Row) -> str:
    return rank(row) or "–"


def _number(cell: Cell | None, digits: int) -> str:
    if cell is None or math.isnan(cell.value):
        return ""
    ends = interval(cell.low, cell.high, digits)
    return number(cell.value, digits) + (f" [{ends}]" if ends else "")


def _aligned(head: list[str], body: list[list[str]], reasons: Mapping[int, str]) -> list[str]:
    """Align the columns; a row without numbers ends in its reason."""
    widths = [max(len(row[i]) for row in [head, *body]) for i in range(len(head))]

    def line(row: list[str]) -> str:
        numbers = "".join(f"  {c:>{w}}" for c, w in zip(row[2:], widths[2:], strict=True))
        return f"{row[0]:>{widths[0]}}  {row[1]:<{widths[1]}}{numbers}".rstrip()

    return [
        line(head),
        *(
            f"{line(row)}  {reasons[n]}" if n in reasons else line(row)
            for n, row in enumerate(body)
        ),
    ]
