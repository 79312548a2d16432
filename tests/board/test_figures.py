"""What the board draws of artifacts and of scores one by one, from a run to the page."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from harness.api import open_suite, rewrite_board, run_opened
from harness.board import figures, make_board
from harness.board.html import render_html
from harness.board.junit import render_junit
from harness.board.markdown import render_markdown
from harness.board.model import Board, Row, Table
from harness.board.values import Inputs, Missing, Place
from harness.spec import Artifact, MatrixPanel, ProfilePanel, SeriesPanel, Stage, Task
from harness.worker import kinds

WORLDS = Path(__file__).with_name("worlds.py")
NAN = float("nan")


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """Return a suite of three agents on three worlds under two seeds, run."""
    folder = tmp_path_factory.mktemp("worlds")
    models = [{"name": "agent", "params": {"noise": n}} for n in (0.05, 0.4)]
    models.append({"name": "agent", "params": {"fault": "build"}})
    text = {
        "name": "worlds",
        "plugins": [str(WORLDS)],
        "tasks": ["worlds/control"],
        "datasets": ["grid"],
        "models": models,
        "metrics": ["return"],
        "seeds": [4, 7],
        "board": {"rank_by": "return"},
    }
    (folder / "worlds.yaml").write_text(json.dumps(text))
    suite, registry = open_suite(str(folder / "worlds.yaml"), ())
    results = folder / "results"
    run_opened(suite, registry, results=results, emit=lambda event: None)
    nodes = pd.read_parquet(results / "worlds" / "nodes.parquet")
    nodes["artifacts"] = [json.loads(t) if isinstance(t, str) else {} for t in nodes.artifacts]

    def path(digest):
        return results / "store" / "artifacts" / digest[:2] / digest

    def value(name, kind, **where):
        own = nodes[nodes.artifacts.map(lambda found: name in found)]
        for column, wanted in where.items():
            own = own[own[column] == wanted]
        return kinds.load(kind, path(own.artifacts.iloc[0][name][0]).read_bytes())

    return SimpleNamespace(
        suite=suite, registry=registry, results=results, nodes=nodes, value=value, path=path
    )


@pytest.fixture
def made(ran):
    return make_board(ran.suite, ran.results)


ENTRIES = ["agent(noise=0.05)", "agent(noise=0.4)"]


def array(matrix):
    return np.array(matrix.values)


def test_matrices_are_of_the_first_item_and_seed_of_every_entry(ran, made):
    heat, graph = made.matrices
    assert (heat.style, heat.rows, heat.columns) == ("heat", "true variable", "code")
    assert heat.where == graph.where == "item world0, seed 4"
    assert [f.entry for f in heat.figures] == [f.entry for f in graph.figures] == ENTRIES
    for n, entry in enumerate(ENTRIES):
        truth = ran.value("truth", "arrays", item="world0")
        code = ran.value("code", "arrays", item="world0", seed=4, entry=entry)
        (found,) = heat.figures[n].matrices
        assert found.title == "R²"
        expected = np.corrcoef(truth["z"].T, code["z"].T)[:4, 4:] ** 2
        assert array(found) == pytest.approx(expected)
        assert array(graph.figures[n].matrices[0]) == pytest.approx(code["graph"])


def test_what_is_the_same_for_all_is_drawn_once(ran, made):
    graph = made.matrices[1]
    (true,) = graph.shared
    assert true.title == "true"
    assert array(true) == pytest.approx(ran.value("truth", "arrays")["graph"])
    assert [[m.title for m in f.matrices] for f in graph.figures] == [["recovered"]] * 2
    assert made.matrices[0].shared == ()
    assert render_html(made).count("<b>true</b> <span>the same for all entries</span>") == 1


def test_a_series_is_the_mean_over_items_rows_and_seeds(ran, made):
    (panel,) = made.series
    assert [line.entry for line in panel.lines] == ENTRIES
    worlds = [f"world{n}" for n in range(3)]
    rows = np.concatenate(
        [
            ran.value("rewards", "array", item=item, seed=seed, entry=ENTRIES[1])
            for item in worlds
            for seed in (4, 7)
        ]
    )
    line = panel.lines[1]
    at = np.array(line.x, int)
    assert (at[0], at[-1], len(at)) == (0, 199, 120)
    there = ~np.isnan(rows[:, at])
    assert list(line.n) == list(there.sum(axis=0))
    expected = np.where(there, rows[:, at], 0).sum(axis=0) / there.sum(axis=0)
    shown = there.sum(axis=0) > 1
    assert np.array(line.y)[shown] == pytest.approx(expected[shown])
    assert np.isnan(np.array(line.y)[~shown]).all()


def test_a_profile_counts_the_scores_of_all_items_and_seeds(ran, made):
    (panel,) = made.profiles
    scores = pd.read_parquet(ran.results / "worlds" / "scores.parquet")
    scores = scores[scores.metric == "return"]
    for line in panel.lines:
        own = scores[scores.entry == line.entry].value.to_numpy()
        assert own.size == 6
        assert set(own) < set(line.x)
        assert (line.x[0], line.x[-1]) == (0, 1)  # the metric's range
        assert line.y == pytest.approx([(own > x).mean() for x in line.x])
    assert panel.y.name == "share of scores above τ"


def test_an_entry_that_failed_has_no_figure_and_no_board_falls(made):
    assert "no such agent" in made.failures[0].reason
    assert not any(panel.failed for panel in (*made.matrices, *made.series))


def test_other_forms_are_written_as_before(made):
    without = replace(made, matrices=(), series=(), profiles=())
    assert render_markdown(made) == render_markdown(without)
    assert render_junit(made) == render_junit(without)


def test_a_board_is_written_again_from_the_store(ran):
    page = ran.results / "worlds" / "board.html"
    before = page.read_text()
    page.unlink()
    rewrite_board(ran.suite, ran.registry, ran.results)
    assert page.read_text() == before
    assert '<h2 id="matrices">' in before


def test_a_lost_artifact_costs_its_own_figure(ran):
    own = ran.nodes[(ran.nodes.entry == ENTRIES[0]) & (ran.nodes.item == "world0")]
    digest = own[(own.step == "infer") & (own.seed == 4)].artifacts.iloc[0]["code"][0]
    kept = ran.path(digest).read_bytes()
    os.unlink(ran.path(digest))
    try:
        made = make_board(ran.suite, ran.results)
        assert [f.entry for f in made.matrices[0].figures] == ENTRIES[1:]
        assert made.matrices[0].failed == ((ENTRIES[0], "its code is no longer in the store"),)
        assert f"Not drawn: {ENTRIES[0]} (its code is no longer in the store)." in render_html(
            made
        )
        ran.path(digest).write_bytes(kept[:40])
        made = make_board(ran.suite, ran.results)
        assert [f.entry for f in made.matrices[0].figures] == ENTRIES[1:]
    finally:
        ran.path(digest).write_bytes(kept)


class Unspeakable(Exception):
    def __str__(self):
        raise ValueError


@pytest.mark.parametrize(
    ("compute", "reason"),
    [
        (lambda *v: 1 / 0, "ZeroDivisionError: division by zero"),
        (lambda *v: sys.exit("no\nway"), "SystemExit: no"),
        (lambda *v: (_ for _ in ()).throw(Unspeakable()), "Unspeakable"),
        (lambda *v: None, "AttributeError: "),
        (lambda *v: {"a": np.zeros(3)}, "ValueError: 'a' has shape (3,), expected (rows"),
        (lambda *v: {"a": [["x"]]}, "ValueError: could not convert string to float: 'x'"),
        (lambda *v: {"a": np.zeros((2, 3))}, "ValueError: 'a' has shape (2, 3): a graph's matrix"),
        (lambda *v: {"a": np.zeros((33, 33))}, "ValueError: 'a' has shape (33, 33); at most 32"),
    ],
)  # fmt: skip
def test_whatever_a_plugin_does_the_board_stands(ran, monkeypatch, compute, reason):
    monkeypatch.setattr(sys.modules["worlds"], "graphs", compute)
    monkeypatch.setattr(sys.modules["worlds"], "rewards", lambda array: np.inf * array)
    made = make_board(ran.suite, ran.results)
    assert [entry for entry, _ in made.matrices[1].failed] == ENTRIES
    assert all(why.startswith(reason) for _, why in made.matrices[1].failed)
    assert made.series[0].lines == ()
    assert made.series[0].failed[0][1] == "ValueError: a series holds an infinite value"
    page = render_html(made)
    assert "Not drawn: " in page
    assert "Performance profile" in page


# --- inputs ------------------------------------------------------------------------------


def left(entry, item, seed, point=None, task="t", **names):
    artifacts = {name: [digest, 1] for name, digest in names.items()}
    return {
        "entry": entry, "item": item, "seed": seed, "point": point, "task": task,
        "artifacts": artifacts,
    }  # fmt: skip


def inputs_of(lab, nodes, names=("a", "b"), points=({},), entries=("m", "n")):
    outputs = tuple(Artifact(name) for name in "ab")
    stage = Stage(name="s", run="x:y", inputs=(), outputs=outputs)
    task = Task(name="t", item="i", accepts="k", stages=(stage,))
    suite = lab.suite(dict.fromkeys(entries, points))
    return Inputs(names, task, suite.entries, nodes, lambda digest: digest.encode())


def test_inputs_meet_where_each_has_its_axes(lab):
    nodes = [left("m", item, None, a=f"a{item}") for item in "xy"]
    nodes += [left("m", None, seed, b=f"b{seed}") for seed in (3, 1)]
    inputs = inputs_of(lab, nodes)
    places = inputs.places("m")
    assert places == [Place(item, seed) for seed in (3, 1) for item in "xy"]
    assert inputs.values("m", Place("y", 3)) == [b"ay", b"b3"]
    assert str(places[0]) == "item x, seed 3"
    assert inputs.places("n") == []


def test_inputs_made_once_for_all_have_no_place(lab):
    inputs = inputs_of(lab, [left("m", None, None, a="1", b="2")])
    assert inputs.places("m") == [Place(None, None)]
    assert str(Place(None, None)) == ""
    assert inputs.values("m", Place(None, None)) == [b"1", b"2"]


def test_the_first_place_is_the_plans_and_the_same_for_all(lab):
    nodes = [left("m", "y", 0, a="my", b="my")]
    nodes += [left("n", item, 0, a=f"n{item}", b="") for item in "xy"]
    nodes = [nodes[1], nodes[0], nodes[2]]  # in the order of the plan
    inputs = inputs_of(lab, nodes, names=("a",))
    assert inputs.first(["m", "n"]) == Place("x", 0)
    with pytest.raises(Missing, match="it left no a for item x, seed 0"):
        inputs.values("m", Place("x", 0))


def test_only_the_first_operating_point_counts(lab):
    points = ({"q": 1, "speed": 2}, {"q": 5, "speed": 2})
    nodes = [left("m", "x", 0, {"speed": 2, "q": q}, a=f"a{q}") for q in (5, 1)]
    nodes.append(left("m", "x", 0, {"speed": 2, "q": 1}, task="other", a="foreign"))
    inputs = inputs_of(lab, nodes, names=("a",), points=points)
    assert inputs.values("m", Place("x", 0)) == [b"a1"]


# --- many entries, odd series -------------------------------------------------------------


def table(entries):
    rows = tuple(Row(entry=e, model=e) for e in entries)
    return Board(name="b", title="b", tables=(Table(dataset="photos", items=1, rows=rows),))


def drawn_of(lab, panel, values, nodes=None, entries=None):
    """Draw a panel of entries whose artifact ``a`` of item x has the given values."""
    lab.compute = lambda data: values[data.decode()]
    nodes = nodes or [left(e, "x", 0, a=e) for e in values]
    entries = entries or list(values)
    inputs = inputs_of(lab, nodes, names=("a",), entries=entries)
    draw = figures.matrices if isinstance(panel, MatrixPanel) else figures.series
    suite = lab.suite(dict.fromkeys(entries, ({},)))
    (found,) = draw(panel, suite, table(entries), "photos", inputs)
    return found


def matrix_panel(**more):
    return MatrixPanel(title="m", inputs=("a",), compute="board_lab:compute", **more)


SERIES = SeriesPanel(title="s", inputs=("a",), compute="board_lab:compute", x="t", y="v")


@pytest.mark.parametrize(("count", "drawn"), [(24, 24), (30, 24), (200, 10)])
def test_only_the_first_entries_are_drawn_and_the_others_counted(lab, count, drawn):
    values = {f"m{n}": {"a": np.full((2, 2), n)} for n in range(count)}
    found = drawn_of(lab, matrix_panel(), values)
    assert [f.entry for f in found.figures] == [f"m{n}" for n in range(drawn)]
    assert found.left == count - drawn


@pytest.mark.parametrize("limits", [(1.0, 1.0), (1.0, 0.0), (0.0, np.inf), (NAN, 1.0)])
def test_a_colour_scale_without_length_is_told(lab, limits):
    found = drawn_of(lab, matrix_panel(range=limits), {"m": {"a": np.eye(2)}})
    assert found.figures == ()
    assert "range" in found.failed[0][1]


def test_of_several_titles_those_alike_are_shared(lab):
    one = {"same": np.array([[1.0, NAN]]), "other": np.eye(2)}
    two = {"same": np.array([[1.0, NAN]]), "other": np.zeros((2, 2))}
    found = drawn_of(lab, matrix_panel(), {"m": one, "n": two})
    assert [m.title for m in found.shared] == ["same"]
    alone = drawn_of(lab, matrix_panel(), {"m": one})
    assert alone.shared == ()
    both = drawn_of(lab, matrix_panel(), {"m": one, "n": one})
    assert ([m.title for m in both.shared], both.figures) == (["same", "other"], ())


def test_series_of_different_lengths_and_numbers_stand_side_by_side(lab):
    values = {"s0x": [[1.0, 2, 3], [3, 4, 5]], "s0y": [5.0, 6], "s1x": [[2.0, 2, 2]]}
    nodes = [
        left("m", "x", 0, a="s0x"), left("m", "x", 1, a="s1x"), left("m", "y", 0, a="s0y")
    ]  # fmt: skip
    found = drawn_of(lab, SERIES, values, nodes, ["m"])
    (line,) = found.lines
    assert line.n == (4, 4, 3)
    assert line.y == pytest.approx((11 / 4, 14 / 4, 10 / 3))


def test_entries_with_fewer_runs_than_others_are_named(lab):
    values = {"1": np.ones((3, 4)), "2": np.ones((3, 4))}
    nodes = [left("m", "x", 0, a="1"), left("m", "y", 0, a="1"), left("n", "x", 0, a="2")]
    found = drawn_of(lab, SERIES, values, nodes, ["m", "n"])
    assert [line.entry for line in found.lines] == ["m", "n"]
    assert found.partial == (("n", "1 of 2 runs left nothing"),)


def test_a_single_series_has_no_mean(lab):
    found = drawn_of(lab, SERIES, {"m": np.ones(5), "n": np.ones((2, 5))})
    assert found.failed == (("m", "a single series has no mean"),)
    assert [line.entry for line in found.lines] == ["n"]


@pytest.mark.parametrize("value", [np.ones((2, 2, 2)), np.ones((0, 3)), "text"])
def test_what_is_no_series_is_told(lab, value):
    found = drawn_of(lab, SERIES, {"m": value, "n": np.ones((2, 5))})
    assert [entry for entry, _ in found.failed] == ["m"]


# --- profiles ----------------------------------------------------------------------------


def profile(lab, values, better="higher", limits=(-np.inf, np.inf), points=({},), **more):
    rows = [r for e, v in values.items() for r in lab.rows(e, "psnr", v, points, **more)]
    metric = lab.metric("psnr", better, unit="dB", range=limits)
    suite = lab.suite(dict.fromkeys(values, points), [metric])
    board, measured = lab.build_tables(suite, rows, [], {"photos": 12})
    panel = ProfilePanel(title="p", metric="psnr")
    return list(figures.profiles(panel, suite, board, measured[0]))


def test_shares_of_what_should_be_low_are_of_scores_up_to_a_threshold(lab):
    (found,) = profile(lab, {"a": [[3.0, 1.0, 2.0, 2.0]]}, "lower")
    assert found.y.name == "share of scores up to τ"
    (line,) = found.lines
    assert (line.x, line.y) == ((1.0, 2.0, 3.0), (0.25, 0.75, 1.0))
    assert found.x.unit == "dB"


def test_thresholds_span_the_range_unless_scores_fill_a_corner_of_it(lab):
    wide = profile(lab, {"a": [[0.2, 0.5]]}, limits=(0, 1))[0].lines[0]
    assert (wide.x[0], wide.x[-1]) == (0, 1)
    corner = profile(lab, {"a": [[20, 21]]}, limits=(0, 100))[0].lines[0]
    assert corner.x == (20, 21)


def test_a_profile_is_of_the_first_operating_point_and_says_so(lab):
    points = ({"q": 1}, {"q": 2})
    (found,) = profile(lab, {"a": [[1.0, 2.0], [8.0, 9.0]]}, points=points)
    assert (found.lines[0].x, found.lines[0].point) == ((1.0, 2.0), "q 1")


def test_many_scores_are_thinned(lab):
    scores = np.random.default_rng(1).normal(size=(1, 900))
    (found,) = profile(lab, {"a": scores})
    assert len(found.lines[0].x) == 200
    assert (found.lines[0].x[0], found.lines[0].x[-1]) == (scores.min(), scores.max())


def test_no_profile_of_what_was_not_measured_or_of_whole_sets(lab):
    panel = ProfilePanel(title="p", metric="bpp")
    suite = lab.suite({"a": ({},)})
    board, measured = lab.build_tables(
        suite, lab.rows("a", "psnr", [[1.0, 2.0]], ({},)), [], {"photos": 2}
    )
    assert list(figures.profiles(panel, suite, board, measured[0])) == []
    rows = [lab.row("a", "bpp", 1.0, seed=0), lab.row("a", "psnr", 1.0, item="i0")]
    board, measured = lab.build_tables(suite, rows, [], {"photos": 1})
    assert list(figures.profiles(panel, suite, board, measured[0])) == []
    assert profile(lab, {"a": [[1.0]]}) == []
