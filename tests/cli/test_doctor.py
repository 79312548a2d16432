from __future__ import annotations

import json
import os
import sys

import pytest


def test_nothing_is_broken(cli):
    told = cli("doctor")
    assert told.code == 0
    assert told.out.splitlines()[-1] == "✓ nothing is broken"


def test_broken_things_end_with_1(shop):
    told = shop("doctor")
    assert told.code == 1
    assert "✗ rocket: RuntimeError: boom" in told.out
    assert "! drone, van: no pilot's licence; fly: harness school" in told.out
    assert "· attic: attic needs a directory" in told.out, "which is no fault"
    assert told.out.splitlines()[-1] == "✗ 1 broken"


def test_json_counts_what_is_broken(shop):
    told = shop("doctor", "--json")
    data = json.loads(told.out)
    assert told.code == 1
    assert data["broken"] == 1
    assert data["system"]["cores"]
    assert any("crate" in f["text"] for f in data["availability"])


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("from harness import hookimpl\n@hookimpl\ndef harness_modells(): ...", "unknown hook"),
        (
            "from harness import hookimpl\n@hookimpl\ndef harness_models(): return [1]",
            "returned 1, expected Model",
        ),
    ],
)
def test_broken_plugin_is_told(cli, tmp_path, source, line):
    (tmp_path / "bad.py").write_text(source)
    told = cli("doctor", "--plugin", tmp_path / "bad.py")
    assert told.code == 1
    assert any(o.startswith("✗ bad (") and line in o for o in told.out.splitlines())


def test_conflict_is_told(cli, tmp_path):
    for name in ("one", "two"):
        (tmp_path / f"{name}.py").write_text(
            "from harness import Device, hookimpl\n"
            "@hookimpl\n"
            "def harness_devices():\n"
            "    return [Device(name='moon', kind='simulated', factory='m:M')]\n"
        )
    told = cli("doctor", "--plugin", tmp_path / "one.py", "--plugin", tmp_path / "two.py")
    assert told.code == 1
    assert "✗ devices: 'moon' is claimed by one and two; remove one" in told.out


def test_heavy_declaration_is_a_warning(cli, tmp_path, monkeypatch):
    package = tmp_path / "fake"
    package.mkdir()
    (package / "skimage.py").write_text("")
    monkeypatch.syspath_prepend(str(package))
    monkeypatch.delitem(sys.modules, "skimage", raising=False)
    (tmp_path / "slow.py").write_text("import skimage")
    told = cli("doctor", "--plugin", tmp_path / "slow.py")
    assert told.code == 0
    assert "imports skimage when it is listed" in told.out
    sys.modules.pop("skimage", None)  # the fake one, which must not come back


def test_extra_that_lacks_something(cli, tmp_path, monkeypatch):
    info = tmp_path / "site" / "incomplete-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: incomplete\nVersion: 1.0\nProvides-Extra: wood\n"
        "Requires-Dist: click\nRequires-Dist: oakwood>=2; extra == 'wood'\n"
    )
    (info / "entry_points.txt").write_text("[harness]\nincomplete = incomplete\n")
    (tmp_path / "site" / "incomplete.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    told = cli("doctor")
    assert told.code == 0
    assert '! incomplete[wood] lacks oakwood; pip install "incomplete[wood]"' in told.out


def test_results_that_are_no_folder(cli, tmp_path):
    (tmp_path / "file").write_text("")
    told = cli("doctor", "--results", tmp_path / "file" / "results")
    assert told.code == 1
    assert "is no folder" in told.out


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_results_that_cannot_be_written(cli, tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    told = cli("doctor", "--results", tmp_path / "locked" / "results")
    assert told.code == 1
    assert "cannot be written" in told.out
