"""The tables of a board as HTML, written for a thousand rows.

End tags that HTML lets one leave out (``tr``, ``td``, ``th``, ``p``) are left out: they would be
a third of the page.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

from harness.board.model import Board, Cell, Column, Row, Table
from harness.board.numerals import ARROW, UNMEASURED, interval, number, rank, reason

__all__ = ["BIG", "ORDER", "cell_html", "column_widths", "head_html", "table_html"]

#: More rows than this are laid out only where they are on the screen.
BIG: Final = 150
ORDER: Final = {"higher": "higher is better", "lower": "lower is better", "none": ""}
_REASON: Final = 64  # characters of a reason shown in a cell; the whole stands in the details


def table_html(board: Board, table: Table, place: int) -> str:
    """Write one dataset's table.

    Args:
        place: number of the table on the page; rows link to ``#e<place>-<row>``.
    """
    look = "board big" if len(table.rows) > BIG else "board"
    scroll = "scroll tall" if len(table.rows) > 30 else "scroll"
    head = "".join(head_html(c, ranked=c.name == board.rank_by) for c in board.columns)
    rows = "\n".join(_row(board.columns, row, f"e{place}-{n}") for n, row in enumerate(table.rows))
    return (
        f'<div class="{scroll}" tabindex="0" role="region" '
        f'aria-label="{escape(table.dataset)}">'
        f'<table class="{look}" id="t{place}"><thead><tr>'
        '<th scope="col" class="rk" data-c="rank" data-b="lower">Rank'
        f'<th scope="col" class="en" data-c="entry" data-b="lower">Entry{head}'
        f"<tbody>\n{rows}\n</table></div>"
    )


def head_html(column: Column, *, ranked: bool = False) -> str:
    """Write a column's heading: name, direction, unit."""
    arrow = ARROW[column.better]
    direction = ORDER[column.better]
    mark = f' <abbr title="{direction}">{arrow}</abbr>' if arrow else ""
    name = escape(column.name).replace("_", "_<wbr>")
    title = "; ".join(filter(None, (column.summary, direction)))
    return (
        f'<th scope="col" data-c="{escape(column.name)}" data-b="{column.better}"'
        + (f' title="{escape(title)}"' if title else "")
        + ("" if column.shown else " data-hidden")
        + (' class="by"' if ranked else "")
        + f"><span>{name}</span>{mark}<small>{escape(column.unit)}</small>"
    )


def cell_html(column: Column, cell: Cell | None, missing: str = UNMEASURED) -> str:
    """Write one number with its interval, or the reason why there is none."""
    if cell is None:
        return f'<td class="n no">{missing}'
    if math.isnan(cell.value):
        why = reason(cell)
        if len(why) > _REASON:
            return f'<td class=n title="{escape(why)}">{escape(why[: _REASON - 1])}…'
        return f"<td class=n>{escape(why)}"
    digits, unit, value = column.digits, column.unit, cell.value
    text = number(value, digits, unit)
    start = "<td class=b" if cell.best else "<td"
    if "×" in text:  # the script reads plain decimals only
        start += f" data-v={value!r}"
    note = f'<abbr title="{escape(cell.note)}">†</abbr>' if cell.note else ""
    if math.isinf(value):
        # An error of nothing at all, on a scale of decibels: the copy is exact.
        lossless = value > 0 and unit == "dB" and column.better == "higher"
        return f"{start}>{text}{note}" + ("<p class=w>lossless" if lossless else "")
    ends = interval(cell.low, cell.high, digits, unit)
    return f"{start}>{text}{note}<p>{ends}" if ends else f"{start}>{text}{note}"


def _row(columns: Sequence[Column], row: Row, anchor: str) -> str:
    cells: Mapping[str, Cell] = row.cells
    missing = "not quoted" if row.kind == "published" else UNMEASURED
    values = "".join([cell_html(c, cells.get(c.name), missing) for c in columns])
    return (
        f"{_start(row)}<th scope=row><a href=#{anchor}>{escape(row.entry)}</a>{_line(row)}{values}"
    )


def _start(row: Row) -> str:
    if row.kind == "published":
        return "<tr class=pub><td><abbr title='published: never ranked'>pub.</abbr>"
    if row.rank is None:
        why = escape(row.unranked or "not ranked")
        return f'<tr class=un><td><abbr title="{why}">–</abbr>'
    first, last = row.rank
    if first == last:
        return f"<tr><td>{first}"
    return f"<tr><td class=tie>{first}–{last}"


def _line(row: Row) -> str:
    """Write the small line under an entry: what a reader must not miss about this row."""
    parts = []
    if row.kind == "published":
        parts.append(escape(row.source or "source not stated"))
    elif row.rank is None:
        parts.append(escape(f"not ranked: {row.unranked}" if row.unranked else "not ranked"))
    if row.failed:
        parts.append(f"<a href=#failures>{row.failed} of {row.planned} nodes failed</a>")
    if not parts and row.summary:
        return f"<p class=about>{escape(row.summary)}"
    return f"<p>{' · '.join(parts)}" if parts else ""


def column_widths(board: Board, table: Table) -> list[int]:
    """Return widths, in figures, of the rank and of each column, that hold every value.

    Rows of a big table are laid out one by one, so they cannot find them among each other.
    """
    ranks = max((len(rank(row)) for row in table.rows), default=1)
    found = [max(ranks, 5) + 2]
    for column in board.columns:
        texts = [len(column.name) + 3, 8]
        for row in table.rows:
            cell = row.cells.get(column.name)
            if cell is None or math.isnan(cell.value):
                texts.append(12)
                continue
            texts.append(len(number(cell.value, column.digits, column.unit)) + 1)
            # Interval ends are set smaller than the value.
            ends = interval(cell.low, cell.high, column.digits, column.unit)
            texts.append(round(0.8 * (len(ends) + 2)))
        found.append(max(texts) + 2)
    return found
