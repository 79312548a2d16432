"""A suite's tables to its board, on disk."""

from __future__ import annotations

import importlib.metadata
import math
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.board.build import build_tables
from harness.board.draw import draw
from harness.board.model import Board, Cell, Row
from harness.board.text import text_table
from harness.errors import UsageError
from harness.registry import resolve
from harness.store import Store
from harness.store.store import full
from harness.store.tables import TABLES, read_table, write_table
from harness.suite import Suite

if TYPE_CHECKING:
    import pandas as pd

    from harness.registry import Registry

__all__ = ["board_rows", "load_board", "make_board", "write_board"]


def make_board(suite: Suite, results: Path) -> Board:
    """Build a suite's board from its tables.

    Raises:
        UsageError: the suite was not run yet.
    """
    folder = results / suite.name
    if not (folder / "scores.parquet").exists():
        raise UsageError(f"{folder} holds no scores: harness run {suite.name}")
    rows, footer = read_table(folder / "scores.parquet")
    nodes, _ = read_table(folder / "nodes.parquet")
    environments, _ = read_table(folder / "environments.parquet")
    board, measured = build_tables(suite, rows, nodes, footer.get("sizes", {}))
    finished = max((n["finished"] for n in nodes if n["finished"]), default=0.0)
    board = replace(
        board,
        version=importlib.metadata.version("harness"),
        created=time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(finished)),
        environments={e["environment"]: e["description"] or {} for e in environments},
    )
    return draw(board, suite, measured, nodes, Store(results / "store"))


def write_board(suite: Suite, registry: Registry, results: Path) -> list[str]:
    """Write ``board.parquet`` and ``board.html``; return the board as lines of text.

    Where something fails on the way, the former files stay.

    Raises:
        UsageError: the suite was not run yet, or its folder cannot be written.
        StoreFull: the disk is full.
    """
    folder = results / suite.name
    board = make_board(suite, results)
    about = {"suite": suite.name, "suite_digest": suite.digest, "rank_by": board.rank_by}
    render = resolve(registry.get("exporters", "html").write)
    temporary = folder / f".board.html.{os.getpid()}"
    try:
        page: str = render(board, files=folder / "board_files")
        temporary.write_text(page, encoding="utf-8")
        write_table(folder / "board.parquet", "board", board_rows(board), about)
        temporary.replace(folder / "board.html")
    except OSError as error:
        raise full(error, folder) from None
    finally:
        temporary.unlink(missing_ok=True)
    return text_table(board)


def load_board(path: str | Path) -> pd.DataFrame:
    """Load a board as a data frame: one row for each number.

    Args:
        path: the folder of a suite's results, or its ``board.parquet``.

    Raises:
        UsageError: there is no board.
    """
    import pandas as pd

    path = Path(path)
    rows, footer = read_table(path / "board.parquet" if path.is_dir() else path)
    kinds = TABLES[footer["table"]]
    board = pd.DataFrame(rows, columns=list(kinds))
    numbers = [c for c, kind in kinds.items() if kind in ("double", "int64")]
    # A column without any number is one of NaN all the same.
    return board.astype({c: "float64" for c in numbers if board[c].dtype == object})


def board_rows(board: Board) -> Iterator[dict[str, Any]]:
    """Yield the rows of ``board.parquet``: summaries first, then every operating point."""
    columns = {c.name: c for c in board.columns}
    for table in board.tables:
        for row in table.rows:
            who = {
                "entry": row.entry,
                "model": row.model,
                "kind": row.kind,
                "dataset": table.dataset,
            }
            told = {board.rank_by: Cell(value=math.nan)} if board.rank_by in columns else {}
            whole = told | dict(row.cells)  # a row without a number tells why
            for cells, point in [(whole, None), *((p.cells, p.point) for p in row.points)]:
                for name, cell in cells.items():
                    yield {
                        **who,
                        "point": point,
                        "metric": name,
                        **_numbers(cell),
                        "unit": columns[name].unit,
                        "better": columns[name].better,
                        **(_rank(row, cell) if name == board.rank_by and point is None else {}),
                    }


def _numbers(cell: Cell) -> dict[str, Any]:
    return {
        "value": _known(cell.value),
        "low": _known(cell.low),
        "high": _known(cell.high),
        "n": cell.n,
        "seeds": cell.seeds if cell.n else None,
        "signature": cell.signature,
        "note": cell.note or None,
        "details": dict(cell.details) or None,
    }


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _rank(row: Row, cell: Cell) -> Mapping[str, Any]:
    if row.rank is None:
        return {"note": cell.note or row.unranked or None}
    return {"rank_low": row.rank[0], "rank_high": row.rank[1]}
