"""``harness weights import`` and ``export``: what a file is, is told by its digest."""

from __future__ import annotations

import hashlib
import io
import json
import pickle

import pytest

from harness.data.exchange import read_lock

CONTENT = b"0123456789" * 100
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def box(tmp_path):
    return tmp_path / "cache" / "box" / "boxness.bin"


@pytest.fixture
def learned(tmp_path):
    return tmp_path / "cache" / "learned-box" / "learned.bin"


@pytest.fixture
def given(tmp_path):
    """Write a file of the user's."""

    def write(name, content=CONTENT):
        path = tmp_path / "given" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    return write


def test_a_file_is_recognised_under_another_name_for_all_who_ask_for_it(
    shop, given, box, learned, tmp_path
):
    file = given("downloads/checkpoint (3).pth")
    told = shop("weights", "import", file)
    assert told.code == 0
    # both letters of the dataset have this content
    assert told.out == f"✓ {file}: boxness.bin, for box, learned-box, letters\n"
    for path in (box, learned, tmp_path / "cache" / "letters" / "b.txt"):
        assert path.samefile(file), "linked, not copied"
    assert shop("weights", "verify", "box", "learned-box").code == 0
    assert shop("data", "verify", "letters").code == 0
    told = shop("weights", "import", file)
    assert told.out.endswith("boxness.bin, here already for box, learned-box, letters\n")
    assert told.code == 0


def test_it_is_copied_where_it_cannot_be_linked(shop, given, box, monkeypatch):
    def refuse(*args):
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr("pathlib.Path.hardlink_to", refuse)
    file = given("x.pth")
    assert shop("weights", "import", file).code == 0
    assert box.read_bytes() == CONTENT
    assert not box.samefile(file)
    assert [p.name for p in box.parent.iterdir()] == ["boxness.bin"]


def test_a_file_cut_short(shop, given, box):
    file = given("boxness.bin", CONTENT[:400])
    told = shop("weights", "import", file)
    assert (told.code, told.out) == (1, "")
    assert told.err == (
        f"✗ {file}: box asks for a boxness.bin of 1,000 bytes and this has 400: "
        "it is cut short, or another version\n"
    )
    assert not box.exists()


def test_a_file_with_another_content(shop, given, box):
    file = given("boxness.bin", CONTENT[::-1])
    told = shop("weights", "import", file)
    assert told.code == 1
    assert told.err == (
        f"✗ {file}: box asks for a boxness.bin of digest {SHA256} and this has another: "
        "it is damaged, or another version\n"
    )
    assert not box.exists()


def test_a_file_of_another_architecture_under_the_right_name(shop, given, box):
    stream = io.BytesIO()
    pickle.dump({"features.0.weight": [0.0] * 64}, stream)  # well formed, and not what is asked
    told = shop("weights", "import", given("boxness.bin", stream.getvalue()))
    assert told.code == 1
    assert "box asks for a boxness.bin of 1,000 bytes" in told.err
    box.parent.mkdir(parents=True)
    box.write_bytes(stream.getvalue())  # put there by hand
    told = shop("weights", "verify", "box")
    assert (told.code, told.out) == (1, f"✗ box: {box} is damaged\n")


def test_a_file_that_nobody_asks_for(shop, given):
    told = shop("weights", "import", given("boxnes.bin", b"x"), given("zzz", b"y"))
    assert told.code == 1
    asked = "no model, metric or dataset asks for a file of this digest"
    first, second = told.err.splitlines()
    assert first.endswith(f"boxnes.bin: {asked} (did you mean 'boxness.bin'?)")
    assert second.endswith(f"zzz: {asked}")


def test_a_damaged_file_in_the_cache_is_replaced(shop, given, box):
    box.parent.mkdir(parents=True)
    box.write_bytes(b"x" * 1000)
    assert shop("weights", "import", given("any")).code == 0
    assert box.read_bytes() == CONTENT


def test_a_damaged_file_that_comes_before_the_cache_is_named(
    shop, given, box, tmp_path, monkeypatch
):
    first = tmp_path / "data" / "box" / "boxness.bin"
    first.parent.mkdir(parents=True)
    first.write_bytes(b"x" * 1000)
    monkeypatch.setenv("HARNESS_DATA", str(tmp_path / "data"))
    told = shop("weights", "import", given("any"))
    assert told.code == 1
    assert f"{first} is damaged and comes first: delete or replace it" in told.err


def test_nothing_to_import(shop, tmp_path):
    told = shop("weights", "import", tmp_path / "nowhere")
    assert told.code == 2
    assert "does not exist" in told.err
    assert shop("weights", "import").code == 2
    (tmp_path / "empty").mkdir()
    told = shop("weights", "import", tmp_path / "empty")
    assert (told.code, told.err) == (1, f"✗ {tmp_path}/empty: there is no file in it\n")


def test_a_file_that_cannot_be_read(shop, given, monkeypatch):
    def refuse(path, like):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("harness.data.exchange.file_digest", refuse)
    file = given("boxness.bin")
    told = shop("weights", "import", file)
    assert told.code == 1
    assert told.err == f"✗ {file}: [Errno 13] Permission denied: '{file}'\n"


def test_without_a_network_a_file_comes_by_hand(shop, given, box, monkeypatch):
    monkeypatch.setenv("SHOP_PORT", "9")  # nobody listens there
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    told = shop("weights", "pull", "box")
    assert told.code == 1
    (line,) = told.err.splitlines()
    assert line.startswith("✗ box: http://127.0.0.1:9/boxness.bin: ")
    assert f"or put the file at {box} yourself" in line
    assert shop("weights", "verify", "box").out == (
        "✗ box: 1 of 1 file missing; harness weights pull box\n"
    )
    assert shop("weights", "import", given("boxness.bin")).code == 0
    assert shop("weights", "pull", "box").out == "✓ box: 1 file here already, 1.0 kB\n"


PREFIXED = """
from harness import Metric, Resource, hookimpl

@hookimpl
def harness_metrics():
    return [
        Metric(name=f"m{{n}}", factory="p:x", inputs=("box",), signature="m|v1", better="lower",
               weights=(Resource(name="net.pth", url="http://127.0.0.1:9/x", sha256=digest),))
        for n, digest in enumerate({digests!r})
    ]
"""


def test_weaker_digests_and_owners_of_one_file(cli, given, tmp_path):
    digests = [f"sha256-prefix:{SHA256[:8]}", f"md5:{hashlib.md5(CONTENT).hexdigest()}", SHA256]
    (tmp_path / "p.py").write_text(PREFIXED.format(digests=[*digests, "0" * 64]))
    plugin = ("--plugin", tmp_path / "p.py")
    file = given("any")
    told = cli("weights", "import", file, *plugin)
    assert (told.code, told.out) == (0, f"✓ {file}: net.pth, for m0, m1, m2\n")
    assert [cli("weights", "verify", f"m{n}", *plugin).code for n in range(4)] == [0, 0, 0, 1]


# --- export, and import on another machine ---------------------------------------------


@pytest.fixture
def exported(shop, given, tmp_path):
    assert shop("weights", "import", given("any")).code == 0
    told = shop("weights", "export", tmp_path / "out")
    assert told.code == 0
    assert told.out == "✓ box/boxness.bin, 1.0 kB, for box, learned-box\n"
    return tmp_path / "out"


def test_export_lists_what_is_in_the_folder(exported):
    assert sorted(p.name for p in exported.rglob("*") if p.is_file()) == [
        "boxness.bin",
        "weights.lock",
    ]
    (entry,) = json.loads((exported / "weights.lock").read_text())["files"]
    assert entry.pop("url").endswith("/boxness.bin")
    assert entry == {
        "file": "box/boxness.bin",
        "name": "boxness.bin",
        "size": 1000,
        "sha256": SHA256,
        "licence": "CC0-1.0",
        "used_by": ["box", "learned-box"],
    }


def test_another_machine_imports_the_folder(exported, shop, tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "elsewhere"))
    assert shop("weights", "verify", "box").code == 1
    told = shop("weights", "import", exported)
    assert told.code == 0
    assert told.out.endswith("boxness.bin, for box, learned-box, letters\n")
    assert shop("weights", "verify", "box", "learned-box").code == 0


def test_a_folder_that_lost_a_file_or_its_list(exported, shop):
    (exported / "box" / "boxness.bin").unlink()
    told = shop("weights", "import", exported)
    assert told.code == 1
    assert told.err.splitlines()[0].endswith(f"is missing, and {exported}/weights.lock lists it")
    for text in ("{", "[]", '{"format": 2, "files": []}', '{"format": 1, "files": [{}]}'):
        (exported / "weights.lock").write_text(text)
        told = shop("weights", "import", exported)
        assert told.code == 1
        assert f"{exported}/weights.lock is no weights.lock: " in told.err
        with pytest.raises(ValueError, match=r"is no weights\.lock"):
            read_lock(exported / "weights.lock")


def test_export_twice_replaces_what_was_damaged(exported, shop):
    file = exported / "box" / "boxness.bin"
    file.unlink()
    file.write_bytes(b"damage")
    assert shop("weights", "export", exported).code == 0
    assert file.read_bytes() == CONTENT


def test_export_says_what_is_not_here(shop, tmp_path):
    told = shop("weights", "export", tmp_path / "out")
    assert (told.code, told.out) == (0, "")
    assert told.err.splitlines() == [
        "· box: boxness.bin is missing",
        "· learned-box: learned.bin is missing",
    ]
    told = shop("weights", "export", tmp_path / "out", "box")
    assert (told.code, told.err) == (1, "✗ box: boxness.bin is missing\n")
    assert shop("weights", "export", tmp_path / "out", "boxx").code == 2


def test_export_to_where_nothing_can_be_written(shop, given, tmp_path):
    assert shop("weights", "import", given("any")).code == 0
    (tmp_path / "file").write_text("in the way")
    told = shop("weights", "export", tmp_path / "file" / "out")
    assert told.code == 1
    assert told.err.startswith(f"✗ {tmp_path}/file/out: ")


# --- what other tools have fetched -----------------------------------------------------


@pytest.fixture
def home(tmp_path, monkeypatch):
    for name in ("TORCH_HOME", "HF_HOME", "HF_HUB_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path / "home" / ".cache"


def keep(path, content=CONTENT):
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    "place", ["torch/hub/checkpoints/boxness.bin", "torch/hub/pyiqa/any-name", "clip/boxness.bin"]
)
def test_caches_of_other_tools(shop, home, box, place):
    file = keep(home / place)
    told = shop("weights", "import", "--known")
    assert told.code == 0
    assert told.out.startswith(f"✓ {file}: boxness.bin, for box, learned-box")
    assert box.samefile(file)


def test_the_cache_of_hugging_face(shop, home, box):
    hub = home / "huggingface" / "hub" / "models--acme--box"
    blob = keep(hub / "blobs" / SHA256)
    link = hub / "snapshots" / "0" / "boxness.bin"
    link.parent.mkdir(parents=True)
    link.symlink_to(blob)
    assert shop("weights", "import", "--known").code == 0
    assert box.samefile(blob)
    assert not box.is_symlink()


def test_the_environment_says_where_caches_are(shop, home, box, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    keep(tmp_path / "torch" / "hub" / "checkpoints" / "boxness.bin")
    assert shop("weights", "import", "--known").code == 0
    assert box.is_file()


def test_what_is_nobodys_in_other_caches_is_passed_over(shop, home, box):
    folder = home / "torch" / "hub" / "checkpoints"
    keep(folder / "other.pth", b"other")
    told = shop("weights", "import", "--known")
    assert told.code == 0
    assert told.out == "· no other tool has fetched anything that is asked for\n"
    (folder / "boxness.bin").write_bytes(b"half")
    told = shop("weights", "import", "--known")
    assert told.code == 0
    assert told.err.startswith(f"· {folder}/boxness.bin: box asks for a boxness.bin of 1,000")
    assert not box.exists()
