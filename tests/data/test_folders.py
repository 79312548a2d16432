"""Folders of files that a user has: where they are looked for, and faults in one line."""

from __future__ import annotations

import json
import os
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.data.folders import digests, find_folder, reading, unchanged
from harness.spec import Unavailable

REMEDY = "fetch it by hand"


@pytest.fixture(autouse=True)
def homes(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))


def test_a_folder_is_looked_for_where_the_suite_says_then_in_data_then_in_the_cache(tmp_path):
    with pytest.raises(Unavailable, match="set is not on this machine; fetch it by hand"):
        find_folder("set", "", REMEDY)
    for place in ("cache", "data"):
        (tmp_path / place / "set").mkdir(parents=True)
        assert find_folder("set", "", REMEDY) == tmp_path / place / "set"
    assert find_folder("set", str(tmp_path), REMEDY) == tmp_path
    with pytest.raises(ValueError, match=r"there is no directory .*/nowhere$"):
        find_folder("set", str(tmp_path / "nowhere"), REMEDY)


def test_a_file_changed_or_gone_since_is_named(tmp_path):
    file = tmp_path / "a"
    file.write_bytes(b"one")
    os.utime(file, (1, 1))
    known = digests("set", [file])
    assert unchanged("set", [file], known) == [file]
    file.write_bytes(b"two")
    with pytest.raises(ValueError, match=f"a was changed: its sha256 is not {known[0]}"):
        unchanged("set", [file], known)
    file.unlink()
    with pytest.raises(ValueError, match="a is missing"):
        unchanged("set", [file], known)


@given(st.binary(max_size=60))
def test_whatever_a_reader_says_of_a_file_is_one_line(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("files") / "f.zip"
    path.write_bytes(content)
    with (
        pytest.raises(ValueError, match=r"f\.zip is damaged or of another format: .") as raised,
        reading(path),
        zipfile.ZipFile(path) as archive,
    ):
        json.loads(archive.read("told.json"))["a"]
    assert "\n" not in str(raised.value)


def test_an_interruption_is_no_fault_of_the_file(tmp_path):
    with pytest.raises(KeyboardInterrupt), reading(tmp_path):
        raise KeyboardInterrupt
