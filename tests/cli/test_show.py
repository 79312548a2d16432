from __future__ import annotations

import json

import pytest

from harness import Model
from harness.registry import KINDS


def test_a_name_of_two_kinds_shows_both(shop):
    things = json.loads(shop("show", "box", "--json").out)
    assert [t["what"] for t in things] == ["model", "metric"]
    model, metric = things
    assert model["parameters"] == {"tape": True, "side": 30, "colour": "brown"}
    assert model["points"] == {"strength": [1, 2, 3, 5, 8]}
    assert model["variants"] == {"gift": {"colour": "red"}}
    assert model["licence"] == "MIT"
    assert model["plugin"].startswith("shop (")
    assert model["requires"]["click"] == __import__("importlib.metadata").metadata.version("click")
    assert metric["signature"] == "boxness|v1"
    assert metric["available"] is False
    assert metric["what_to_do"] == "harness weights pull box"
    assert metric["weights"][0]["state"] == "missing"


def test_text_tells_what_to_do(shop):
    told = shop("show", "crate").out
    assert "oakwood is not installed" in told
    assert 'pip install "harness[wood]"' in told
    assert "oakwood>=2.0  not installed" in told


def test_text_has_parameters_points_and_variants(shop):
    told = shop("show", "box").out
    for part in ("tape    true", "strength  1, 2, 3, 5, 8", "gift  colour  red", "Stephan"):
        assert part in told


@pytest.mark.parametrize("name", ["parcel", "post/parcel"])
def test_task(shop, name):
    (task,) = json.loads(shop("show", name, "--json").out)
    assert task["name"] == "post/parcel"
    assert task["stages"]["unpack"] == "box → again; per point, item"
    assert task["metrics"] == ["box", "weight"]
    assert task["datasets"] == ["attic", "letters", "things"]


def test_every_name_can_be_shown(shop):
    for kind in KINDS:
        for row in json.loads(shop("list", kind, "--json").out)[kind]:
            told = shop("show", row["name"])
            assert told.code == 0
            assert row["name"] in told.out


def test_broken_plugin_is_shown_with_its_reason(cli, tmp_path):
    (tmp_path / "bad.py").write_text("import nosuchmodule")
    told = cli("show", "bad", "--plugin", tmp_path / "bad.py")
    assert "ModuleNotFoundError: No module named 'nosuchmodule'" in told.out


def test_suite_with_faults_tells_them(cli, tmp_path):
    (tmp_path / "s.yaml").write_text("name: s\n")
    (tmp_path / "p.py").write_text(
        "from harness import SuiteFile, hookimpl\n"
        "@hookimpl\n"
        f"def harness_suites(): return [SuiteFile(name='s', path={str(tmp_path / 's.yaml')!r})]\n"
    )
    told = cli("show", "s", "--plugin", tmp_path / "p.py")
    assert told.code == 0
    assert "this key is missing" in told.out


def test_unknown_names_are_all_told_with_the_nearest(shop):
    told = shop("show", "boxx", "box", "post/parcell")
    assert told.code == 2
    assert told.err.splitlines() == [
        "harness: unknown name 'boxx' (did you mean 'box'?)",
        "harness: unknown name 'post/parcell' (did you mean 'post/parcel'?)",
    ]
    assert told.out == ""


def test_no_fact_of_a_model_is_forgotten(shop):
    (model, _) = json.loads(shop("show", "box", "--json").out)
    renamed = {"params": "parameters", "check": "available", "weights": "available"}
    for field in Model.__dataclass_fields__:
        assert renamed.get(field, field) in model
