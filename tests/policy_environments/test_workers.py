"""Whole runs through workers: the same bytes for any number of them, and outcomes of failures."""

from __future__ import annotations

import math

import pytest

pytest.importorskip("Box2D")


def test_trajectories_are_the_same_bytes_for_one_worker_and_for_two(suite_of, run, tmp_path):
    """And for blocks in another order, with other blocks missing before them."""
    models = ["player-random", "player-deep"]
    path = suite_of("confounded_lunarlander", models, params={"episodes": 12, "block": 3})
    one = run(path, jobs=1, results=tmp_path / "one")
    two = run(path, jobs=2, results=tmp_path / "two")
    first, second = one.artifacts("trajectories"), two.artifacts("trajectories")
    assert first == second
    assert len(first) == 8
    numbers = {"episodes": 12, "block": 3, "demonstrations": 4, "heldout": 3, "budget": 1000}
    for item in ("block3", "block1"):
        use = {"name": "confounded_lunarlander", "params": numbers, "items": [item]}
        late = suite_of("confounded_lunarlander", ["player-deep"], name=item, datasets=[use])
        done = run(late, jobs=1, results=tmp_path / "late").artifacts("trajectories")
    assert [item for _, item, _ in done] == ["block3", "block1"]
    assert done.items() <= first.items()


def test_fit_is_not_done_again_when_the_suite_grows(suite_of, run):
    run(suite_of("confounded_mdp", ["player-looks"]))
    more = run(suite_of("confounded_mdp", ["player-looks"], name="more", params={"episodes": 12}))
    cached = {n["step"]: n["cached"] for n in more.ended if n["step"] in {"fit", "demonstrate"}}
    assert cached["fit"]
    rollouts = [n["cached"] for n in more.ended if n["step"] == "rollout"]
    assert sorted(rollouts) == [False, False, True, True]


def test_each_episode_is_a_row_and_what_was_used_a_column(suite_of, run):
    done = run(
        suite_of(
            "confounded_mdp",
            ["player-random", "player-asks"],
            metrics=["gained", "used", "surprise"],
        )
    )
    scores = done.table("scores")
    rows = [r for r in scores if r["metric"] == "gained" and r["entry"] == "player-random"]
    assert [r["item"] for r in rows] == [f"block{b}:{e}" for b in range(2) for e in range(3)]
    used = {r["entry"]: r["value"] for r in scores if r["metric"] == "used"}
    assert used == {"player-random": 0.0, "player-asks": 26.0}
    surprise = [r["value"] for r in scores if r["metric"] == "surprise"]
    assert surprise == pytest.approx([math.log(3)] * 2)


def test_failures_are_outcomes(suite_of, run):
    done = run(suite_of("confounded_mdp", ["player-wrong", "player-nan", "player-heuristic"]))
    found = {(n["entry"], n["outcome"]) for n in done.ended if n["step"] == "rollout"}
    assert found == {
        ("player-wrong", "invalid"),
        ("player-nan", "nonfinite"),
        ("player-heuristic", "error"),
    }
    reasons = {n["reason"] for n in done.ended if n["outcome"] == "invalid"}
    assert reasons == {"action 3 is not in 0…2"}
    skipped = [n["reason"] for n in done.ended if n["step"] == "replay"]
    assert "the model has no action_probabilities()" in skipped


def test_only_rows_that_the_suite_calls_privileged_are_shown_contexts(suite_of, run):
    models = ["player-spy", {"name": "player-spy", "privileged": True}]
    done = run(suite_of("confounded_mdp", models))
    fits = {n["entry"]: n["outcome"] for n in done.ended if n["step"] == "fit"}
    assert fits == {"player-spy": "ok", "player-spy (privileged)": "error"}
    assert {n["outcome"] for n in done.ended if n["entry"] == "player-spy"} == {"ok"}
