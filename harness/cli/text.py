"""How things are written: tables, fields, marks, sizes."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from harness.errors import plain

if TYPE_CHECKING:
    from rich.text import Text

__all__ = [
    "MARKS",
    "Column",
    "echo_fields",
    "echo_mark",
    "echo_table",
    "echo_words",
    "size",
]

MARKS: Mapping[str, tuple[str, str | None]] = {
    "ok": ("✓", "green"),
    "no": ("✗", "red"),
    "warn": ("!", "yellow"),
    "none": ("·", None),
}
_ROOM = 36  # characters that a text column needs beside the others
_COLOURS = {sign: colour for sign, colour in MARKS.values() if colour}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes:
        title: its heading.
        right: numbers stand flush right.
        wraps: on a terminal its text goes on in the next line rather than being cut.
    """

    title: str
    right: bool = False
    wraps: bool = False


def size(count: int) -> str:
    """Write a number of bytes with three digits, e.g. ``"14.9 MB"``."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 999.5:
            return (
                f"{value:.0f} {unit}" if unit == "B" or value >= 99.95 else f"{value:.1f} {unit}"
            )
        value /= 1000
    return f"{value:.1f} TB"


def echo_table(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], notes: Sequence[str] = ()
) -> None:
    """Print a table: by rich on a terminal, as aligned plain text elsewhere.

    A cell that is a word of ``MARKS`` in a column without a title is shown as that mark.

    Args:
        columns: what is in each row.
        rows: the cells, as text.
        notes: a remark on each row, or ""; it stands under the last cell, in brackets behind it
            where the output is no terminal.
    """
    told = [[plain(c) for c in row] for row in rows]
    said = [plain(n) for n in notes] or [""] * len(told)
    if sys.stdout.isatty():
        _echo_rich(columns, told, said)
        return
    marked = [
        [MARKS[c][0] if not column.title else c for column, c in zip(columns, row, strict=True)]
        for row in told
    ]
    lines = [[c.title for c in columns], *marked]
    widths = [max(len(line[i]) for line in lines) for i in range(len(columns))]
    for line, note in zip(lines, ["", *said], strict=True):
        cells = [
            cell.rjust(width) if column.right else cell.ljust(width)
            for column, cell, width in zip(columns, line, widths, strict=True)
        ]
        text = "  ".join(cells).rstrip()
        click.echo(f"{text}  ({note})" if note else text)


def _echo_rich(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], notes: Sequence[str]
) -> None:
    """Print a table on a terminal; where it is narrow, the last column stands below the rest."""
    from rich.console import Console
    from rich.padding import Padding
    from rich.table import Table

    console = Console(highlight=False)
    *fixed, last = columns
    widths = [max(len(c.title), *(len(r[i]) for r in rows), 1) for i, c in enumerate(fixed)]
    widths = [1 if not c.title else w for c, w in zip(fixed, widths, strict=True)]
    room = console.width - sum(w + 2 for w in widths)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    first = next((i for i, c in enumerate(columns) if c.title), 0)
    wanted = max(len(text) for text in (*(row[-1] for row in rows), *notes, ""))
    below = last.wraps and room < min(_ROOM, wanted)
    for index, column in enumerate(fixed if below else columns):
        table.add_column(
            column.title,
            justify="right" if column.right else "left",
            no_wrap=not column.wraps,
            width=widths[index] if index < len(fixed) else None,
            overflow="fold",
            style="cyan" if index == first else "",
        )
    for row, note in zip(rows, notes, strict=True):
        cells = [_rich_cell(c, cell) for c, cell in zip(columns, row, strict=True)]
        if note:
            cells[-1].append(("\n" if cells[-1] else "") + note, style="yellow")
        table.add_row(*(cells[:-1] if below else cells))
        if below:
            console.print(table)
            if cells[-1]:
                console.print(Padding(cells[-1], (0, 0, 0, 3)))
            table.columns, table.rows = [_emptied(c) for c in table.columns], []
            table.show_header = False
    if not below:
        console.print(table)


def _rich_cell(column: Column, cell: str) -> Text:
    from rich.text import Text

    mark, colour = MARKS[cell] if not column.title else (cell, None)
    return Text(mark, style=colour or "")


def _emptied(column: Any) -> Any:
    """Return a column of rich's table without its cells."""
    from dataclasses import replace

    return replace(column, _cells=[])


def echo_mark(mark: str, text: str, *, err: bool = False) -> None:
    """Print a line that begins with a mark; on a terminal further lines hang below the text."""
    sign, colour = MARKS[mark]
    lines = (
        _wrap(plain(text), 2) if (sys.stderr if err else sys.stdout).isatty() else [plain(text)]
    )
    click.echo(f"{click.style(sign, fg=colour)} {lines[0]}", err=err)
    for line in lines[1:]:
        click.echo(f"  {line}", err=err)


def echo_words(words: Sequence[str]) -> None:
    """Print words with dots between them; on a terminal a line breaks only between them."""
    kept = [plain(w).replace(" ", "\xa0") for w in words] if len(words) > 1 else words
    for line in _wrap(" · ".join(kept), 0):
        click.echo(line.replace("\xa0", " "))


def echo_fields(fields: Mapping[str, Any], indent: int = 2) -> None:
    """Print labelled values under each other; what is empty is left out.

    A value is a scalar, a mapping (printed as labelled values of its own) or a sequence.
    """
    width = max((len(label) for label in fields), default=0)
    for label, value in fields.items():
        name = label.ljust(width)
        for line in _lines(value, indent + width + 2):
            shown = click.style(line, fg=_COLOURS.get(line))
            click.echo(f"{' ' * indent}{click.style(name, dim=True)}  {shown}")
            name = " " * width


def _lines(value: Any, indent: int) -> list[str]:
    """Return the lines of a value that begins at a column."""
    if value is None or value in ("", (), [], {}):
        return []
    if isinstance(value, Mapping):
        width = max(len(plain(k)) for k in value)
        lines = []
        for key, part in value.items():
            name = plain(key).ljust(width)
            for line in _lines(part, indent + width + 2) or [""]:
                lines.append(f"{name}  {line}".rstrip())
                name = " " * width
        return lines
    if isinstance(value, (list, tuple)):
        if all(isinstance(v, str) and " " in v for v in value):
            return [line for v in value for line in _wrap(plain(v), indent)]
        return _wrap(", ".join(_scalar(v) for v in value), indent)
    return _wrap(_scalar(value), indent)


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return plain(value) if value != "" else '""'


def _wrap(text: str, indent: int) -> list[str]:
    if not sys.stdout.isatty():
        return [text]
    import shutil
    import textwrap

    width = max(24, shutil.get_terminal_size().columns - indent)
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False) or [""]
