"""Boards on disk: what is written when, and what is read back."""

from __future__ import annotations

import json
import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import harness
from harness.api import open_suite, run_opened
from harness.board import load_board, make_board, write_board
from harness.errors import UsageError
from harness.registry import Registry
from harness.store.tables import write_table

TOY = Path(__file__).resolve().parents[1] / "toy" / "toy.py"
FILES = ("board.html", "board.parquet", "scores.parquet", "nodes.parquet")

DERIVED = """\
from harness import Derived, DerivedScore, hookimpl


@hookimpl
def harness_derived():
    return [Derived(name="density", compute="density:compute", inputs=("size", "likeness"),
                    better="higher", unit="1")]


def compute(curves, anchor):
    for curve in curves:
        if curve.entry == "lossy":
            yield DerivedScore(entry="lossy", name="density", value=float("nan"),
                               signature="density|v1", refusal="it is lossy")
            continue
        value = curve.scores["likeness"] / curve.scores["size"]
        yield DerivedScore(entry=curve.entry, name="density", value=float(value.mean()),
                           signature="density|v1",
                           replicates=value.mean(axis=0)[curve.resamples].mean(axis=1))
"""


@pytest.fixture
def place(tmp_path):
    """Return a function that runs a toy suite in a folder of its own."""
    (tmp_path / "density.py").write_text(DERIVED)

    def run(name="toy", models=("zip", "lossy"), fault=None, plugins=(), **board):
        chosen = [{"name": m, "points": {"level": [9, 1]}} for m in models]
        if fault:
            chosen.append({"name": "faulty", "params": {"fault": fault}, "points": {"level": [1]}})
        text = {
            "name": name,
            "plugins": [str(TOY), *(str(tmp_path / p) for p in plugins)],
            "tasks": ["toy/squeeze"],
            "datasets": [{"name": "words", "params": {"count": 4}}],
            "models": chosen,
            "metrics": ["size", "likeness"],
            "limits": {"seconds": 20, "memory": "1 GB"},
            "board": board,
        }
        path = tmp_path / f"{name}.yaml"
        path.write_text(json.dumps(text))
        suite, registry = open_suite(str(path), ())
        results = tmp_path / "results"
        done = run_opened(suite, registry, results=results, emit=lambda event: None)
        return SimpleNamespace(
            suite=suite, registry=registry, results=results, done=done, folder=results / name
        )

    return run


def stamps(folder):
    return {n: (folder / n).stat().st_mtime_ns for n in FILES}


def test_a_run_leaves_a_board_that_equals_its_scores(place):
    ran = place(rank_by="density", plugins=["density.py"])
    board = load_board(ran.folder)
    scores = pd.read_parquet(ran.folder / "scores.parquet")
    for metric in ("size", "likeness"):
        own = scores[scores.metric == metric]
        expected = own.groupby(["entry", "point"]).value.mean()
        at = board[(board.metric == metric) & board.point.notna()]
        found = at.set_index(["entry", at.point.map(json.dumps)]).value
        assert found.to_dict() == pytest.approx(expected.to_dict())
        assert set(at.n) == {4}
        assert ((at.low <= at.value) & (at.value <= at.high)).all()
    density = board[(board.metric == "density") & board.point.isna()].set_index("entry")
    ratio = scores.pivot_table(index=["entry", "point", "item"], columns="metric", values="value")
    expected = (ratio.likeness / ratio["size"])["zip"].mean()
    assert density.value["zip"] == pytest.approx(expected)
    assert (density.rank_low["zip"], density.rank_high["zip"]) == (1, 1)
    assert math.isnan(density.value["lossy"])
    assert density.note["lossy"] == "it is lossy"
    assert any("it is lossy" in line for line in ran.done.table)
    assert [p["level"] for p in board[board.point.notna()].point][:1] == [9]  # as in the suite


def test_the_same_suite_again_rewrites_nothing(place):
    first = place()
    before = stamps(first.folder)
    again = place()
    assert stamps(again.folder) == before
    assert again.done.table == first.done.table
    place(rank_by="size")
    after = stamps(first.folder)
    assert after["board.html"] != before["board.html"]


def test_an_import_rewrites_the_board(place, tmp_path):
    ran = place(rank_by="size", published=["*"])
    before = stamps(ran.folder)
    curve = {"bpp": [0.2, 0.4], "psnr-rgb": [25.0, 29.0]}
    about = {"name": "theirs", "meta": {"dataset": "words(count=4)"}, "results": curve}
    (tmp_path / "paper.json").write_text(json.dumps(about))
    from click.testing import CliRunner

    from harness.cli.import_ import command

    args = [str(tmp_path / "paper.json"), "--source", "A paper", "--results", str(ran.results)]
    result = CliRunner().invoke(command, args)
    assert result.exit_code == 0, result.output
    place(rank_by="size", published=["*"])
    after = stamps(ran.folder)
    assert after["board.html"] != before["board.html"]
    assert after["board.parquet"] != before["board.parquet"]
    (theirs,) = load_board(ran.folder).query("kind == 'published'").to_dict("records")
    assert theirs["note"] == "published: quoted, not measured here"
    assert math.isnan(theirs["rank_low"])
    assert "A paper" in (ran.folder / "board.html").read_text()


def test_entries_that_failed_are_in_the_file_with_the_reason(place):
    ran = place(models=("zip",), fault="build", rank_by="likeness")
    board = load_board(ran.folder)
    (failed,) = board[board.entry.str.startswith("faulty")].to_dict("records")
    assert failed["metric"] == "likeness"
    assert math.isnan(failed["value"])
    assert "no such network" in failed["note"]
    assert any("no such network" in line for line in ran.done.table)


def test_a_suite_whose_every_node_fails_has_a_board(place):
    ran = place(models=(), fault="build", rank_by="size")
    assert any("no such network" in line for line in ran.done.table)
    assert "no such network" in (ran.folder / "board.html").read_text()
    assert list(load_board(ran.folder).entry) == [ran.suite.entries[0].label]


def test_a_board_without_a_number_still_has_its_columns(place):
    ran = place(models=(), fault="build")
    board = harness.load_board(ran.folder / "board.parquet")
    assert len(board) == 0
    assert {"entry", "metric", "value", "rank_low"} <= set(board.columns)


def test_a_failing_renderer_leaves_the_old_board(place):
    ran = place()
    before = stamps(ran.folder)

    def get(kind, name):
        assert (kind, name) == ("exporters", "html")
        return SimpleNamespace(write="no_such_module:render")

    with pytest.raises(harness.Unavailable):
        write_board(ran.suite, SimpleNamespace(get=get), ran.results)
    assert stamps(ran.folder) == before
    assert not list(ran.folder.glob(".board*"))


def test_a_renderer_that_breaks_half_way_leaves_the_old_board(place, lab):
    ran = place()
    before = stamps(ran.folder)

    def render(board, files):
        return "\ud800"  # cannot be written as UTF-8

    lab.render = render
    broken = SimpleNamespace(get=lambda *_: SimpleNamespace(write="board_lab:render"))
    with pytest.raises(UnicodeEncodeError):
        write_board(ran.suite, broken, ran.results)
    assert stamps(ran.folder) == before
    assert not list(ran.folder.glob(".board*"))


def test_a_board_that_cannot_be_written_is_one_clear_line(place, lab):
    ran = place()

    def render(board, files):
        raise PermissionError(13, "Permission denied")

    lab.render = render
    broken = SimpleNamespace(get=lambda *_: SimpleNamespace(write="board_lab:render"))
    with pytest.raises(UsageError, match="cannot be written: Permission denied"):
        write_board(ran.suite, broken, ran.results)


def test_a_suite_that_never_ran_is_one_clear_line(place, lab, tmp_path):
    suite = lab.suite({"a": ({},)})
    with pytest.raises(UsageError, match=r"lab holds no scores: harness run lab$"):
        make_board(suite, tmp_path)
    with pytest.raises(UsageError, match="nowhere does not exist"):
        load_board(tmp_path / "nowhere")
    (tmp_path / "text.parquet").write_text("no parquet")
    with pytest.raises(UsageError, match="is no table of the harness"):
        load_board(tmp_path / "text.parquet")


def test_a_suite_that_changed_since_shows_what_it_still_asks_for(place, lab, tmp_path):
    folder = tmp_path / "lab"
    folder.mkdir()
    rows = lab.rows("a", "psnr", [[1.0, 2.0]], ({},)) + lab.rows("gone", "psnr", [[3.0]], ({},))
    rows += lab.rows("a", "psnr", [[5.0]], ({},), dataset="old set")
    for name, content in (("scores", rows), ("nodes", [lab.node("a")]), ("environments", [])):
        write_table(folder / f"{name}.parquet", name, content, {})
    board = make_board(lab.suite({"a": ({},), "new": ({},)}), tmp_path)
    assert [t.dataset for t in board.tables] == ["photos"]
    assert [(r.entry, r.unranked) for r in board.tables[0].rows][1] == ("new", "it was not run")


def test_infinite_values_survive_the_file(lab, tmp_path):
    folder = tmp_path / "lab"
    folder.mkdir()
    rows = [r for e in "ab" for r in lab.rows(e, "psnr", [[np.inf, np.inf]], ({},))]
    for name, content in (("scores", rows), ("nodes", []), ("environments", [])):
        write_table(folder / f"{name}.parquet", name, content, {})
    suite = lab.suite({"a": ({},), "b": ({},)}, rank_by="psnr")
    write_board(suite, Registry.load(), tmp_path)
    board = load_board(str(folder))
    assert list(board[board.metric == "psnr"].value) == [math.inf, math.inf]
    assert list(board.rank_high) == [2, 2]
