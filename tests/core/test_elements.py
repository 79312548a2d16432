"""Metrics with a score for each thing that an item holds: one node, many scores."""

from __future__ import annotations

import json
import math

import pytest

from harness.api import open_suite
from harness.board import make_board
from harness.store import Store
from harness.store.tables import read_table
from harness.store.upkeep import merge, open_store, record_rows, verify

ELEMENTS = """\
import numpy as np

from harness import Metric, hookimpl


def metric(name, value, low=0.0, high=1.0, better="higher"):
    return Metric(
        name=name, factory="elements:Says", inputs=("text", "unpacked"), signature=f"{name}|v1",
        better=better, range=(low, high), per="element", params={"value": value},
    )


@hookimpl
def harness_metrics():
    inf = float("inf")
    return [
        metric("kept", "kept"),
        metric("plain", [0.5, 1, True, None]),
        metric("endless", [1.0, "inf"], high=inf),
        metric("all-nan", [None, None]),
        metric("infinite", [1.0, "inf"]),
        metric("outside", [0.5, 2.0, 0.5]),
        metric("one-number", 0.5),
        metric("square", [[0.5, 0.5], [0.5, 0.5]]),
        metric("wordy", ["many"]),
        metric("empty", []),
    ]


class Says:
    def __init__(self, value):
        self.value = value

    def __call__(self, text, unpacked):
        if self.value == "kept":  # of each letter; spaces have no score
            same = [unpacked[n : n + 1] == text[n : n + 1] for n in range(len(text))]
            return np.where(np.frombuffer(text, np.uint8) == 32, np.nan, same)
        if isinstance(self.value, list) and not isinstance((self.value or [0])[0], list):
            return [np.nan if v is None else v for v in self.value]
        return np.array(self.value) if isinstance(self.value, list) else self.value
"""
BAD = {
    "all-nan": ("nonfinite", "all 2 scores are nan"),
    "infinite": ("nonfinite", "the score of element 1 is inf"),
    "outside": ("invalid", "the score 2.0 lies outside 0.0…1.0"),
    "one-number": ("invalid", "expected an array (R,) of numbers, got 0.5"),
    "square": ("invalid", "expected an array (R,) of numbers"),
    "wordy": ("invalid", "expected an array (R,) of numbers"),
    "empty": ("invalid", "expected a score for each element, got none at all"),
}


@pytest.fixture
def by_element(tmp_path, toy, suite_of):
    """Return a function that writes a suite of the toy family with metrics per element."""
    (tmp_path / "elements.py").write_text(ELEMENTS)

    def write(*metrics, **changes):
        plugins = [str(toy), str(tmp_path / "elements.py")]
        return suite_of(**{"plugins": plugins, "metrics": list(metrics)} | changes)

    return write


def of(done, metric):
    return [r for r in done.table("scores") if r["metric"] == metric]


def test_one_node_gives_a_row_for_each_element_that_has_a_score(by_element, run):
    done = run(by_element("kept", datasets=[{"name": "words", "params": {"count": 2}}]))
    assert len([n for n in done.ended if n["step"] == "kept"]) == 4  # 2 items x 2 points
    text = b"causality 0 " * 20
    letters = [n for n, letter in enumerate(text) if letter != 32]
    first = [r for r in of(done, "kept") if r["point"] == {"level": 1}]
    rows = [r for r in first if r["item"].startswith("text00000")]
    assert [r["item"] for r in rows] == [f"text00000:{n:03}" for n in letters]
    assert {r["value"] for r in rows} == {1.0}
    assert len({r["key"] for r in rows}) == 1


def test_numbers_of_elements_sort_as_they_stand(by_element, run):
    rows = of(run(by_element("kept")), "kept")
    items = [r["item"] for r in rows if r["point"] == {"level": 9}]
    assert items == sorted(items)


def test_an_element_without_a_score_is_null_in_the_journal(by_element, run):
    done = run(by_element("plain", "endless"))
    records = Store(done.results / "store").records.values()
    values = {r["about"]["step"]: r["values"] for r in records if r["about"]["kind"] == "score"}
    assert values == {"plain": [0.5, 1.0, 1.0, None], "endless": [1.0, math.inf]}
    assert not [r for r in records if r["about"]["kind"] == "score" and "value" in r]
    assert {r["item"][-2:] for r in of(done, "plain")} == {":0", ":1", ":2"}


def test_what_is_no_score_per_element_ends_the_node(by_element, run):
    done = run(by_element(*BAD, "plain", models=[{"name": "zip", "points": {"level": [1]}}]))
    for metric, (outcome, reason) in BAD.items():
        ((found, why),) = {(n["outcome"], n["reason"]) for n in done.ended if n["step"] == metric}
        assert (found, why[: len(reason)]) == (outcome, reason)
        assert not of(done, metric)
    assert of(done, "plain")


def test_nothing_is_scored_twice(by_element, run):
    path = by_element("kept", "size")
    assert run(path).ran
    assert not run(path).ran


def test_elements_are_what_the_board_aggregates(by_element, run):
    path = by_element("kept", "likeness", models=["zip", "lossy"], board={"rank_by": "kept"})
    done = run(path)
    board = make_board(open_suite(str(path), ())[0], done.results)
    rows = {r.entry: r for r in board.tables[0].rows}
    letters = {r["item"] for r in of(done, "kept")}
    assert {p.cells["kept"].n for p in rows["zip"].points} == {len(letters)}
    assert {p.cells["likeness"].n for p in rows["zip"].points} == {3}
    assert rows["zip"].cells["kept"].value == 1.0


def test_a_store_with_scores_per_element_merges_verifies_and_exports(by_element, run, tmp_path):
    path = by_element("plain", "size")
    other = run(path, results=tmp_path / "other")
    store = Store(tmp_path / "both", write=True)
    try:
        brought = merge(store, open_store(other.results))
        sound = verify(store).damage == ()
        exported = [r for r in record_rows(store) if r["step"] == "plain"]
    finally:
        store.close()
    assert sound
    assert set(brought.nodes) == {"ok"}
    assert len(exported) == 3  # the same text at both points is one node
    assert [r["values"] for r in exported] == [[0.5, 1.0, 1.0, None]] * len(exported)
    assert {r["value"] for r in exported} == {None}


def test_the_exported_table_holds_the_scores_of_elements(by_element, run, command, tmp_path):
    done = run(by_element("plain", "size"))
    file = tmp_path / "all.parquet"
    assert command("store", "export", file, "--results", done.results).returncode == 0
    rows, _ = read_table(file)
    told = {json.dumps(r["values"]) for r in rows if r["step"] == "plain"}
    assert told == {"[0.5, 1.0, 1.0, null]"}
    assert all(r["values"] is None for r in rows if r["step"] == "size")


def test_a_board_knows_the_seeds_that_a_model_was_fitted_under(suite_of, run, toy):
    path = suite_of(
        plugins=[str(toy.with_name("learner.py"))],
        tasks=["learner/line"],
        datasets=["lines"],
        models=["least-squares", "guess"],
        metrics=["error"],
        seeds=[0, 1, 2],
    )
    done = run(path)
    board = make_board(open_suite(str(path), ())[0], done.results)
    cells = {r.entry: r.cells["error"] for r in board.tables[0].rows}
    assert {(c.n, c.seeds) for c in cells.values()} == {(4, 3)}
    values = [r["value"] for r in of(done, "error") if r["entry"] == "guess"]
    assert cells["guess"].value == pytest.approx(sum(values) / 12)
    assert cells["guess"].low < cells["guess"].value < cells["guess"].high
