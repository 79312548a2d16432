"""Votes between pairs, to preferences."""

from __future__ import annotations

import csv
import io
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.spec import ANY_DATASET
from harness_plugins.generative.solids.votes import Vote, preferences, read

MODELS = ("a", "b", "c (1 step)")
HEADER = "prompt,left,right,choice\n"


@st.composite
def a_vote(draw):
    left, right = draw(st.permutations(MODELS))[:2]
    choice = draw(st.sampled_from(["left", "right", "tie"]))
    return Vote(draw(st.sampled_from(["red cube", "x, y"])), left, right, choice)


VOTES = st.lists(a_vote(), min_size=1, max_size=25)


def shares(votes):
    return {score.model: score.value for score in preferences(votes)}


def mirrored(vote):
    choice = {"left": "right", "right": "left", "tie": "tie"}[vote.choice]
    return Vote(vote.prompt, vote.right, vote.left, choice, vote.voter)


@given(votes=VOTES)
def test_shares_are_those_that_one_counts(votes):
    won, met = Counter(), Counter()
    for vote in votes:
        met.update((vote.left, vote.right))
        if vote.choice == "tie":
            won.update({vote.left: 0.5, vote.right: 0.5})
        else:
            won[vote.left if vote.choice == "left" else vote.right] += 1
    assert shares(votes) == {name: pytest.approx(won[name] / met[name]) for name in met}


@given(votes=VOTES)
def test_half_of_all_votes_is_won(votes):
    found = preferences(votes)
    total = sum(score.value * score.n for score in found)
    assert total == pytest.approx(len(votes))
    assert sum(score.n for score in found) == 2 * len(votes)


@given(votes=VOTES, data=st.data())
def test_order_changes_nothing_and_sides_change_no_share(votes, data):
    order = data.draw(st.permutations(votes))
    assert preferences(order) == preferences(votes)
    assert shares(map(mirrored, votes)) == shares(votes)


@given(votes=VOTES)
def test_replicates_lie_around_the_share(votes):
    for score in preferences(votes):
        replicates = np.array(score.replicates)
        assert np.isfinite(replicates).all()
        assert ((replicates >= 0) & (replicates <= 1)).all()
        assert abs(replicates.mean() - score.value) < 0.1


def test_the_interval_is_that_of_a_share():
    votes = [Vote("p", "a", "b", "left" if n < 60 else "right") for n in range(100)]
    score = preferences(votes)[0]
    assert (score.model, score.value, score.n) == ("a", 0.6, 100)
    assert np.std(score.replicates) == pytest.approx(np.sqrt(0.6 * 0.4 / 100), rel=0.05)


def test_votes_of_one_person_are_drawn_together():
    one = [Vote("p", "a", "b", "left" if n < 6 else "right", str(n)) for n in range(10)]
    many = [vote for vote in one for _ in range(10)]
    apart, together = preferences(one)[0], preferences(many)[0]
    assert together.value == apart.value
    assert np.std(together.replicates) == pytest.approx(np.std(apart.replicates), rel=0.1)
    assert "bootstrap of voters" in together.signature
    unnamed = [Vote(v.prompt, v.left, v.right, v.choice) for v in many]
    assert np.std(preferences(unnamed)[0].replicates) < np.std(together.replicates) / 2


def test_the_signature_tells_whether_all_met_equally_often():
    pairs = [("a", "b"), ("b", "c"), ("a", "c")]
    balanced = [Vote("p", left, right, "tie") for left, right in pairs]
    assert "all pairs equally often" in preferences(balanced)[0].signature
    assert "pairs not equally often" in preferences(balanced[:2])[0].signature
    assert "pairs not equally often" in preferences([*balanced, balanced[0]])[0].signature


@given(votes=VOTES)
def test_a_file_gives_what_its_votes_give(votes):
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["choice", "left", "right", "prompt"])
    writer.writerows([v.choice, v.left, v.right, v.prompt] for v in votes)
    assert read(Path("v.csv"), text.getvalue().encode()) == preferences(votes)


def test_scores_join_the_rows_that_they_are_about():
    data = f"{HEADER}red cube,a,b,left\nred cube,b,a,tie\n".encode("utf-8-sig")
    found = read(Path("v.csv"), data)
    assert [(s.model, s.value) for s in found] == [("a", 0.75), ("b", 0.25)]
    assert all(s.joins and s.metric == "user_preference" for s in found)
    assert {s.dataset for s in found} == {ANY_DATASET}
    assert {s.better for s in found} == {"higher"}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "v.csv:1: expected a column 'prompt'"),
        ("prompt,left,right\n", "v.csv:1: expected a column 'choice'"),
        (
            "prompt,left,right,choice,votre\n",
            r"v.csv:1: unknown column 'votre' \(did you mean 'voter'\?\)",
        ),
        ("prompt,left,right,choice,left\n", "v.csv:1: column 'left' stands here twice"),
        (HEADER, "v.csv: there is no vote in it"),
        (f"{HEADER}p,a,b\n", "v.csv:2: 3 cells, expected 4"),
        (f"{HEADER}p,a,b,left\n\np,a,b,lift\n", r"v.csv:4: choice is left.*got 'lift' \(did you"),
        (f"{HEADER}p,a,a,left\n", "v.csv:2: 'a' is compared with itself"),
        (f"{HEADER}p,,b,left\n", "v.csv:2: left is empty"),
        (f'{HEADER}"p,a,b,left\n', "v.csv:2: unexpected end of data"),
        ("model,dataset,metric,value\nx,*,y,1\n", "v.csv:1: expected a column 'prompt'"),
    ],
)
def test_faults_are_told_in_one_line(text, fault):
    with pytest.raises(ValueError, match=fault) as raised:
        read(Path("some/v.csv"), text.encode())
    assert "\n" not in str(raised.value)


def test_bytes_that_are_no_text_are_refused():
    with pytest.raises(ValueError, match=r"v\.csv: not UTF-8 text"):
        read(Path("v.csv"), b"prompt,\xff")


@given(text=st.text(max_size=60))
def test_any_text_is_read_or_refused_by_a_value_error(text):
    try:
        found = read(Path("v.csv"), (HEADER + text).encode())
    except ValueError as error:
        found = str(error)
    assert found
    assert not isinstance(found, str) or "\n" not in found
