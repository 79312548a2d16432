"""A board as lines for a terminal."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterable, Mapping

from harness.board.model import Board, Cell, Column, Row, Table
from harness.board.numerals import clean, interval, number, rank

__all__ = ["text_table"]

_COLUMNS = 6  # more than that is for the page
_WIDTH = 100  # where there is no terminal
_NOTES = 8


def text_table(board: Board, width: int | None = None) -> list[str]:
    """Return each table as aligned lines: the columns it shows that have numbers.

    Where entries have nothing but times as a whole, their operating points are listed. Columns
    that do not fit are left to the page; a reason is never cut.

    Args:
        width: characters in a line; by default the terminal's.
    """
    if width is None:
        width = shutil.get_terminal_size((_WIDTH, 24)).columns
    lines: list[str] = []
    for table in board.tables:
        shown = [c for c in board.columns if c.shown]
        whole = _filled(shown, (row.cells for row in table.rows))
        points = _filled(shown, (p.cells for row in table.rows for p in row.points))
        told = [c for c in whole if not c.name.endswith("_seconds")]
        lacking = any(row.points and not _filled(told, [row.cells]) for row in table.rows)
        if lacking and not any(c.derived for c in whole):
            lines += ["", *_points(table, points[:_COLUMNS], width)]
            lines += _refusals(table, [c for c in shown if c.derived])
        else:
            lines += ["", *_rows(table, whole[:_COLUMNS], width)]
    return lines


def _rows(table: Table, columns: list[Column], width: int) -> list[str]:
    body: list[list[str]] = []
    reasons: dict[int, str] = {}
    for row in table.rows:
        cells = [_number(row.cells.get(c.name), c) for c in columns]
        if not any(cells):
            reasons[len(body)] = _reason(row, row.cells, columns)
        body.append([_rank(row), row.entry, *cells])
    told = [
        f"  {row.entry}, {column.name}: {row.cells[column.name].note}"
        for index, row in enumerate(table.rows)
        for column in columns
        if index not in reasons and column.name in row.cells and not _has(row, column)
    ]
    return _aligned(_head(table, columns), body, reasons, width) + _brief(told)


def _points(table: Table, columns: list[Column], width: int) -> list[str]:
    body: list[list[str]] = []
    reasons: dict[int, str] = {}
    for row in table.rows:
        lines = [(f"{row.entry}  {p.label}", p.cells) for p in row.points]
        for name, found in lines or [(row.entry, row.cells)]:  # a single point is the row itself
            cells = [_number(found.get(c.name), c) for c in columns]
            if not any(cells):
                reasons[len(body)] = _reason(row, found, columns)
            body.append([_rank(row), name, *cells])
    return _aligned(_head(table, columns), body, reasons, width)


def _refusals(table: Table, columns: list[Column]) -> list[str]:
    """Say why columns have no number at all: once where it is the same for all rows."""
    lines = []
    for column in columns:
        cells = ((r.entry, r.cells[column.name]) for r in table.rows if column.name in r.cells)
        notes = {entry: cell.note for entry, cell in cells if cell.note}
        if len(set(notes.values())) == 1:
            lines.append(f"  {column.name}: {next(iter(notes.values()))}")
        else:
            lines += [f"  {entry}, {column.name}: {note}" for entry, note in notes.items()]
    return _brief(lines)


def _brief(lines: list[str]) -> list[str]:
    more = len(lines) - _NOTES
    kept = lines[:_NOTES] + ([f"  … and {more} more: see the board"] if more > 0 else [])
    return [clean(line) for line in kept]


def _reason(row: Row, cells: Mapping[str, Cell], columns: list[Column]) -> str:
    notes = (cells[c.name].note for c in columns if c.name in cells)
    return next(filter(None, notes), row.unranked)


def _head(table: Table, columns: list[Column]) -> list[str]:
    return ["rank", table.dataset, *map(_title, columns)]


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


def _number(cell: Cell | None, column: Column) -> str:
    if cell is None or math.isnan(cell.value):
        return ""
    ends = interval(cell.low, cell.high, column.digits, column.unit)
    return number(cell.value, column.digits, column.unit) + (f" [{ends}]" if ends else "")


def _aligned(
    head: list[str], body: list[list[str]], reasons: Mapping[int, str], width: int
) -> list[str]:
    """Align the columns that fit; a row without numbers ends in its reason."""
    rows = [[clean(text).replace("\n", " ") for text in row] for row in [head, *body]]
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    while len(widths) > 3 and sum(widths) + 2 * (len(widths) - 1) > width:
        widths.pop()

    def line(row: list[str]) -> str:
        numbers = "".join(f"  {c:>{w}}" for c, w in zip(row[2:], widths[2:], strict=False))
        return f"{row[0]:>{widths[0]}}  {row[1]:<{widths[1]}}{numbers}".rstrip()

    return [
        line(rows[0]),
        *(
            f"{line(row)}  {clean(reasons[n])}" if n in reasons else line(row)
            for n, row in enumerate(rows[1:])
        ),
    ]
