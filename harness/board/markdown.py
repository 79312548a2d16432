"""The board as Markdown, for a README, a pull request or a job's summary."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import Final

from harness.board.model import Board, Cell, Column, Row, Table
from harness.board.numerals import ARROW, clean, interval, number, rank, reason

__all__ = ["render_markdown"]

_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]|~#])")


def render_markdown(board: Board) -> str:
    """Write a board's tables and failures as GitHub-flavoured Markdown.

    Columns with ``shown=False`` are left out, as the page does at first.
    """
    columns = [c for c in board.columns if c.shown]
    parts = [f"# {_text(board.title or board.name)}"]
    if board.summary:
        parts.append(_text(board.summary))
    parts.append(_about(board))
    for table in board.tables:
        items = "item" if table.items == 1 else "items"
        parts.append(f"## {_text(table.dataset)} ({table.items} {items})")
        parts.append(_table(columns, table))
    parts.append(
        "Rank 1–3: the intervals leave room for each of these places. **Bold**: no other entry "
        "is surely better. In brackets: 95 % intervals."
    )
    if any(row.kind == "published" for table in board.tables for row in table.rows):
        parts.append("*Slanted*: quoted from a publication, never ranked.")
    parts.append(_failures(board))
    return clean("\n\n".join(parts) + "\n")


def _text(text: str) -> str:
    """Write a text so that it reads as it is: no markup, no HTML, no mention of a user."""
    text = " ".join(text.split())
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _SPECIAL.sub(r"\\\1", text).replace("@", "&#64;")


def _about(board: Board) -> str:
    parts = []
    if board.rank_by:
        anchor = f" against {_text(board.anchor)}" if board.anchor else ""
        parts.append(f"Ranked by {_text(board.rank_by)}{anchor}")
    if board.version:
        parts.append(f"harness {_text(board.version)}")
    if board.suite_digest:
        parts.append(f"suite {_text(board.suite_digest)}")
    if board.created:
        parts.append(_text(board.created))
    if board.outcomes:
        parts.append("nodes: " + ", ".join(f"{n} {_text(o)}" for o, n in board.outcomes.items()))
    return " · ".join(parts)


def _lines(head: Sequence[str], align: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, align, *rows))


def _table(columns: Sequence[Column], table: Table) -> str:
    head = ["Rank", "Entry"]
    for c in columns:
        unit = f" [{c.unit}]" if c.unit else ""
        head.append(_text(f"{c.name}{unit} {ARROW[c.better]}"))
    align = ["---:", "---", *("---:" for _ in columns)]
    return _lines(head, align, [_row(columns, row) for row in table.rows])


def _row(columns: Sequence[Column], row: Row) -> list[str]:
    quoted = row.kind == "published"
    name = _text(row.entry)
    if quoted:
        name = f"*{name}* (published: {_text(row.source or 'source not stated')})"
    elif row.rank is None:
        name += f" (not ranked: {_text(row.unranked or 'no reason was recorded')})"
    if row.failed:
        name += f" ({row.failed} of {row.planned} nodes failed)"
    place = "pub." if quoted else rank(row) or "–"
    return [place, name, *(_cell(c, row.cells.get(c.name)) for c in columns)]


def _cell(column: Column, cell: Cell | None) -> str:
    if cell is None or math.isnan(cell.value):
        return _text(reason(cell))
    text = number(cell.value, column.digits, column.unit)
    ends = interval(cell.low, cell.high, column.digits, column.unit)
    text = f"**{text}**" if cell.best else text
    return f"{text} [{ends}]" if ends else text


def _failures(board: Board) -> str:
    if not board.failures:
        return "## Failures\n\nEvery node ended ok."
    rows = [
        [_text(f.entry), _text(f.step), _text(f.outcome), str(f.count), _text(f.reason)]
        for f in board.failures
    ]
    head = ["Entry", "Step", "Outcome", "Nodes", "Reason"]
    return "## Failures\n\n" + _lines(head, ["---", "---", "---", "---:", "---"], rows)
