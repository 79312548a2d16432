"""A disk that is full or cannot be written: one clear line, nothing damaged."""

from __future__ import annotations

import pyarrow.parquet as pq
import pytest

from harness.store import Store, read_journal


def plates(suite_of, side: int, count: int = 24):
    return suite_of(datasets=[{"name": "plates", "params": {"count": count, "side": side}}])


@pytest.mark.parametrize(
    ("side", "size"),
    [
        (128, "1m"),  # an artifact does not fit
        (8, "200k"),  # the journal does not fit, or many small artifacts
        (8, "40k"),
        (8, "8k"),
        (8, "4k"),
    ],
)
def test_a_full_disk_ends_the_run_and_costs_nothing(program, suite_of, small_disk, side, size):
    disk = small_disk(f"size={size}")
    suite = plates(suite_of, side)
    said = program("run", suite, "--results", disk / "r")
    assert said.returncode == 6, said.stdout
    (line,) = said.stderr.splitlines()
    assert line.startswith(f"harness: {disk}/r")
    assert "the disk is full; what was finished is kept" in line
    assert "run the same command again when there is room" in line
    damage: list[str] = []
    kept = list(read_journal(disk / "r" / "store" / "journal.jsonl", damage))
    assert damage == []
    small_disk("size=40m")
    again = program("run", suite, "--results", disk / "r", "--json")
    assert again.returncode == 0
    store = Store(disk / "r" / "store")
    done = [r["key"] for r in kept if r.get("outcome") == "ok"]
    assert all(store.done(key) for key in done)
    assert again.stdout.count('"cached": true') >= len(done)
    assert len(store.records) == 48


def test_a_disk_that_fills_up_while_tables_are_written(program, suite_of, small_disk):
    disk = small_disk("size=20m")
    suite = plates(suite_of, 8)
    assert program("run", suite, "--results", disk / "r").returncode == 0
    tables = [p.name for p in (disk / "r" / "plates").glob("*.parquet")]
    assert len(tables) == 4
    more = plates(suite_of, 8, count=25)
    used = sum(p.stat().st_blocks * 512 for p in disk.rglob("*") if p.is_file())
    codes = []
    for room in range(4, 400, 4):  # KB: first the journal does not fit, then one table or other
        small_disk(f"size={used // 1024 + room}k")
        said = program("run", more, "--results", disk / "r")
        codes.append(said.returncode)
        if said.returncode == 0:
            break
        assert len(said.stderr.splitlines()) == 1, said.stderr
        for name in tables:  # whole, be it the old or the new one
            assert pq.read_table(disk / "r" / "plates" / name).num_rows > 0
    assert codes[-1] == 0
    assert set(codes[:-1]) == {6}


def test_a_read_only_folder_is_refused_before_anything_runs(program, suite_of, small_disk):
    disk = small_disk("size=20m")
    suite = plates(suite_of, 8, count=2)
    small_disk("ro")
    said = program("run", suite, "--results", disk / "r")
    assert (said.returncode, said.stdout) == (2, "")
    assert said.stderr == (f"harness: {disk}/r/store: cannot be written: Read-only file system\n")
    small_disk("rw")
    assert program("run", suite, "--results", disk / "r").returncode == 0
    small_disk("ro")
    said = program("run", plates(suite_of, 8, count=3), "--results", disk / "r")
    assert said.returncode == 2
    assert len(said.stderr.splitlines()) == 1
    assert program("plan", suite, "--results", disk / "r").returncode == 0


def test_results_in_the_place_of_a_file(program, suite_of, tmp_path):
    (tmp_path / "file").write_text("mine")
    said = program("run", suite_of(), "--results", tmp_path / "file" / "r")
    assert said.returncode == 2
    assert "Not a directory" in said.stderr
    assert (tmp_path / "file").read_text() == "mine"
