"""How to add a family: what the page quotes is what the files say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "family.md"
BLOCKS = re.findall(
    r"^```\w+\n# (\S+\.\w+)\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL
)


def misquoted(quote: str, source: str) -> str:
    """Return the first part of a quotation that the source does not hold, in its order.

    ``# …`` on a line of its own stands for lines that are left out.
    """
    place = 0
    for part in re.split(r"^# …\n", quote, flags=re.MULTILINE):
        found = source.find(part, place)
        whole_lines = found <= 0 or source[found - 1] == "\n"
        if found < 0 or not whole_lines:
            return part
        place = found + len(part)
    return ""


@pytest.mark.parametrize(("file", "quote"), BLOCKS, ids=[f for f, _ in BLOCKS])
def test_a_quotation_is_what_the_file_says(example, file, quote):
    assert misquoted(quote, (example / file).read_text()) == ""


def test_every_kind_of_file_is_quoted_and_misquotations_are_found():
    assert {file for file, _ in BLOCKS} >= {
        "pyproject.toml",
        "harness_ordering/__init__.py",
        "harness_ordering/ordering.yaml",
        "harness_ordering/stages.py",
        "harness_ordering/metrics.py",
    }
    source = "one\ntwo\n  three\nfour\n"
    for quote in ("one\ntwo\n", "one\n# …\nfour\n", "two\n# …\n", "# …\n  three\n"):
        assert misquoted(quote, source) == ""
    for quote in ("one\nthree\n", "four\n# …\none\n", "three\n", "One\n", "five\n"):
        assert misquoted(quote, source), quote


def test_a_suite_is_quoted_as_a_whole(example):
    quote = dict(BLOCKS)["harness_ordering/ordering.yaml"]
    assert quote == (example / "harness_ordering" / "ordering.yaml").read_text()


def test_what_the_package_s_own_page_names_is_there(example):
    text = (example / "README.md").read_text()
    for target in re.findall(r"\]\((\S+?)\)", text):
        assert (example / target).resolve().is_file(), target
