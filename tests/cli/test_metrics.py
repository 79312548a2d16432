from __future__ import annotations

import json
from pathlib import Path

import pytest

SCALES = Path(__file__).parent / "scales.py"


@pytest.fixture
def scales(cli):
    """Call ``harness metrics crosscheck`` with the plugin ``scales.py``."""
    return lambda *args: cli("metrics", "crosscheck", *args, "--plugin", SCALES)


def lines(told):
    return {line.split()[1]: line for line in told.out.splitlines() if line[:1] in set("✓✗·")}


def test_each_check_is_a_line_with_both_numbers_and_what_they_may_differ(scales):
    told = scales("apple", "pear")
    assert told.code == 0
    apple, pear = lines(told)["apple"], lines(told)["pear"]
    assert apple.split() == [
        *(
            "✓",
            "apple",
            "2",
            "2.0005",
            "5.0e-04",
            "of",
            "1.0e-03",
            "2",
            "0.0e+00",
            "of",
            "1.0e-06",
        ),
        *("ours", "·", "theirs", "1.0"),
    ]
    assert pear.split()[:8] == ["✓", "pear", "2", "2.5", "0.5", "0.0e+00", "of", "1.0e-03"]
    assert told.out.splitlines()[-1] == "2 agree"


@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("apple", "agree"),
        ("pear", "agree"),
        ("void", "agree"),
        ("plum", "apart"),
        ("nut", "apart"),
        ("fig", "drifted"),
        ("egg", "error"),
        ("melon", "unavailable"),
        ("grape", "unavailable"),
    ],
)
def test_what_comes_of_it_and_the_code_it_ends_with(scales, name, outcome):
    told = scales(name, "--json")
    (row,) = json.loads(told.out)
    assert row["outcome"] == outcome
    assert told.code == {"agree": 0, "unavailable": 5}.get(outcome, 4)
    assert name in lines(scales(name))


def test_one_that_differs_spoils_the_rest_and_one_that_is_not_here_does_not(scales):
    assert scales("apple", "melon").code == 0
    assert scales("apple", "plum").code == 4
    told = scales()
    assert told.code == 4
    assert told.out.splitlines()[-1] == ("3 agree · 1 error · 1 drifted · 2 unavailable · 2 apart")


def test_reasons_stand_on_the_line(scales):
    found = lines(scales())
    assert found["melon"].endswith('(oakwood is not installed; pip install "harness[wood]")')
    assert found["grape"].endswith("(no grapes in winter; wait)")
    assert found["egg"].endswith("(AttributeError: no attribute 'norm' in version 5)")
    assert found["plum"].endswith("(the two differ by more than they may)")
    assert found["fig"].endswith("(it is not what it was)")
    assert found["egg"].startswith("✗")
    assert found["melon"].startswith("·")


def test_json_holds_the_numbers_and_no_nan(scales):
    told = scales("pear", "nut", "--json")
    pear, nut = sorted(json.loads(told.out), key=lambda row: row["name"], reverse=True)
    assert pear == {
        "name": "pear",
        "summary": "the weight of a pear",
        "outcome": "agree",
        "canonical": {"by": "ours", "value": 2.0},
        "second": {"by": "theirs 1.0", "value": 2.5},
        "apart": 0.5,
        "difference": 0.0,
        "difference_allowed": 0.001,
        "pinned": 2.0,
        "drift": 0.0,
        "drift_allowed": 1e-06,
        "reason": "",
        "remedy": "",
    }
    assert nut["second"]["value"] is None
    assert nut["difference"] is None


def test_what_packages_print_is_no_output(scales):
    told = scales("apple", "--json")
    assert "noisy" in told.err
    assert json.loads(told.out)


def test_globs_choose(scales):
    assert set(lines(scales("p*", "pear"))) == {"pear", "plum"}


def test_bad_names_are_usage(scales):
    told = scales("aple", "pear", "x*")
    assert (told.code, told.out) == (2, "")
    assert told.err.splitlines() == [
        "harness: unknown crosscheck 'aple' (did you mean 'apple'?)",
        "harness: unknown crosscheck 'x*'",
    ]


def test_without_any_there_is_nothing_to_compare(cli):
    told = cli("metrics", "crosscheck")
    assert (told.code, told.out) == (5, "no plugin declares a crosscheck\n")


def test_they_are_listed_and_shown(cli):
    told = cli("list", "crosschecks", "--plugin", SCALES)
    assert "✓  apple  ours · theirs 1.0  the weight of a apple" in told.out
    assert "(oakwood is not installed" in told.out
    (fact,) = json.loads(cli("show", "pear", "--json", "--plugin", SCALES).out)
    assert (fact["what"], fact["apart"], fact["pinned"]) == ("crosscheck", 0.5, 2.0)
