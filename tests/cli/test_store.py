"""The verbs of ``harness store`` on a store that a real run made."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

TOY = Path(__file__).parents[1] / "toy"


@pytest.fixture(scope="session")
def made(tmp_path_factory, families):
    """A results folder that a run of the toy suite left."""
    import os
    import subprocess
    import sys

    results = tmp_path_factory.mktemp("made") / "results"
    command = [sys.executable, "-c", "from harness.cli import main; main()", "run"]
    command += [str(TOY / "suite.yaml"), "--results", str(results), "--limit", "3", "-j", "2"]
    env = {**os.environ, "HARNESS_DISABLE_PLUGINS": families}
    subprocess.run(command, check=True, capture_output=True, env=env)
    return results


@pytest.fixture
def results(made, tmp_path):
    return Path(shutil.copytree(made, tmp_path / "results"))


def run(cli, results):
    told = cli("run", TOY / "suite.yaml", "--results", results, "--limit", "3", "-j", "2")
    assert told.code == 0
    return next(line for line in told.out.splitlines() if "reused" in line and "nodes:" in line)


def test_info(cli, results):
    told = json.loads(cli("store", "info", "--json").out)
    assert set(told["nodes"]) == {"ok"}
    assert set(told["named"]) == {"packed", "unpacked"}
    assert told["orphans"] == [0, 0]
    lines = cli("store", "info").out
    assert f"{told['artifacts']} files" in lines
    assert "unused" not in lines


def test_verify_finds_damage_and_the_next_run_heals_it(cli, results):
    assert cli("store", "verify").code == 0
    whole = run(cli, results)
    artifact = next(f for f in (results / "store" / "artifacts").rglob("*") if f.is_file())
    artifact.write_bytes(bytes(artifact.stat().st_size))
    told = cli("store", "verify")
    assert told.code == 1
    first = told.out.splitlines()[0]
    assert first.startswith("✗ ")
    assert f"{artifact.relative_to(results)} is damaged" in first
    assert "the next run makes them again" in told.out
    assert run(cli, results) != whole, "nodes were made again"
    assert run(cli, results) == whole
    assert cli("store", "verify").code == 0


def test_prune_when_the_disk_is_full(cli, results):
    scores = results / "toy" / "scores.parquet"
    before = scores.read_bytes()
    told = cli("store", "prune", "--artifacts", "unpacked")
    assert told.code == 0
    assert "freed" in told.out
    named = json.loads(cli("store", "info", "--json").out)["named"]
    assert set(named) == {"packed"}
    assert scores.read_bytes() == before
    assert cli("store", "verify").code == 0
    run(cli, results)
    named = json.loads(cli("store", "info", "--json").out)["named"]
    assert set(named) == {"packed", "unpacked"}, "a run makes them again"


def test_merge_makes_another_machine_reuse_everything(cli, results, tmp_path):
    there = tmp_path / "there"
    told = cli("store", "merge", results, "--results", there)
    assert told.code == 0
    assert " ok; " in told.out
    assert "nodes: none new; 0 artifacts" in cli("store", "merge", results, "--results", there).out
    line = run(cli, there)
    nodes, reused = line.split()[0], line.split(";")[1].split()[0]
    assert nodes == reused


def test_merge_tells_what_is_damaged(cli, results, tmp_path):
    artifact = next(f for f in (results / "store" / "artifacts").rglob("*") if f.is_file())
    artifact.write_bytes(bytes(artifact.stat().st_size))
    told = cli("store", "merge", results, "--results", tmp_path / "there")
    assert told.code == 1
    assert "was left out: its artifacts are damaged" in told.out


def test_merge_onto_a_full_disk_is_one_line(cli, results, tmp_path, monkeypatch):
    import errno
    import os

    def fail(code):
        def raise_(*args):
            raise OSError(code, os.strerror(code))

        return raise_

    with monkeypatch.context() as full:
        full.setattr(os, "link", fail(errno.EXDEV))
        full.setattr(shutil, "copyfile", fail(errno.ENOSPC))
        told = cli("store", "merge", results, "--results", tmp_path / "there")
    assert told.code == 2
    assert len(told.err.splitlines()) == 1
    assert "the disk is full" in told.err
    assert cli("store", "merge", results, "--results", tmp_path / "there").code == 0


def test_info_tells_what_is_unused_and_what_is_damaged(cli, results):
    journal = results / "store" / "journal.jsonl"
    data = journal.read_bytes()
    at = data.index(b'"t":"node"')
    journal.write_bytes(data[:at] + b"?" + data[at + 1 :])
    told = cli("store", "info").out
    assert "harness store prune" in told
    assert told.splitlines()[-1].endswith("is damaged and was passed over")
    assert cli("store", "prune").code == 0
    assert "damaged" not in cli("store", "info").out


def test_export(cli, results, tmp_path):
    told = cli("store", "export", tmp_path / "all.parquet")
    assert told.code == 0
    nodes = json.loads(cli("store", "info", "--json").out)["nodes"]["ok"]
    table = pq.read_table(tmp_path / "all.parquet")
    assert table.num_rows == nodes
    rows = table.to_pylist()
    assert {r["step"] for r in rows} == {"pack", "unpack", "size", "likeness"}
    assert all(r["value"] > 0 for r in rows if r["step"] == "size")
    assert json.loads(rows[0]["point"]).keys() == {"level"}


@pytest.mark.parametrize("verb", ["info", "verify", "prune", "export x.parquet"])
def test_without_a_store_one_line_and_nothing_made(cli, tmp_path, verb):
    told = cli("store", *verb.split())
    assert told.code == 2
    assert told.err == "harness: results: there is no store here; 'harness run' makes one\n"
    assert list(tmp_path.iterdir()) == []


def test_bad_input_is_one_line(cli, results, tmp_path):
    for words, line in {
        ("prune", "--artifacts", "unpaked"): "no artifact is called 'unpaked'",
        ("merge", "nowhere"): "nowhere: there is no store here",
        ("merge", "results"): "results/store is this store itself",
        ("export", "table.csv"): "table.csv: expected a name that ends in .parquet",
        ("export", "no/where.parquet"): "no is no folder",
    }.items():
        told = cli("store", *words)
        assert told.code == 2, words
        assert len(told.err.splitlines()) == 1
        assert line in told.err


def test_a_store_in_use_is_told(cli, results):
    from harness.store import Store

    store = Store(results / "store", write=True)
    try:
        assert "another harness process is writing" in cli("store", "verify").err
        assert cli("store", "info").code == 0
    finally:
        store.close()
