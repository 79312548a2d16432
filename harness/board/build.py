"""Scores to a board: aggregates with intervals, derived scores, ranks with tie groups."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from harness.board.columns import Estimate, cell_of, common_signature, mark_best
from harness.board.deltas import DELTA
from harness.board.gather import gather
from harness.board.measure import Measured, measure
from harness.board.model import NAN, Board, Cell, Column, Failure, PointRow, Row, Table
from harness.run.plan import dataset_label
from harness.spec import Better, Json
from harness.stats import rank_sets
from harness.suite import Entry, Suite

__all__ = ["build_tables", "point_label"]

_NO_FAILURE = ("ok", "skipped", "unavailable")  # nobody did anything wrong


def build_tables(
    suite: Suite,
    rows: Iterable[Mapping[str, Any]],
    nodes: Sequence[Mapping[str, Any]],
    sizes: Mapping[str, int],
) -> tuple[Board, list[Measured]]:
    """Make the tables of a board.

    Args:
        suite: what was run.
        rows: of the ``scores`` table.
        nodes: of the ``nodes`` table.
        sizes: dataset to the number of items it has as a whole.

    Returns:
        The board without its panels, and what the panels are drawn from.
    """
    columns = _columns(suite)
    datasets = list(dict.fromkeys(map(dataset_label, suite.datasets)))
    split = {m.name for m in suite.metrics if m.per != "item"}
    measured = [
        measure(suite, scores, sizes.get(scores.dataset, 0))
        for scores in gather(rows, suite.entries, datasets, split)
    ]
    columns = [replace(c, shown=c.shown and _tells(suite, c, measured)) for c in columns]
    columns += _foreign_columns(columns, measured)
    scored = {m.scores.dataset: m for m in measured}
    planned: dict[str, list[Mapping[str, Any]]] = {}
    for node in nodes:
        planned.setdefault(node["dataset"], []).append(node)
    tables = tuple(
        _table(suite, columns, scored[name], planned.get(name, []))
        if name in scored
        else _empty_table(suite, name, planned[name])
        for name in datasets
        if name in scored or name in planned
    )
    signatures = {c.name: _signatures(tables, c.name) for c in columns}
    board = Board(
        name=suite.name,
        title=suite.title,
        summary=suite.summary,
        rank_by=suite.board.rank_by or "",
        anchor=suite.board.anchor or "",
        suite_digest=suite.digest,
        columns=tuple(columns),
        tables=tables,
        failures=_failures(nodes),
        outcomes=dict(Counter(n["outcome"] for n in nodes)),
        signatures={name: found for name, found in signatures.items() if found},
    )
    return board, measured


def _tells(suite: Suite, column: Column, measured: Sequence[Measured]) -> bool:
    """Whether a column is worth showing: a derived score nobody asked for must have a number."""
    asked = (*(suite.board.columns or ()), suite.board.rank_by)
    if not column.derived or column.name in asked:
        return True
    found = (e for m in measured for e in m.summary.get(column.name, {}).values())
    return any(not np.isnan(e.value) for e in found)


def _signatures(tables: Sequence[Table], column: str) -> tuple[str, ...]:
    """Return the signatures of a column's numbers: of the rows', or of their points' if none."""
    rows = [row for table in tables for row in table.rows]
    own = [row.cells.get(column) for row in rows]
    if not any(c is not None and not np.isnan(c.value) for c in own):
        own = [p.cells.get(column) for row in rows for p in row.points]
    return tuple(sorted({c.signature for c in own if c is not None and c.signature}))


def _columns(suite: Suite) -> list[Column]:
    """Return the columns: what is ranked by, derived scores, metrics, times."""
    found = [
        Column(
            name=d.name, unit=d.unit, better=d.better, digits=2, summary=d.summary, derived=True
        )
        for d in suite.derived
    ]
    found += [
        Column(name=m.name, unit=m.unit, better=m.better, digits=m.digits, summary=m.summary)
        for m in suite.metrics
    ]
    steps = dict.fromkeys(s.name for _, task in suite.tasks for s in task.stages if s.timed)
    found += [
        Column(
            name=f"{s}_seconds",
            unit="s",
            better="lower",
            digits=4,
            summary=f"wall time of {s}, measured while other nodes ran beside it",
        )
        for s in steps
    ]
    wanted = suite.board.columns
    if wanted is None:
        return found
    found += [
        replace(c, name=DELTA + c.name, summary=f"{c.name} less that of the model without variant")
        for c in found
        if DELTA + c.name in wanted
    ]
    order = {name: n for n, name in enumerate(wanted)}
    shown = sorted((c for c in found if c.name in order), key=lambda c: order[c.name])
    return shown + [replace(c, shown=False) for c in found if c.name not in order]


def _foreign_columns(columns: Sequence[Column], measured: Sequence[Measured]) -> list[Column]:
    """Return columns for numbers that were not measured here, and belong to no metric."""
    known = {c.name for c in columns}
    foreign = {name: told for m in measured for name, told in m.scores.foreign.items()}
    return [
        Column(name=name, unit=unit, better=better, summary="not measured here: quoted, or votes")
        for name, (unit, better) in foreign.items()
        if name not in known
    ]


def _table(
    suite: Suite, columns: list[Column], measured: Measured, nodes: Sequence[Mapping[str, Any]]
) -> Table:
    """Return the table of a dataset; ``nodes`` are those of that dataset."""
    scores = measured.scores
    entries = {e.label: e for e in suite.entries}
    best = {c.name: mark_best(_fair(suite, measured, c.name), c.better) for c in columns}
    ranks = _ranks(suite, measured, columns)
    if ranks and suite.board.rank_by:  # one judgement for one column: that of all pairs at once
        best[suite.board.rank_by] = {entry for entry, (low, _) in ranks.items() if low == 1}
    own = _by_entry(nodes)
    rows = [
        _row(
            entries.get(label) if scores.kinds[index] == "measured" else None,
            measured,
            index,
            columns,
            best,
            own.get(label, []),
        )
        for index, label in enumerate(scores.entries)
    ]
    rows = [_ranked(row, ranks, suite, measured) for row in rows]
    there = {(r.entry, r.kind) for r in rows}
    rows += [
        _empty_row(entry, own.get(label, []))
        for label, entry in _entries_on(suite, scores.dataset).items()
        if (label, "measured") not in there
    ]
    rows.sort(key=lambda r: _place(r, suite.board.rank_by, columns))
    read = {node["item"] for node in nodes if node["item"] is not None}
    items = len(scores.items or scores.elements or read)
    return Table(dataset=scores.dataset, items=items, rows=tuple(rows))


def _by_entry(nodes: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    found: dict[str, list[Mapping[str, Any]]] = {}
    for node in nodes:
        found.setdefault(node["entry"], []).append(node)
    return found


def _entries_on(suite: Suite, dataset: str) -> dict[str, Entry]:
    """Return the entries that a dataset is for: those of the families whose tasks take it."""
    kinds = {u.dataset.provides for u in suite.datasets if dataset_label(u) == dataset}
    families = {family.name for family, task in suite.tasks if task.accepts in kinds}
    return {e.label: e for e in suite.entries if e.model.family in families}


def _empty_table(suite: Suite, dataset: str, nodes: Sequence[Mapping[str, Any]]) -> Table:
    """Return the table of a dataset on which nothing has a score: why, for every entry."""
    own = _by_entry(nodes)
    entries = _entries_on(suite, dataset)
    rows = tuple(_empty_row(entry, own.get(label, [])) for label, entry in entries.items())
    return Table(dataset=dataset, items=0, rows=rows)


def _fair(suite: Suite, measured: Measured, column: str) -> dict[str, Estimate]:
    """Return the numbers of a column that are compared: measured, and without privilege."""
    scores = measured.scores
    privileged = {e.label for e in suite.entries if e.privileged}
    fair = {
        label
        for label, kind in zip(scores.entries, scores.kinds, strict=True)
        if kind == "measured" and label not in privileged
    }
    return {k: e for k, e in measured.summary.get(column, {}).items() if k in fair}


def _ranks(suite: Suite, measured: Measured, columns: list[Column]) -> dict[str, tuple[int, int]]:
    """Return the rank sets of the entries whose numbers can be compared."""
    rank_by = suite.board.rank_by
    better: dict[str, Better] = {c.name: c.better for c in columns}
    if rank_by is None or better.get(rank_by, "none") == "none":
        return {}
    direction = better[rank_by]
    fair = _fair(suite, measured, rank_by)
    signature = common_signature(fair)
    usable = {
        k: e
        for k, e in fair.items()
        if e.signature == signature and e.replicates is not None and not np.isnan(e.value)
    }
    if not usable:
        return {}
    assert direction != "none"
    found = rank_sets(
        [e.value for e in usable.values()],
        np.stack([e.replicates for e in usable.values() if e.replicates is not None]),
        items=min(e.n for e in usable.values()),
        better=direction,
        draws=[e.draws for e in usable.values()],
    )
    return {
        k: (int(low), int(high))
        for k, low, high in zip(usable, found.low, found.high, strict=True)
        if high
    }


def _ranked(
    row: Row, ranks: Mapping[str, tuple[int, int]], suite: Suite, measured: Measured
) -> Row:
    rank_by = suite.board.rank_by
    if row.kind == "published":
        return replace(row, unranked="published: quoted, not measured here")
    if row.entry in ranks:
        return replace(row, rank=ranks[row.entry])
    if any(e.label == row.entry and e.privileged for e in suite.entries):
        return replace(row, unranked="privileged: it sees what the task keeps from others")
    if rank_by is None:
        return replace(row, unranked="the suite ranks by nothing")
    estimate = measured.summary.get(rank_by, {}).get(row.entry)
    if estimate is None or np.isnan(estimate.value):
        return replace(row, unranked=(estimate.note if estimate else "") or f"no {rank_by}")
    if estimate.signature != common_signature(_fair(suite, measured, rank_by)):
        return replace(row, unranked=f"its signature differs: {estimate.signature}")
    if estimate.replicates is None:
        return replace(row, unranked=estimate.note or f"{rank_by} comes without replicates")
    if not ranks:
        return replace(row, unranked=f"no direction of {rank_by} is the better one")
    return replace(row, unranked="too many of its resamples have no value")


def _row(
    entry: Entry | None,
    measured: Measured,
    index: int,
    columns: list[Column],
    best: Mapping[str, set[str]],
    nodes: Sequence[Mapping[str, Any]],
) -> Row:
    scores = measured.scores
    label = scores.entries[index]
    cells = {
        c.name: cell_of(e, best=scores.kinds[index] == "measured" and label in best[c.name])
        for c in columns
        if (e := measured.summary.get(c.name, {}).get(label)) is not None
    }
    cells |= _lacking(columns, cells, nodes)
    points = tuple(
        PointRow(
            label=point_label(point),
            point=point,
            cells={
                c.name: cell_of(measured.at_points[label, c.name][n])
                for c in columns
                if (label, c.name) in measured.at_points
            },
        )
        for n, point in enumerate(scores.points[index])
        if len(scores.points[index]) > 1
    )
    if entry is None:
        return Row(
            entry=label,
            model=label,
            kind="published",
            source=scores.sources.get(label, ""),
            cells=cells,
            points=points,
        )
    return replace(
        _empty_row(entry, nodes),
        cells=cells,
        points=points,
        environments=tuple(sorted(scores.environments.get(label, ()))),
    )


def _lacking(
    columns: list[Column], cells: Mapping[str, Cell], nodes: Sequence[Mapping[str, Any]]
) -> dict[str, Cell]:
    """Return cells without a number that say why: the metric's nodes were skipped."""
    reasons = {n["step"]: n["reason"] for n in nodes if n["outcome"] == "skipped" and n["reason"]}
    return {
        c.name: Cell(value=NAN, note=reasons[c.name])
        for c in columns
        if c.name in reasons and c.name not in cells
    }


def _empty_row(entry: Entry, nodes: Sequence[Mapping[str, Any]]) -> Row:
    """Return what is known of an entry without any score; ``nodes`` are its own."""
    lacking = [n for n in nodes if n["outcome"] != "ok"]
    causes = [n for n in lacking if n["outcome"] != "skipped"] or lacking
    model = entry.model
    return Row(
        entry=entry.label,
        model=model.name,
        params=entry.params,
        summary=model.summary,
        licence=model.licence,
        paper=model.paper,
        unranked=causes[0]["reason"] or causes[0]["outcome"] if causes else "it was not run",
        failed=sum(n["outcome"] not in _NO_FAILURE for n in nodes),
        planned=len(nodes),
        steps=tuple(dict.fromkeys(str(n["step"]) for n in nodes)),
        provenance=_provenance(nodes),
    )


def _provenance(nodes: Sequence[Mapping[str, Any]]) -> dict[str, Json]:
    """Return the notes that the stages of an entry left at their first point."""
    found: dict[str, Json] = {}
    for node in nodes:
        if node["notes"] and node["step"] not in found:
            found[node["step"]] = node["notes"]
    return found


def point_label(point: Mapping[str, Json]) -> str:
    """Return how an operating point is called: ``quality 50``."""
    return ", ".join(f"{k} {v}" for k, v in point.items()) or "default"


def _place(row: Row, rank_by: str | None, columns: list[Column]) -> tuple[int, float]:
    """Return what rows are sorted by: ranked ones by their number, then the rest."""
    better = next((c.better for c in columns if c.name == rank_by), "none")
    cell: Cell | None = row.cells.get(rank_by or "")
    value = cell.value if cell is not None else NAN
    if np.isnan(value):
        return (2 if row.kind == "measured" else 3, 0.0)
    return (0 if row.rank else 1, -value if better == "higher" else value)


def _failures(nodes: Sequence[Mapping[str, Any]]) -> tuple[Failure, ...]:
    """Return what did not end ``ok``, alike ones together.

    Of what was skipped only the causes: nodes that ran, and had nothing to do or could not.
    """
    groups: dict[tuple[str, str, str, str], list[Mapping[str, Any]]] = {}
    for node in nodes:
        caused = node["outcome"] != "skipped" or node.get("wall") is not None
        if node["outcome"] != "ok" and caused:
            where = (node["entry"], node["step"], node["outcome"], node["reason"] or "")
            groups.setdefault(where, []).append(node)
    return tuple(
        Failure(
            entry=entry,
            step=step,
            outcome=outcome,
            reason=reason,
            count=len(found),
            example=_example(found[0]),
            log=found[0]["log"] or "",
        )
        for (entry, step, outcome, reason), found in groups.items()
    )


def _example(node: Mapping[str, Any]) -> str:
    point = point_label(node["point"]) if node["point"] else ""
    return " · ".join(p for p in (node["dataset"], node["item"] or "", point) if p)
