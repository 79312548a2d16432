"""Where files are looked for, when they are hashed, and what is said of missing and damaged."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.data import (
    DamagedError,
    DownloadError,
    FileMemo,
    cache_dir,
    file_sha256,
    pull,
    remembered_sha256,
    resource_path,
    status,
    verify,
)
from harness.data.digest import digest_matches
from harness.spec import Resource, Unavailable

GOOD = b"good content"
DIGEST = hashlib.sha256(GOOD).hexdigest()
OLD = 1_700_000_000


def resource(**given) -> Resource:
    return Resource(**{"name": "f.bin", "url": "nowhere", "sha256": DIGEST, "size": 12, **given})


def put(folder: Path, content: bytes = GOOD, name: str = "f.bin") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (OLD, OLD))
    return path


@pytest.fixture(autouse=True)
def homes(tmp_path, monkeypatch) -> tuple[Path, Path]:
    """Point the data folder and the cache at empty places."""
    monkeypatch.setenv("HARNESS_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "data" / "owner", tmp_path / "cache" / "owner"


def test_cache_dir(tmp_path, monkeypatch):
    assert cache_dir() == tmp_path / "cache"
    monkeypatch.setenv("HARNESS_CACHE", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_dir().name == "harness"
    assert tmp_path in cache_dir().parents


def test_data_folder_comes_before_the_cache(homes):
    data, cache = homes
    cached = put(cache)
    assert resource_path("owner", resource()) == cached
    chosen = put(data)
    assert resource_path("owner", resource()) == chosen


def test_without_data_folder(homes, monkeypatch):
    monkeypatch.delenv("HARNESS_DATA")
    path = put(homes[1])
    assert resource_path("owner", resource()) == path


def test_missing_is_unavailable_with_the_command():
    with pytest.raises(Unavailable) as raised:
        resource_path("owner", resource())
    assert raised.value.reason == "owner: f.bin is not on this machine"
    assert raised.value.remedy == "run: harness data pull owner"
    with pytest.raises(Unavailable, match="run: harness weights pull owner"):
        resource_path("owner", resource(), remedy="run: harness weights pull owner")


def test_damaged_is_one_line(homes):
    path = put(homes[1], b"other")
    with pytest.raises(DamagedError) as raised:
        resource_path("owner", resource())
    line = str(raised.value)
    assert "\n" not in line
    for part in (str(path), DIGEST, hashlib.sha256(b"other").hexdigest()):
        assert part in line


@pytest.mark.parametrize("name", ["../f.bin", "/f.bin", "a/../../f.bin", ""])
def test_names_stay_inside(name):
    with pytest.raises(ValueError, match="must be plain files"):
        resource_path("owner", resource(name=name))


def test_owner_and_name_may_be_nested(homes, tmp_path):
    path = put(tmp_path / "cache" / "models" / "vgg", name="sub/f.bin")
    assert resource_path("models/vgg", resource(name="sub/f.bin")) == path
    assert resource_path("models/vgg", resource(name="sub/f.bin")) == path


@given(st.integers(8, 63), st.sampled_from(["", "sha256-prefix:"]))
def test_prefix_of_eight_or_more_digits_matches(length, form):
    assert digest_matches(DIGEST, form + DIGEST[:length])
    other = hashlib.sha256(b"other").hexdigest()
    assert not digest_matches(other, form + DIGEST[:length])


@pytest.mark.parametrize(
    "declared",
    [
        "",
        DIGEST[:7],
        DIGEST.upper(),
        DIGEST + "0",
        "xyz",
        "sha256-prefix:" + DIGEST[:7],
        "sha256-prefix:" + DIGEST,  # the whole digest is no prefix: say it plainly
        "sha256-prefix:" + DIGEST[:8].upper(),
        "sha1-prefix:" + DIGEST[:8],
    ],
)
def test_other_digests_are_refused(declared):
    with pytest.raises(ValueError, match="expected 64 lower-case hex digits"):
        digest_matches(DIGEST, declared)


def test_unchanged_file_is_not_hashed_again(homes):
    path = put(homes[1])
    resource_path("owner", resource())
    # Same size and time: what was remembered is trusted, which shows that it was not read.
    path.write_bytes(b"evil content")
    os.utime(path, (OLD, OLD))
    assert resource_path("owner", resource()) == path
    assert status("owner", [resource()])[0].state == "present"
    assert verify("owner", [resource()])[0].state == "damaged"
    assert status("owner", [resource()])[0].state == "damaged"


@pytest.mark.parametrize("content", [b"good contenT", b"longer good content"])
def test_changed_file_is_hashed_again(homes, content):
    path = put(homes[1])
    resource_path("owner", resource())
    path.write_bytes(content)
    with pytest.raises(DamagedError):
        resource_path("owner", resource())


def test_file_written_just_now_is_not_remembered(homes, tmp_path):
    path = put(homes[1])
    os.utime(path)
    memo = FileMemo("m", tmp_path)
    assert remembered_sha256(path, memo) == DIGEST
    assert memo.get(path) is None


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a": 1}', "\x00"])
def test_broken_memo_costs_nothing_but_time(homes, text):
    path = put(homes[1])
    resource_path("owner", resource())
    memo = cache_dir() / "memo" / "owner.json"
    assert json.loads(memo.read_text())[str(path)][2] == DIGEST
    memo.write_text(text)
    assert resource_path("owner", resource()) == path


def test_memo_that_cannot_be_written(homes, tmp_path, monkeypatch):
    path = put(homes[0])
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "file"))
    assert resource_path("owner", resource()) == path


def test_memo_keeps_any_fact(homes, tmp_path):
    path = put(homes[1])
    memo = FileMemo("facts/of", tmp_path)
    memo.put(path, {"sha256": DIGEST, "ok": True})
    memo.save()
    assert FileMemo("facts/of", tmp_path).get(path) == {"sha256": DIGEST, "ok": True}
    assert FileMemo("others", tmp_path).get(path) is None
    assert sorted(p.name for p in (tmp_path / "memo").iterdir()) == ["facts+of.json"]


def test_states(homes):
    data, cache = homes
    put(data, name="a")
    put(cache, b"other", name="b")
    found = verify("owner", [resource(name="a"), resource(name="b"), resource(name="c")])
    assert [(s.name, s.state, s.size) for s in found] == [
        ("a", "present", 12),
        ("b", "damaged", 5),
        ("c", "missing", 12),
    ]
    assert found[0].path == str(data / "a")
    assert found[1].sha256 == hashlib.sha256(b"other").hexdigest()
    assert (found[2].path, found[2].sha256) == ("", DIGEST)


def test_state_gives_the_whole_digest_of_a_prefix(homes):
    put(homes[1])
    assert status("owner", [resource(sha256=DIGEST[:8])])[0].sha256 == DIGEST
    told = status("owner", [resource(sha256=f"sha256-prefix:{DIGEST[:8]}")])[0]
    assert (told.state, told.sha256) == ("present", DIGEST)


def test_a_file_declared_by_its_md5(homes):
    path = put(homes[1])
    stated = f"md5:{hashlib.md5(GOOD).hexdigest()}"
    assert resource_path("owner", resource(sha256=stated)) == path
    assert resource_path("owner", resource()) == path  # one memo for both, each in its own form
    for found in (status, verify):
        told = found("owner", [resource(sha256=stated)])[0]
        assert (told.state, told.sha256) == ("present", stated)
    with pytest.raises(DamagedError, match=f"{stated}, expected md5:0000"):
        resource_path("owner", resource(sha256=f"md5:{32 * '0'}"))
    with pytest.raises(ValueError, match="is not a sha256"):
        resource_path("owner", resource(sha256="md5:00"))


def test_pull_leaves_what_is_here_and_names_every_fault(homes):
    data, cache = homes
    put(data, name="a")
    put(data, b"other", name="b")
    with pytest.raises(DownloadError) as raised:
        pull("owner", [resource(name="a"), resource(name="b"), resource(name="c")])
    assert len(raised.value.lines) == 2
    assert "damaged and not in the cache" in raised.value.lines[0]
    assert "'nowhere' is no address" in raised.value.lines[1]
    assert not cache.exists()


def test_pull_returns_states(homes):
    put(homes[0])
    assert pull("owner", [resource()])[0].state == "present"


def test_file_sha256(tmp_path):
    assert file_sha256(put(tmp_path)) == DIGEST
