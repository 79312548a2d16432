from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.errors import UsageError
from harness.store import Journal, Store, read_journal

RECORDS = st.lists(
    st.fixed_dictionaries(
        {"t": st.just("node"), "key": st.text(max_size=20), "reason": st.text(max_size=30)},
        optional={
            "wall": st.floats(allow_nan=False),
            "notes": st.dictionaries(st.text(), st.text()),
        },
    ),
    min_size=1,
    max_size=8,
)
NEXT = {"t": "node", "key": "next"}
tries = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def written(path: Path, records: list[dict]) -> bytes:
    path.unlink(missing_ok=True)
    journal = Journal(path)
    for record in records:
        journal.append(record)
    journal.close()
    return path.read_bytes()


def read(path: Path) -> tuple[list[dict], list[str]]:
    damage: list[str] = []
    return list(read_journal(path, damage)), damage


@tries
@given(records=RECORDS, data=st.data())
def test_a_journal_cut_at_any_byte_loses_at_most_the_torn_record(tmp_path, records, data):
    path = tmp_path / "journal"
    whole = written(path, records)
    cut = data.draw(st.integers(0, len(whole)))
    path.write_bytes(whole[:cut])
    complete = sum(len(written(tmp_path / "part", records[:n])) <= cut for n in range(1, 9))
    complete = min(complete, len(records))
    kept, damage = read(path)
    assert kept[:complete] == records[:complete]
    assert len(kept) <= complete + 1  # the last newline may be all that is missing
    assert damage == []
    journal = Journal(path)
    journal.append(NEXT)
    journal.close()
    again, damage = read(path)
    assert again == [*kept, NEXT] or again == [*records[:complete], NEXT]
    assert damage == []


@pytest.mark.parametrize("bits", [0x01, 0x0A, 0x20, 0xFF])
def test_a_flipped_byte_anywhere_costs_one_record_at_most_and_is_told(tmp_path, bits):
    path = tmp_path / "journal"
    records = [{"t": "node", "key": k, "reason": "é\n"} for k in ("one", "two", "three")]
    whole = written(path, records)
    for at in range(len(whole)):
        flipped = bytearray(whole)
        flipped[at] ^= bits
        path.write_bytes(flipped)
        kept, damage = read(path)
        lost = [r for r in records if r not in kept]
        assert len(lost) <= 1, at
        assert kept == [r for r in records if r not in lost]
        assert bool(damage) == bool(lost), at
        assert all(str(path) in line for line in damage)


def test_damage_names_file_and_line(tmp_path):
    path = tmp_path / "journal"
    whole = written(path, [{"n": 1}, {"n": 2}, {"n": 3}])
    path.write_bytes(whole.replace(b'"n":2', b'"n":5'))
    kept, damage = read(path)
    assert kept == [{"n": 1}, {"n": 3}]
    assert len(damage) == 1
    assert "is damaged" in damage[0]


def test_a_missing_journal_has_no_records(tmp_path):
    assert read(tmp_path / "none") == ([], [])


def test_reading_while_writing_sees_what_is_written(tmp_path):
    store = Store(tmp_path / "s", write=True)
    for n in range(5):
        store.append({"t": "node", "key": str(n), "outcome": "ok"})
        assert list(Store(tmp_path / "s").records) == [str(i) for i in range(n + 1)]
    with (tmp_path / "s" / "journal.jsonl").open("ab") as file:
        file.write(b'01234567 {"t":"no')  # in the middle of a write
    reader = Store(tmp_path / "s")
    assert len(reader.records) == 5
    assert reader.damage == []
    store.close()


def test_there_is_one_writer_and_many_readers(tmp_path):
    store = Store(tmp_path / "s", write=True)
    with pytest.raises(UsageError, match="another harness process is writing here"):
        Store(tmp_path / "s", write=True)
    Store(tmp_path / "s")
    store.close()
    Store(tmp_path / "s", write=True).close()


def test_a_writer_in_another_process_is_refused(tmp_path):
    code = "import sys, pathlib; from harness.store import Store; "
    code += "Store(pathlib.Path(sys.argv[1]), write=True)"
    store = Store(tmp_path / "s", write=True)
    command = [sys.executable, "-c", code, str(tmp_path / "s")]
    other = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "UsageError" in other.stderr
    assert "another harness process is writing here" in other.stderr
    store.close()


def test_a_reader_makes_nothing(tmp_path):
    assert Store(tmp_path / "s").records == {}
    assert not (tmp_path / "s").exists()


def test_done_wants_the_outcome_and_every_artifact(tmp_path):
    store = Store(tmp_path / "s", write=True)
    digest = "ab" * 32
    Path(store.temporary("x")).write_bytes(b"12345")
    store.adopt(store.temporary("x"), digest)
    store.append({"t": "node", "key": "a", "outcome": "ok", "artifacts": {"x": [digest, 5]}})
    store.append({"t": "node", "key": "b", "outcome": "error"})
    assert store.done("a")
    assert store.done("b") is None
    assert store.done("c") is None
    artifact = Path(store.artifact(digest))
    artifact.write_bytes(b"1234")  # cut short by a crash of the machine
    assert store.done("a") is None
    artifact.unlink()
    assert store.done("a") is None
    store.close()


def test_the_last_record_of_a_key_counts_and_forgotten_ones_do_not(tmp_path):
    store = Store(tmp_path / "s", write=True)
    store.append({"t": "node", "key": "a", "outcome": "error"})
    store.append({"t": "node", "key": "a", "outcome": "ok"})
    store.append({"t": "node", "key": "b", "outcome": "ok"})
    store.append({"t": "forget", "keys": ["b"]})
    store.append({"t": "environment", "id": "e", "data": {"python": "3"}})
    store.close()
    again = Store(tmp_path / "s")
    assert again.records == {"a": {"t": "node", "key": "a", "outcome": "ok"}}
    assert again.environments == {"e": {"python": "3"}}


def test_what_a_killed_run_left_unfinished_is_swept(tmp_path):
    store = Store(tmp_path / "s", write=True)
    left = Path(store.temporary("half"))
    left.write_bytes(b"...")
    store.close()
    Store(tmp_path / "s", write=True).close()
    assert not left.exists()


def test_a_folder_that_cannot_be_made_is_one_clear_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"file/s: cannot be written: Not a directory"):
        Store(tmp_path / "file" / "s", write=True)
