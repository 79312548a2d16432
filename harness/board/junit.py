"""The board as JUnit XML, for the test reports of a continuous integration."""

from __future__ import annotations

from typing import Final
from xml.etree import ElementTree as ET

from harness.board.model import Board, Failure
from harness.board.numerals import clean

__all__ = ["render_junit"]

#: Outcomes of what was not tried; all others are failures.
_NOT_TRIED: Final = frozenset({"unavailable", "skipped", "cancelled"})


def render_junit(board: Board) -> str:
    """Write one test case for each measured entry and step.

    A case fails with the outcome and reason of the nodes that did not end ``ok``; where all of
    these were not tried (unavailable, skipped, cancelled) it is skipped. An entry whose steps
    are not known has the one case ``nodes``.
    """
    cases: dict[tuple[str, str], list[Failure]] = {}
    failed = {f.entry for f in board.failures}
    for table in board.tables:
        for row in table.rows:
            if row.kind == "measured":
                steps = row.steps or (() if row.entry in failed else ("nodes",))
                for step in steps:
                    cases.setdefault((row.entry, step), [])
    for failure in board.failures:
        cases.setdefault((failure.entry, failure.step), []).append(failure)
    suite = ET.Element("testsuite", name=clean(board.name), tests=str(len(cases)))
    verdicts = [_case(suite, entry, step, found) for (entry, step), found in cases.items()]
    suite.set("failures", str(verdicts.count("failure")))
    suite.set("skipped", str(verdicts.count("skipped")))
    suite.set("errors", "0")
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, "unicode") + "\n"


def _case(suite: ET.Element, entry: str, step: str, failures: list[Failure]) -> str:
    """Add one case and return how it ended."""
    case = ET.SubElement(suite, "testcase", classname=clean(entry), name=clean(step))
    if not failures:
        return "ok"
    tried = [f for f in failures if f.outcome not in _NOT_TRIED]
    verdict = "failure" if tried else "skipped"
    first = (tried or failures)[0]
    message = f"{first.count} nodes {first.outcome}: {first.reason or 'no reason was recorded'}"
    element = ET.SubElement(case, verdict, message=clean(message), type=clean(first.outcome))
    lines = []
    for f in failures:
        example = f", e.g. {f.example}" if f.example else ""
        lines.append(f"{f.count} × {f.outcome}: {f.reason}{example}")
        if f.log:
            lines.append(f.log)
    element.text = clean("\n".join(lines))
    return verdict
