from __future__ import annotations

import hashlib
import math

import pytest

from harness.store import Store


@pytest.fixture
def prices(tmp_path):
    path = tmp_path / "prices.json"
    path.write_text('{"box": 2.5, "crate": Infinity, "drone": NaN}')
    return path


def test_record_of_a_file(shop, prices, tmp_path):
    told = shop("import", prices, "--source", "Price list 2026")
    assert told.code == 0
    assert told.out == "✓ Price list 2026 (pricelist): 3 scores of box, crate, drone\n"
    digest = hashlib.sha256(prices.read_bytes()).hexdigest()
    (record,) = Store(tmp_path / "results" / "store").published.values()
    assert record["digest"] == digest
    assert record["source"] == "Price list 2026"
    assert record["format"] == "pricelist"
    values = [score["value"] for score in record["scores"]]
    assert values[:2] == [2.5, math.inf]
    assert math.isnan(values[2])
    assert record["scores"][1] == {
        "model": "crate",
        "dataset": "letters",
        "metric": "price",
        "value": math.inf,
        "position": 1,
        "item": None,
        "signature": "published",
        "unit": "",
        "joins": False,
        "replicates": [],
        "n": 0,
        "better": "none",
        "source": "",
    }


def test_the_same_file_again_changes_nothing(shop, prices, tmp_path):
    shop("import", prices)
    journal = tmp_path / "results" / "store" / "journal.jsonl"
    before = journal.read_bytes()
    told = shop("import", prices, "--source", "other")
    assert (told.code, told.out) == (0, "· other: imported already, as prices.json\n")
    assert journal.read_bytes() == before


def test_one_file_twice_in_one_command(shop, prices, tmp_path):
    assert shop("import", prices, prices).code == 0
    assert len(Store(tmp_path / "results" / "store").published) == 1


@pytest.mark.parametrize(
    ("content", "options", "line"),
    [
        ("[]", ["--format", "pricelist"], "not pricelist: expected an object of model to price"),
        ("{}", ["--format", "pricelist"], "there is no score in it"),
        ('{"a": [1]}', ["--format", "pricelist"], "importer pricelist failed: TypeError"),
        ("abc", [], "not pricelist: not JSON; not tariff: line 1"),
        ("", [], "there is no score in it"),
        ("12", ["--format", "tarif"], "unknown importer 'tarif' (did you mean 'tariff'?)"),
    ],
)
def test_bad_file_is_one_line_and_nothing_is_written(shop, tmp_path, content, options, line):
    path = tmp_path / "bad.txt"
    path.write_text(content)
    told = shop("import", path, *options)
    assert told.code == 2
    assert len(told.err.splitlines()) == 1
    assert line in told.err
    assert not (tmp_path / "results").exists()


def test_one_bad_file_among_good_ones_writes_nothing(shop, prices, tmp_path):
    told = shop("import", prices, tmp_path / "nope")
    assert told.code == 2
    assert told.err == f"harness: {tmp_path}/nope: No such file or directory\n"
    assert not (tmp_path / "results").exists()


def test_two_importers_that_take_a_file(shop, cli, tmp_path):
    (tmp_path / "any.py").write_text(
        "from harness import Importer, PublishedScore, hookimpl\n"
        "@hookimpl\n"
        "def harness_importers(): return [Importer(name='any', read='any:read')]\n"
        "def read(path, data):\n"
        "    return [PublishedScore(model='m', dataset='d', metric='x', value=1.0)]\n"
    )
    (tmp_path / "t.txt").write_text("3\n")
    told = shop("import", tmp_path / "t.txt", "--plugin", tmp_path / "any.py")
    assert told.code == 2
    assert "several importers take it: say --format, one of any, tariff" in told.err
