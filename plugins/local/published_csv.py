"""Published numbers as a table: a CSV file with a line for each number."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.errors import nearest
from harness.spec import PublishedScore

__all__ = ["read"]

_NEEDED = ("model", "dataset", "metric", "value")
_OPTIONAL = ("position", "item", "signature", "unit", "better", "joins", "source")


def read(path: Path, data: bytes) -> Sequence[PublishedScore]:
    """Read a CSV file whose first line names its columns.

    Needed are ``model``, ``dataset`` (as the suite calls it; ``*`` for none), ``metric`` and
    ``value``; ``position``, ``item``, ``signature``, ``unit``, ``better``, ``joins`` (yes or no)
    and ``source`` may stand there too. A line that begins with ``#`` is a remark.

    Raises:
        ValueError: one line, with the line of the file.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path.name}: not UTF-8 text") from error
    lines = [
        (number, line)
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip() and not line.startswith("#")
    ]
    if not lines:
        raise ValueError(f"{path.name}: no line names the columns")
    rows = csv.reader(io.StringIO("\n".join(line for _, line in lines)))
    header = [name.strip() for name in next(rows)]
    _check(path, lines[0][0], header)
    return [
        _score(f"{path.name}:{number}", header, row)
        for (number, _), row in zip(lines[1:], rows, strict=False)
    ]


def _check(path: Path, number: int, header: Sequence[str]) -> None:
    lacking = [name for name in _NEEDED if name not in header]
    if lacking:
        raise ValueError(f"{path.name}:{number}: expected a column {lacking[0]!r}")
    for name in header:
        if name not in (*_NEEDED, *_OPTIONAL):
            hint = nearest(name, (*_NEEDED, *_OPTIONAL))
            raise ValueError(f"{path.name}:{number}: unknown column {name!r}{hint}")


def _score(where: str, header: Sequence[str], row: Sequence[str]) -> PublishedScore:
    if len(row) != len(header):
        raise ValueError(f"{where}: {len(row)} cells, expected {len(header)}")
    given: Mapping[str, str] = {
        k: v.strip() for k, v in zip(header, row, strict=True) if v.strip()
    }
    for name in _NEEDED:
        if name not in given:
            raise ValueError(f"{where}: {name} is empty")
    better = given.get("better", "none")
    if better not in ("higher", "lower", "none"):
        raise ValueError(f"{where}: better is higher, lower or none, got {better!r}")
    joins = given.get("joins", "no")
    if joins not in ("yes", "no"):
        raise ValueError(f"{where}: joins is yes or no, got {joins!r}")
    others = ("value", "position", "better", "joins")
    return PublishedScore(
        value=_number(where, "value", given["value"]),
        position=int(_number(where, "position", given.get("position", "0"))),
        better=better,
        joins=joins == "yes",
        **{k: v for k, v in given.items() if k not in others},
    )


def _number(where: str, name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{where}: {name} is no number: {text!r}") from None
    if not math.isfinite(value):
        raise ValueError(f"{where}: {name} is not finite: {text!r}")
    return value
