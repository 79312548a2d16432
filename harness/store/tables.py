"""The parquet files of a suite: their columns, and how they are written and read."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import UsageError
from harness.store.store import full

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["SCHEMA_VERSION", "TABLES", "read_table", "write_table"]

SCHEMA_VERSION = 1  # columns are only ever added; readers accept older files

_WHO = {
    "entry": "string",
    "model": "string",
    "params": "json",
    "variant": "string",
    "task": "string",
    "dataset": "string",
    "item": "string",
    "point": "json",
    "seed": "int64",
}
TABLES: Mapping[str, Mapping[str, str]] = {
    "nodes": {
        "key": "string",
        "kind": "string",
        "step": "string",
        **_WHO,
        "outcome": "string",
        "reason": "string",
        "wall": "double",
        "cpu": "double",
        "peak_rss": "int64",
        "jobs": "int64",
        "finished": "double",
        "spans": "json",
        "notes": "json",
        "artifacts": "json",
        "environment": "string",
        "log": "string",
    },
    "scores": {
        "kind": "string",
        "metric": "string",
        "value": "double",
        "unit": "string",
        "better": "string",
        "signature": "string",
        **_WHO,
        "key": "string",
        "environment": "string",
        "source": "string",
        "replicates": "json",
        "n": "int64",
        "note": "string",
        "unranked": "string",
    },
    "environments": {"environment": "string", "description": "json"},
    "records": {
        "key": "string",
        "kind": "string",
        "step": "string",
        "entry": "string",
        "model": "string",
        "task": "string",
        "dataset": "string",
        "item": "string",
        "point": "json",
        "seed": "int64",
        "outcome": "string",
        "reason": "string",
        "value": "double",
        "wall": "double",
        "cpu": "double",
        "peak_rss": "int64",
        "jobs": "int64",
        "finished": "double",
        "spans": "json",
        "notes": "json",
        "artifacts": "json",
        "environment": "string",
        "log": "string",
        "source": "string",
        "values": "json",
        "how": "string",
        "replicates": "json",
        "n": "int64",
        "note": "string",
        "unranked": "string",
    },
    "board": {
        "entry": "string",
        "model": "string",
        "kind": "string",
        "dataset": "string",
        "point": "json",
        "metric": "string",
        "value": "double",
        "low": "double",
        "high": "double",
        "n": "int64",
        "unit": "string",
        "better": "string",
        "signature": "string",
        "rank_low": "int64",
        "rank_high": "int64",
        "note": "string",
        "details": "json",
        "seeds": "int64",
    },
}


def write_table(
    path: Path, name: str, rows: Iterable[Mapping[str, Any]], about: Mapping[str, Any]
) -> None:
    """Write a table whole or not at all.

    Args:
        path: the parquet file.
        name: a key of ``TABLES``; columns a row lacks are null.
        rows: what is written; ``json`` columns take plain data.
        about: kept as JSON in the file's footer, with the schema version.

    Raises:
        StoreFull: the disk is full; the former file is untouched.
    """
    import pyarrow.parquet as pq

    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        pq.write_table(_table(name, list(rows), about), temporary, compression="zstd")
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise full(error, path.parent) from None


def _table(name: str, rows: list[Mapping[str, Any]], about: Mapping[str, Any]) -> pa.Table:
    import pyarrow as pa

    columns, fields = [], []
    for column, kind in TABLES[name].items():
        values = [row.get(column) for row in rows]
        if kind == "json":
            cache: dict[int, str] = {}
            values = [_json(v, cache) for v in values]
        type_ = pa.string() if kind == "json" else pa.type_for_alias(kind)
        columns.append(pa.array(values, type=type_))
        fields.append(pa.field(column, type_))
    footer = {"harness": json.dumps({"schema": SCHEMA_VERSION, "table": name, **about})}
    return pa.table(columns, schema=pa.schema(fields, metadata=footer))


def _json(value: Any, cache: dict[int, str]) -> str | None:
    """Write JSON; rows share most of their dicts, so the text of one object is made once."""
    if value is None:
        return None
    if id(value) not in cache:
        cache[id(value)] = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return cache[id(value)]


def read_table(path: Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Read a table's rows, JSON decoded, and what its footer says.

    Raises:
        UsageError: the file is missing, no parquet of ours, or of a newer schema.
    """
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
        footer = json.loads(table.schema.metadata[b"harness"])
    except FileNotFoundError:
        raise UsageError(f"{path} does not exist") from None
    except (OSError, ValueError, KeyError, TypeError):
        raise UsageError(f"{path} is no table of the harness") from None
    if footer["schema"] > SCHEMA_VERSION:
        raise UsageError(f"{path} was written by a newer harness (schema {footer['schema']})")
    columns = {n: k for n, k in TABLES[footer["table"]].items() if n in table.column_names}
    rows = table.select(list(columns)).to_pylist()
    for column in (c for c, kind in columns.items() if kind == "json"):
        for row in rows:
            if row[column] is not None:
                row[column] = json.loads(row[column])
    return rows, footer
