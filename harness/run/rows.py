"""Plan and store to the rows of the tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.run.graph import Ended
from harness.run.node import Node, Plan
from harness.spec import Outcome
from harness.store import Store

__all__ = ["environment_rows", "node_rows", "score_rows"]

_SAID = ("replicates", "n", "note", "unranked")  # by the metric, of its score


def node_rows(plan: Plan, ended: Mapping[int, Ended], store: Store) -> Iterator[dict[str, Any]]:
    """Yield a row for every planned node, in plan order."""
    for node in plan.nodes:
        end = ended[id(node)]
        record = store.records.get(end.key, {})
        yield {
            "key": end.key,
            "kind": node.kind,
            "step": node.step,
            **_who(node),
            "outcome": str(end.outcome),
            "reason": end.reason,
            "wall": record.get("wall"),
            "cpu": record.get("cpu"),
            "peak_rss": record.get("rss"),
            "jobs": record.get("jobs"),
            "finished": record.get("at"),
            "spans": record.get("spans"),
            "notes": record.get("notes"),
            "artifacts": record.get("artifacts"),
            "environment": record.get("env"),
            "log": end.log or record.get("log") if end.outcome is not Outcome.ok else None,
        }


def score_rows(plan: Plan, ended: Mapping[int, Ended], store: Store) -> Iterator[dict[str, Any]]:
    """Yield a row for every score: each metric's, and the seconds of each stage."""
    metrics = {m.name: m for m in plan.suite.metrics}
    for node in plan.nodes:
        end = ended[id(node)]
        if end.outcome is not Outcome.ok:
            continue
        record = store.records[end.key]
        row = {**_who(node), "kind": "measured", "key": end.key, "environment": record["env"]}
        if node.kind == "score":
            metric = metrics[node.step]
            row |= {
                "metric": metric.name,
                "unit": metric.unit,
                "better": metric.better,
                "signature": metric.signature,
            }
            if metric.per == "element":
                yield from _elements(row, record["values"])
            elif record.get("influences"):
                yield from _influenced(row, node, record)
            else:
                yield row | _signed(metric.signature, record)
        elif node.recipe.timed:
            yield row | _seconds(node, record, store)


def _signed(signature: str, record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a score with what the metric said of it."""
    how = record.get("how")
    return {
        "value": record["value"],
        "signature": f"{signature}|{how}" if how else signature,
        **{key: record[key] for key in _SAID if record.get(key)},
    }


def _influenced(
    row: dict[str, Any], node: Node, record: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """Yield a row for each element of a set: the set's score with what that element adds to it.

    Their mean is the score of the set.
    """
    signed = _signed(row["signature"], record)
    row |= {"signature": signed["signature"]}
    said: dict[str, Any] = {k: signed[k] for k in ("note", "unranked") if k in signed}
    for item, own in zip(node.recipe.items, record["influences"], strict=False):
        values = [record["value"] + influence for influence in own]
        yield from (r | said for r in _elements(row | {"item": item.id}, values))


def _elements(row: dict[str, Any], values: Sequence[float | None]) -> Iterator[dict[str, Any]]:
    """Yield a row for each element that has a score, its number behind the item's id."""
    width = len(str(len(values) - 1))
    item = "" if row["item"] is None else f"{row['item']}:"
    for place, value in enumerate(values):
        if value is not None:
            yield row | {"item": f"{item}{place:0{width}}", "value": value}


def _seconds(node: Node, record: Mapping[str, Any], store: Store) -> dict[str, Any]:
    """Return the time of a stage: the span of its own name where the model marks one.

    Stages run beside others, so the number of jobs and the processor stand in the signature:
    times taken under different conditions are never ranked together.
    """
    spans = record.get("spans", {})
    how = "span" if node.step in spans else "call"
    machine = store.environments.get(record["env"], {}).get("processor", "unknown processor")
    return {
        "metric": f"{node.step}_seconds",
        "value": spans.get(node.step, record["wall"]),
        "unit": "s",
        "better": "lower",
        "signature": f"seconds|{node.step}|wall|{how}|jobs:{record['jobs']}|{machine}|v1",
    }


def environment_rows(store: Store, used: set[str]) -> Iterator[dict[str, Any]]:
    """Yield the environments that rows refer to."""
    for id_ in sorted(used):
        yield {"environment": id_, "description": store.environments.get(id_)}


def _who(node: Node) -> dict[str, Any]:
    entry = node.entry
    return {
        "entry": entry.label,
        "model": entry.model.name,
        "params": entry.params,
        "variant": entry.variant,
        "task": node.task,
        "dataset": node.dataset,
        "item": node.item.id if node.item is not None else None,
        "point": entry.points[node.point] if node.point >= 0 else None,
        "seed": node.seed,
    }
