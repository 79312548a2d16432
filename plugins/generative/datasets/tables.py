"""Tables in text files of the user's; faults are told as ``FILE:LINE:`` and what is wrong."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["read_table", "read_text"]


def read_text(path: Path) -> str:
    """Return the text of a file in UTF-8, with or without a byte order mark.

    Raises:
        ValueError: it cannot be read, or is in another encoding; one line.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror or error}") from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ValueError(
            f"{path}:{line}: byte 0x{data[error.start]:02x} is no UTF-8: save the file as UTF-8"
        ) from error


def read_table(path: Path) -> tuple[list[str], Iterator[tuple[int, dict[str, str]]]]:
    """Return the columns of a table, and its rows as they are read, each with its line.

    A ``.tsv`` has tabs, and its quotation marks are part of the text; any other file has commas,
    and is quoted where needed (RFC 4180).

    Raises:
        ValueError: also while rows are read: an empty file or line, two columns of one name, a
            row of another length, a quotation mark that is not closed; one line.
    """
    tabs = path.suffix.lower() == ".tsv"
    reader = csv.reader(
        io.StringIO(read_text(path), newline=""),
        delimiter="\t" if tabs else ",",
        quoting=csv.QUOTE_NONE if tabs else csv.QUOTE_MINIMAL,
        strict=True,
    )
    rows = _rows(path, reader)
    _, first = next(rows, (0, []))
    if not first:
        raise ValueError(f"{path}: the file is empty")
    columns = [name.strip() for name in first]
    double = [name for name, count in Counter(columns).items() if count > 1]
    if double:
        raise ValueError(f"{path}:1: two columns are called {double[0]!r}")
    return columns, _named(path, columns, rows)


def _rows(path: Path, reader: Any) -> Iterator[tuple[int, list[str]]]:
    try:
        for row in reader:
            yield reader.line_num, row
    except csv.Error as error:
        raise ValueError(f"{path}:{reader.line_num}: {error}") from error


def _named(
    path: Path, columns: list[str], rows: Iterator[tuple[int, list[str]]]
) -> Iterator[tuple[int, dict[str, str]]]:
    for line, row in rows:
        if not row:
            raise ValueError(f"{path}:{line}: the line is empty")
        if len(row) != len(columns):
            raise ValueError(f"{path}:{line}: {len(row)} fields, the header has {len(columns)}")
        yield line, dict(zip(columns, row, strict=True))
