"""``harness check`` on a copy of the toy family that has a conformance suite."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

TOY = Path(__file__).parents[1] / "toy" / "toy.py"

SUITE = """\
name: toy-conformance
tasks: [toy/squeeze]
datasets: [{name: words, params: {count: 3}}]
models: [zip]
metrics: [size, likeness]
limits: {seconds: 20, memory: 1 GB}
"""


@pytest.fixture
def toy(cli, tmp_path):
    """Call the program with the toy family, which now names a conformance suite."""
    (tmp_path / "s.yaml").write_text(SUITE)
    source = TOY.read_text().replace(
        'interface="toy:Squeezer",', 'interface="toy:Squeezer", conformance="toy-conformance",'
    )
    source = source.replace('squeezer("faulty")', 'squeezer("faulty"), *MORE')
    source += (
        "\nfrom harness import SuiteFile\n"
        "from dataclasses import replace\n"
        "MORE = [replace(squeezer('raises'), params={'fault': 'raise'}),\n"
        "        replace(squeezer('elsewhere'), requires=('nosuchthing',)),\n"
        "        replace(squeezer('orphan'), family='none')]\n"
        "@hookimpl\n"
        "def harness_suites():\n"
        f"    return [SuiteFile(name='toy-conformance', path={str(tmp_path / 's.yaml')!r})]\n"
    )
    # another module than the toy family's, which other tests of this process import
    (tmp_path / "conforming.py").write_text(source.replace('"toy:', '"conforming:'))
    return lambda *args: cli(*args, "--plugin", tmp_path / "conforming.py")


def test_a_model_that_keeps_to_it(toy, tmp_path):
    told = toy("check", "zip", "-j", "2")
    assert told.code == 0
    header, *lines = told.out.splitlines()
    assert header.split() == ["model", "check", "nodes", "kept"]
    assert [line.split() for line in lines] == [
        ["✓", "zip", step, "12", "yes"] for step in ("pack", "unpack", "size", "likeness")
    ]
    assert not (tmp_path / "results").exists()


def test_scores_that_are_not_the_best_and_stages_that_fail(toy):
    told = toy("check", "lossy", "raises", "zip", "--json")
    assert told.code == 3
    checks = {(c["model"], c["check"]): c for c in json.loads(told.out)}
    assert len(checks) == 12
    assert checks["zip", "likeness"]["mark"] == "ok"
    assert checks["lossy", "size"]["mark"] == "ok", "its range has no best value"
    lossy = checks["lossy", "likeness"]
    assert (lossy["mark"], lossy["nodes"], lossy["failed"]) == ("no", 12, 12)
    assert lossy["text"] == "not in 12: 0.1, expected 1 (text00000, level 1)"
    raises = checks["raises", "pack"]
    assert (raises["mark"], raises["failed"]) == ("no", 4)
    assert "this text is too hard" in raises["text"]
    assert checks["raises", "unpack"]["mark"] == "none", "it was skipped, it did not fail"


def test_nothing_could_be_checked(toy):
    told = toy("check", "elsewhere")
    assert told.code == 5
    assert "unavailable: nosuchthing is not installed" in told.out
    assert "✗" not in told.out


def test_results_are_kept_where_asked(toy, tmp_path):
    assert toy("check", "zip", "--results", tmp_path / "kept").code == 0
    assert (tmp_path / "kept" / "toy-conformance" / "scores.parquet").is_file()


def test_the_conformance_suite_can_be_shown(toy):
    (suite,) = json.loads(toy("show", "toy-conformance", "--json").out)
    assert suite["rows"] == ["zip"]
    assert suite["datasets"] == ["words"]
    assert suite["tasks"] == ["toy/squeeze"]


def test_full_disk_is_one_line(toy, monkeypatch):
    from importlib import import_module

    from harness.store import StoreFull

    def fill(*args, **options):
        raise StoreFull("results: the disk is full")

    monkeypatch.setattr(import_module("harness.run"), "run_suite", fill)
    told = toy("check", "zip")
    assert (told.code, told.err) == (6, "harness: results: the disk is full\n")


def test_bad_names_are_all_told(toy, shop):
    told = toy("check", "zap", "zip", "orphan")
    assert told.code == 2
    assert told.err.splitlines() == [
        "harness: unknown model 'zap' (did you mean 'zip'?)",
        "harness: unknown family 'none'",
    ]
    assert told.out == ""
    told = shop("check", "box")
    assert told.code == 2
    assert told.err == "harness: family 'post' has no conformance suite\n"
