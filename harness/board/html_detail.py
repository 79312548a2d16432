"""What stands behind a row: where its numbers come from, one by one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

from harness.board.html_table import cell_html
from harness.board.model import Board, Cell, Column, PointRow, Row, Table
from harness.board.numerals import counted, interval, plain, reason, with_unit
from harness.spec import Json

__all__ = ["brief_note", "details_html", "facts_html", "values_html"]

_MANY: Final = 8  # values above which a list is folded
_LONG: Final = 60  # characters that stand on one line


def details_html(board: Board, table: Table, place: int, *, full: bool, points: bool) -> str:
    """Write the details of every row of a table, each closed and reachable by its anchor.

    Args:
        place: number of the table on the page.
        full: list every number with its interval, items and signature. Where it is False,
            only those that are not as ``brief_note`` says, so that a thousand rows remain a
            small page.
        points: list the operating points.
    """
    known = {name for name, signatures in board.signatures.items() if len(signatures) == 1}
    shared = not full and len(board.environments) == 1
    parts = []
    for n, row in enumerate(table.rows):
        numbers = _numbers(board, table, row) if full else _exceptions(board, table, row, known)
        body = _facts(row, shared_environment=shared) + numbers
        if row.points and points:
            body += _points(board.columns, row.points)
        if row.provenance:
            body += f"<h4>How it was made</h4>{values_html(row.provenance)}"
        name, anchor = escape(row.entry), f"e{place}-{n}"
        if full:
            parts.append(
                f"<details><summary>{name}</summary><div class=x id={anchor}>{body}</div>"
                "</details>"
            )
        else:
            parts.append(f"<div class=x id={anchor}><b>{name}</b>{body}</div>")
    return "\n".join(parts)


def brief_note(board: Board, *, points: bool) -> str:
    """Say in one line what holds for every number of a board whose details are brief."""
    said = "Every number carries its column's signature, as under Columns and signatures"
    if len(board.environments) == 1:
        said += f", and was measured in the environment {next(iter(board.environments))}"
    said += "; a row's details say where it is otherwise."
    if not points:
        said += " Operating points are left out of this page for its size: see board.parquet."
    return said


def _facts(row: Row, *, shared_environment: bool = False) -> str:
    """List what is known of an entry and not plain from its name."""
    facts: dict[str, str] = {}
    if row.model not in row.entry:
        facts["Model"] = escape(row.model)
    told = all(f"{name}={plain(value)}" in row.entry for name, value in row.params.items())
    if row.params and not told:
        facts["Parameters"] = escape(plain(row.params))
    for name, text in (("What it is", row.summary), ("Licence", row.licence)):
        if text:
            facts[name] = escape(text)
    if row.paper:
        facts["Paper"] = _link(row.paper)
    if row.source or row.kind == "published":
        facts["Published"] = escape(row.source or "source not stated")
    if row.rank is None and row.kind == "measured":
        facts["Rank"] = f"none: {escape(row.unranked or 'not ranked')}"
    seeds = max((cell.seeds for cell in row.cells.values()), default=1)
    if seeds > 1:
        facts["Runs"] = f"{seeds}, each under a seed of its own"
    if row.failed:
        facts["Nodes"] = f"<a href=#failures>{row.failed} of {row.planned} failed</a>"
    if row.environments and not shared_environment:
        facts["Environment"] = ", ".join(
            f'<a href="#env-{escape(i)}">{escape(i)}</a>' for i in row.environments
        )
    return facts_html(facts)


def facts_html(facts: Mapping[str, str]) -> str:
    """Write names and values; the values are HTML already."""
    items = "".join(f"<dt>{escape(name)}<dd>{text}" for name, text in facts.items())
    return f"<dl>{items}</dl>" if items else ""


def values_html(values: Mapping[str, Json]) -> str:
    """Write plain values, those that hold others as lists of their own."""
    return facts_html({name: _value(value) for name, value in values.items()})


def _value(value: Json) -> str:
    text = plain(value)
    if isinstance(value, Mapping) and len(value) > _MANY:
        inner = values_html(value)
        return f"<details><summary>{len(value)} entries</summary>{inner}</details>"
    if isinstance(value, Mapping) and len(text) > _LONG:
        return values_html(value)
    if isinstance(value, Sequence) and not isinstance(value, str) and len(text) > _LONG:
        return "".join(f"<div>{_value(item)}</div>" for item in value)
    # Commands and their like keep their own shape.
    return f"<code>{escape(text)}</code>" if len(text) > _LONG else escape(text)


def _link(text: str) -> str:
    """Link a web address, and nothing else: an address may be a script."""
    if text.startswith(("https://", "http://")) and not any(c.isspace() for c in text):
        return f'<a rel="noreferrer" href="{escape(text)}">{escape(text)}</a>'
    return escape(text)


def _numbers(board: Board, table: Table, row: Row) -> str:
    lines = []
    for column in board.columns:
        cell = row.cells.get(column.name)
        if cell is None or math.isnan(cell.value):
            signature = escape(cell.signature) if cell else ""
            value = f"<td colspan=3 class=n>{escape(reason(cell))}"
            note = ""
        else:
            ends = interval(cell.low, cell.high, column.digits, column.unit)
            items = counted(cell) if cell.n else ""
            value = f"<td>{escape(with_unit(cell.value, column))}<td>{ends or 'none'}<td>{items}"
            signature, note = escape(cell.signature), cell.note
        if cell and cell.details:
            note = "; ".join(filter(None, (note, plain(cell.details))))
        lines.append(
            f"<tr><th scope=row>{escape(column.name)}{value}"
            f"<td class=sig>{signature}<td class=note>{escape(note)}"
        )
    return (
        f"<h4>Numbers on {escape(table.dataset)}</h4><div class=in><table class=num><thead><tr>"
        "<th scope=col>Score<th scope=col>Value<th scope=col>95 % interval<th scope=col>Items"
        f"<th scope=col>Signature<th scope=col>Notes<tbody>{''.join(lines)}</table></div>"
    )


def _exceptions(board: Board, table: Table, row: Row, known: set[str]) -> str:
    """List the numbers that are not as the columns section and the table's heading say."""
    lines = []
    for column in board.columns:
        cell = row.cells.get(column.name)
        said = _unusual(column, cell, table.items, known)
        if said:
            lines.append(f"<li>{escape(column.name)}: {escape(said)}")
    return f"<ul>{''.join(lines)}</ul>" if lines else ""


def _unusual(column: Column, cell: Cell | None, items: int, known: set[str]) -> str:
    if cell is None:
        return reason(cell)
    said = [reason(cell) if math.isnan(cell.value) else cell.note]
    if cell.n not in (0, items):
        said.append(f"on {counted(cell)}" if cell.seeds > 1 else f"on {cell.n} items")
    if column.name not in known and cell.signature:
        said.append(cell.signature)
    if cell.details:
        said.append(plain(cell.details))
    return "; ".join(filter(None, said))


def _points(columns: Sequence[Column], points: Sequence[PointRow]) -> str:
    known = {c.name: c for c in columns}
    names = {name: None for point in points for name in point.cells}
    shown = [known.get(name, Column(name=name)) for name in names]
    shown.sort(key=lambda c: list(known).index(c.name) if c.name in known else len(known))
    head = "".join(f"<th scope=col>{escape(c.name)}<small>{escape(c.unit)}</small>" for c in shown)
    lines = "".join(
        f"<tr><th scope=row>{escape(point.label or plain(point.point))}"
        + "".join(cell_html(c, point.cells.get(c.name)) for c in shown)
        for point in points
    )
    return (
        "<h4>Operating points</h4><div class=in><table class=pts><thead><tr><th scope=col>Point"
        f"{head}<tbody>{lines}</table></div>"
    )
