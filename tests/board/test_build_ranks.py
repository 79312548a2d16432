"""Ranks, and who is marked best."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

ONE = ({},)


def ladder(lab, steps, items=20, **more):
    """Entries that differ by steps on every item, with a little noise."""
    hard = np.random.default_rng(1).normal(30, 3, items)
    return [
        r
        for n, (label, step) in enumerate(steps.items())
        for r in lab.rows(
            label,
            "psnr",
            hard + step + np.random.default_rng(n + 2).normal(0, 0.05, items),
            ONE,
            **more,
        )
    ]


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=st.lists(st.sampled_from([0.0, 0.01, 0.03, 0.1, 1.0, 5.0]), min_size=2, max_size=6))
def test_tie_groups_are_consistent_and_best_is_the_first_group(lab, steps):
    labels = {f"m{n}": s for n, s in enumerate(steps)}
    suite = lab.suite(dict.fromkeys(labels, ONE), rank_by="psnr", replicates=400)
    (table,) = lab.board(suite, ladder(lab, labels), size=20).tables
    ranks = {r.entry: r.rank for r in table.rows}
    count = len(ranks)
    assert all(1 <= low <= high <= count for low, high in ranks.values())
    # Pairs are judged once: places lost by some are places gained by others.
    assert sum(low - 1 for low, _ in ranks.values()) == sum(count - h for _, h in ranks.values())
    values = [r.cells["psnr"].value for r in table.rows]
    assert values == sorted(values, reverse=True)
    for row in table.rows:
        assert row.cells["psnr"].best == (row.rank[0] == 1)


def test_equal_entries_tie_with_each_other_and_separate_from_a_worse_one(lab):
    rows = [r for e in "ab" for r in lab.rows(e, "psnr", np.linspace(30, 40, 12), ONE)]
    rows += lab.rows("c", "psnr", np.linspace(20, 30, 12), ONE)
    found = lab.table(lab.suite(dict.fromkeys("abc", ONE), rank_by="psnr"), rows)
    assert [found[e].rank for e in "abc"] == [(1, 2), (1, 2), (3, 3)]


def test_one_item_separates_nothing(lab):
    rows = [r for n, e in enumerate("abc") for r in lab.rows(e, "psnr", [30.0 + n], ONE)]
    found = lab.table(lab.suite(dict.fromkeys("abc", ONE), rank_by="psnr"), rows, size=1)
    assert {r.rank for r in found.values()} == {(1, 3)}


def test_a_signature_that_differs_is_shown_unranked_with_the_reason(lab):
    rows = ladder(lab, {"a": 0, "b": 1})
    rows += ladder(lab, {"c": 9}, signature="psnr|y|v1")
    made = lab.board(lab.suite(dict.fromkeys("abc", ONE), rank_by="psnr"), rows)
    found = {r.entry: r for r in made.tables[0].rows}
    assert found["c"].rank is None
    assert found["c"].unranked == "its signature differs: psnr|y|v1"
    assert not found["c"].cells["psnr"].best
    assert (found["b"].rank, found["a"].rank) == ((1, 1), (2, 2))
    assert made.signatures["psnr"] == ("psnr|v1", "psnr|y|v1")


def test_an_entry_whose_scores_have_two_signatures_is_not_ranked(lab):
    rows = ladder(lab, {"a": 0, "b": 1, "c": 2})
    rows[-1]["signature"] = "psnr|v2"
    found = lab.table(lab.suite(dict.fromkeys("abc", ONE), rank_by="psnr"), rows)
    assert found["c"].unranked == "its signature differs: psnr|v1 / psnr|v2"


def test_published_numbers_are_neither_ranked_nor_best(lab):
    rows = ladder(lab, {"a": 0, "b": 1}) + lab.quoted("paper", "psnr", [99.0])
    found = lab.table(lab.suite({"a": ONE, "b": ONE}, rank_by="psnr"), rows)
    assert (found["paper"].kind, found["paper"].rank) == ("published", None)
    assert found["paper"].unranked.startswith("published")
    assert found["paper"].source == "A paper"
    assert not found["paper"].cells["psnr"].best
    assert found["b"].cells["psnr"].best
    assert found["b"].rank == (1, 1)


def test_a_published_row_of_a_measured_name_stays_apart(lab):
    rows = ladder(lab, {"a": 0}) + lab.quoted("a", "psnr", [99.0], signature="published")
    made = lab.board(lab.suite({"a": ONE}, rank_by="psnr"), rows)
    found = {(r.entry, r.kind): r for r in made.tables[0].rows}
    assert list(found) == [("a", "measured"), ("a (published)", "published")]
    assert found["a", "measured"].rank == (1, 1)
    assert found["a", "measured"].cells["psnr"].value < 40
    assert found["a (published)", "published"].cells["psnr"].value == 99


@pytest.mark.parametrize("better", ["higher", "lower"])
def test_ranks_follow_a_derived_score(lab, better):
    rows = lab.codec_rows("a") + lab.codec_rows("b", shift=1) + lab.codec_rows("c", shift=-1)
    suite = lab.suite(
        dict.fromkeys("abc", lab.POINTS),
        derived=[lab.derived(better=better)],
        rank_by="gap",
        anchor="a",
    )
    (table,) = lab.board(suite, rows).tables
    assert [r.entry for r in table.rows] == (["b", "a", "c"] if better == "higher" else [*"cab"])
    assert [r.rank for r in table.rows] == [(1, 1), (2, 2), (3, 3)]


def test_ranks_follow_a_time(lab):
    seconds = np.array([[1.0], [2.0], [4.0], [8.0]]) * np.linspace(0.9, 1.1, 12)
    rows = [
        r
        for n, e in enumerate("abc")
        for r in lab.rows(e, "encode_seconds", seconds * (1 + n), signature="seconds|jobs:2")
    ]
    rows += lab.rows("d", "encode_seconds", seconds, signature="seconds|jobs:8")
    found = lab.table(lab.suite(dict.fromkeys("abcd", lab.POINTS), rank_by="encode_seconds"), rows)
    assert [found[e].rank for e in "abcd"] == [(1, 1), (2, 2), (3, 3), None]
    assert found["b"].cells["encode_seconds"].value == pytest.approx(7.5)
    assert found["d"].unranked == "its signature differs: seconds|jobs:8|mean over points"


def test_why_there_is_no_rank_is_always_true(lab):
    def reasons(made, rows):
        return {e: r.unranked for e, r in lab.table(made, rows).items()}

    several = lab.codec_rows("a") + lab.codec_rows("b", shift=1)
    entries = dict.fromkeys("ab", lab.POINTS)
    assert set(reasons(lab.suite(entries), several).values()) == {"the suite ranks by nothing"}
    curve = reasons(lab.suite(entries, rank_by="psnr"), several)["a"]
    assert curve.endswith("over 4 points")
    flat = lab.suite({"a": ONE}, [lab.metric("psnr", "none")], rank_by="psnr")
    assert reasons(flat, ladder(lab, {"a": 0})) == {"a": "no direction of psnr is the better one"}
    bare = lab.suite(entries, derived=[lab.derived(replicates=False)], rank_by="gap", anchor="a")
    assert set(reasons(bare, several).values()) == {"gap comes without replicates"}
    none = lab.suite({"a": ONE, "b": ONE}, rank_by="bpp")
    assert reasons(none, ladder(lab, {"a": 0}))["a"] == "no bpp"
