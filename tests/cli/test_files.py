from __future__ import annotations

import json
import os
import time

import pytest

CONTENT = b"0123456789" * 100


def damage(path):
    path.write_bytes(b"x" * len(CONTENT))
    os.utime(path, (time.time() - 60, time.time() - 60))


def test_data_pull_verify_and_damage(shop, server, tmp_path):
    assert shop("data", "verify", "letters").code == 1
    assert shop("data", "verify").code == 0  # nothing was asked for by name

    told = shop("data", "pull", "letters")
    assert (told.code, told.out) == (0, "✓ letters: fetched 2 of 2 files, 2.0 kB\n")
    told = shop("data", "pull", "letters")
    assert told.out == "✓ letters: 2 files here already, 2.0 kB\n"
    told = shop("data", "verify", "letters")
    assert (told.code, told.out) == (0, "✓ letters: 2 files as declared\n")

    damage(tmp_path / "cache" / "letters" / "a.txt")
    told = shop("data", "verify")
    assert told.code == 1
    assert f"✗ letters: {tmp_path}/cache/letters/a.txt is damaged" in told.out
    assert shop("data", "pull", "letters").out == "✓ letters: fetched 1 of 2 files, 2.0 kB\n"
    assert shop("data", "verify", "letters").code == 0


def test_data_list(shop):
    told = shop("data", "list")
    assert told.code == 0
    attic, letters, things = told.out.splitlines()[1:]
    assert attic.startswith("·  attic"), "a suite has to name the directory"
    assert letters.startswith("✗  letters  thing     0 of 2 files")
    assert "harness data pull letters" in letters
    assert things.startswith("✓  things   thing     no files to fetch")
    rows = json.loads(shop("data", "list", "letters", "--json").out)
    assert [r["size"] for r in rows] == [2000]


def test_dataset_without_files(shop):
    told = shop("data", "pull", "things")
    assert (told.code, told.out) == (0, "· things: no files to fetch; its items are here\n")
    assert shop("data", "verify", "things").out == "✓ things: its items are here\n"


def test_data_path(cli, shop, tmp_path):
    folder = tmp_path / "songs"
    folder.mkdir()
    (tmp_path / "p.py").write_text(
        "from harness import Dataset, Item, hookimpl\n"
        "@hookimpl\n"
        "def harness_datasets():\n"
        "    return [Dataset(name='songs', provides='song', index='p:index', load='p:x')]\n"
        f"def index(): return [Item(n, 'f' * 64, {str(folder)!r} + f'/{{n}}') for n in 'ab']\n"
    )
    told = cli("data", "path", "songs", "--plugin", tmp_path / "p.py")
    assert (told.code, told.out) == (0, f"{folder}\n")
    told = shop("data", "path", "letters", "things")
    assert (told.code, told.out) == (1, "")
    assert len(told.err.splitlines()) == 2


def test_failed_download_is_one_line_and_the_rest_is_fetched(shop, server, tmp_path):
    server.lacks_b = True
    told = shop("data", "pull", "letters")
    assert told.code == 1
    assert len(told.err.splitlines()) == 1
    assert "b.txt: HTTP 404" in told.err
    assert (tmp_path / "cache" / "letters" / "a.txt").read_bytes() == CONTENT
    assert not (tmp_path / "cache" / "letters" / "b.txt").exists()


def test_what_all_files_share_is_told_once(shop, server, monkeypatch):
    from harness import data

    def pull(owner, resources, progress):
        raise data.DownloadError(*[f"{r.url}: no network; see {r.name}" for r in resources])

    monkeypatch.setattr(data, "pull", pull)
    told = shop("data", "pull", "letters")
    assert told.code == 1
    assert told.err == "✗ letters: 2 files could not be fetched: no network; see …\n"


def test_weights(shop, server, tmp_path):
    told = shop("weights", "list")
    assert told.code == 0
    assert [line.split() for line in told.out.splitlines()[1:]] == [
        ["·", "box", "0", "of", "1", "1.0", "kB", "CC0-1.0"],
        ["·", "learned-box", "0", "of", "1", "1.0", "kB", "CC0-1.0"],
    ]
    files = shop("weights", "list", "box", "learned-box").out.splitlines()
    assert files[0] == "box"
    assert files[2].split() == ["·", "boxness.bin", "missing", "1.0", "kB", "CC0-1.0"]
    assert shop("weights", "verify", "box").code == 1
    assert shop("weights", "pull", "box", "weight").err == "weight needs no weights\n"
    assert shop("weights", "verify", "box").code == 0
    damage(tmp_path / "cache" / "box" / "boxness.bin")
    told = shop("weights", "list", "--json")
    states = {row["file"]: row["state"] for row in json.loads(told.out)}
    assert states == {"boxness.bin": "damaged", "learned.bin": "missing"}
    told = shop("weights", "verify", "--json")
    assert told.code == 1
    assert {row["of"]: row["mark"] for row in json.loads(told.out)} == {
        "box": "no",
        "learned-box": "none",
    }
    assert shop("weights", "pull").code == 0
    assert shop("weights", "verify").code == 0


def test_no_weights_at_all(cli):
    assert cli("weights", "list").out == "no model or metric needs weights\n"
    assert cli("weights", "pull").out == "· there is nothing to fetch\n"


@pytest.mark.parametrize("verb", ["data list", "data pull", "data verify", "data path"])
def test_unknown_datasets(shop, verb):
    told = shop(*verb.split(), "leters", "thingz")
    assert told.code == 2
    assert told.err.splitlines() == [
        "harness: unknown dataset 'leters' (did you mean 'letters'?)",
        "harness: unknown dataset 'thingz' (did you mean 'things'?)",
    ]


@pytest.mark.parametrize("verb", ["list", "pull", "verify"])
def test_unknown_weights(shop, verb):
    told = shop("weights", verb, "boxx")
    assert told.code == 2
    assert told.err == "harness: unknown model or metric 'boxx' (did you mean 'box'?)\n"
