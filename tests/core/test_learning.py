"""Protocols with steps of their own, models that see more, and models that cannot do all."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.api import open_suite
from harness.board import make_board

LEARNER = Path(__file__).resolve().parents[1] / "toy" / "learner.py"


@pytest.fixture
def learning(suite_of):
    def write(models, **changes):
        return suite_of(
            **{
                "name": "learn",
                "plugins": [str(LEARNER)],
                "tasks": ["learner/line"],
                "datasets": ["lines"],
                "models": models,
                "metrics": ["error", "words"],
                "seeds": [0, 1, 2],
                "board": {"rank_by": "error"},
            }
            | changes
        )

    return write


def test_a_step_without_a_model_is_done_once_for_all_models(learning, run):
    first = run(learning(["least-squares", "guess"]))
    nodes = first.table("nodes")
    assert {n["key"] for n in nodes if n["step"] == "observe" and n["entry"] == "guess"} == {
        n["key"] for n in nodes if n["step"] == "observe" and n["entry"] == "least-squares"
    }
    stored = [n for n in first.ended if n["step"] == "observe"]
    assert len(stored) == 8
    assert all(n["outcome"] == "ok" for n in stored)
    second = run(learning(["least-squares", "guess", "oracle"], name="more.yaml"))
    assert not [n for n in second.ran if n["step"] == "observe"]


def test_a_step_without_a_model_is_left_out_where_nothing_reads_it(learning, run):
    assert "unread" not in {n["step"] for n in run(learning(["guess"])).ended}


def test_a_step_without_a_model_is_no_models_time(learning, run):
    assert {r["metric"] for r in run(learning(["least-squares"])).table("scores")} == {
        "error",
        "words",
        "fit_seconds",
        "explain_seconds",
    }


def test_only_a_privileged_model_sees_the_truth_and_it_is_marked(learning, run):
    models = ["least-squares", {"name": "oracle", "privileged": True}]
    path = learning(models, metrics=["error"])
    done = run(path)
    errors = {
        (r["entry"], r["item"], r["seed"]): r["value"]
        for r in done.table("scores")
        if r["metric"] == "error"
    }
    assert {v for (entry, _, _), v in errors.items() if entry == "oracle (privileged)"} == {0.0}
    assert len(errors) == 24
    board = make_board(open_suite(str(path), ())[0], done.results)
    rows = {r.entry: r for r in board.tables[0].rows}
    assert rows["least-squares"].rank == (1, 1)
    assert rows["oracle (privileged)"].rank is None
    assert "privileged" in rows["oracle (privileged)"].unranked


def test_without_the_suites_word_nothing_privileged_is_given(learning, run):
    done = run(learning(["oracle"], metrics=["error"]))
    assert {n["outcome"] for n in done.ended if n["step"] == "fit"} == {"error"}
    assert all("truth" in n["reason"] for n in done.ended if n["step"] == "fit")


def test_what_a_model_lacks_is_skipped_with_the_reason_and_stays_so(learning, run):
    for _ in range(2):
        done = run(learning(["guess"]))
        reasons = {(n["outcome"], n["reason"]) for n in done.ended if n["step"] == "words"}
        assert reasons == {("skipped", "the model has no explain()")}
        assert done.done.exit_code == 0
    assert not [n for n in done.ended if not n["cached"] and n["step"] == "explain"]
