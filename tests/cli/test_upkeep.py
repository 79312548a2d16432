"""Looking after stores: laws of merge and prune, damage, and being killed at any moment."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import UsageError
from harness.store import Store
from harness.store.upkeep import contents, merge, open_store, prune, record_rows, verify


def node(key, outcome="ok", at=1.0, name="box", content=None, **more):
    """Return a record and the content of its artifact."""
    artifacts = {}
    if outcome == "ok" and content is not None:
        artifacts = {name: [hashlib.sha256(content).hexdigest(), len(content)]}
    about = {"kind": "stage", "entry": "e", "model": "m", "task": "t", "step": name}
    about |= {"dataset": "d", "item": key, "point": {"q": 1}, "seed": None}
    record = {"t": "node", "key": key, "outcome": outcome, "artifacts": artifacts, **more}
    return {**record, "env": "e1", "jobs": 1, "at": at, "about": about}, content


def write(root, nodes, published=()):
    store = Store(root, write=True)
    store.append({"t": "environment", "id": "e1", "data": {"python": "3"}})
    for record, content in nodes:
        if record["artifacts"]:
            temporary = store.temporary("new")
            Path(temporary).write_bytes(content)
            store.adopt(temporary, next(iter(record["artifacts"].values()))[0])
        store.append(record)
    for digest in published:
        score = {"model": "m", "dataset": "d", "metric": "x", "value": 1.0, "position": 0}
        score |= {"item": None, "signature": "published", "unit": ""}
        store.append(
            {"t": "published", "digest": digest, "source": "s", "at": 1.0, "scores": [score]}
        )
    store.close()
    return root


def finished(root):
    store = Store(root)
    return {key: store.done(key)["artifacts"] for key in store.records if store.done(key)}


def sound(root):
    """Whether every artifact file is what its name says."""
    files = [f for f in (root / "artifacts").rglob("*") if f.is_file()]
    return all(hashlib.sha256(f.read_bytes()).hexdigest() == f.name for f in files)


def joined(one, other):
    store = Store(one, write=True)
    told = merge(store, Store(other))
    store.close()
    return told


nodes = st.lists(
    st.builds(
        node,
        st.sampled_from("abcdef"),
        st.sampled_from(["ok", "ok", "error", "timeout"]),
        st.sampled_from([1.0, 2.0, 3.0]),
        content=st.sampled_from([None, b"", b"one", b"two"]),
    ),
    max_size=8,
)
published = st.sets(st.sampled_from(["p1", "p2"]))


@settings(max_examples=40, deadline=None)
@given(nodes, nodes, published, published)
def test_merge_laws(ours, theirs, our_published, their_published):
    with tempfile.TemporaryDirectory() as folder:
        a = write(Path(folder, "a"), ours, our_published)
        b = write(Path(folder, "b"), theirs, their_published)
        a2, b2 = (Path(shutil.copytree(x, x.with_name(f"{x.name}2"))) for x in (a, b))
        before_a, before_b = finished(a), finished(b)
        joined(a, b2)
        joined(b, a2)

        assert set(finished(a)) == set(before_a) | set(before_b) == set(finished(b))
        assert before_a.items() <= finished(a).items(), "what was finished here stays"
        assert Store(a).published.keys() == our_published | their_published
        assert Store(a).environments == {"e1": {"python": "3"}}
        assert sound(a)

        journal = (a / "journal.jsonl").read_bytes()
        again = joined(a, b2)
        assert (sum(again.nodes.values()), again.artifacts, again.published) == (0, 0, 0)
        assert (a / "journal.jsonl").read_bytes() == journal


@settings(max_examples=40, deadline=None)
@given(nodes, published)
def test_prune_keeps_what_is_finished_and_nothing_else(some, imported):
    with tempfile.TemporaryDirectory() as folder:
        root = write(Path(folder, "s"), some, imported)
        before = finished(root)
        store = Store(root, write=True)
        prune(store)
        store.close()
        assert finished(root) == before
        after = Store(root)
        assert all(r["outcome"] == "ok" for r in after.records.values())
        assert after.published.keys() == imported
        used = {d for artifacts in before.values() for d, _ in artifacts.values()}
        assert {f.name for f in (root / "artifacts").rglob("*") if f.is_file()} == used
        assert bool(after.environments) == bool(before)
        store = Store(root, write=True)
        again = prune(store)
        store.close()
        assert (again.records, again.artifacts, again.freed) == (0, 0, 0)


def test_newer_record_of_the_same_artifacts_wins(tmp_path):
    a = write(tmp_path / "a", [node("k", at=1.0, content=b"x", wall=1.0)])
    b = write(tmp_path / "b", [node("k", at=2.0, content=b"x", wall=2.0)])
    joined(a, b)
    assert Store(a).records["k"]["wall"] == 2.0


def test_merge_takes_over_what_is_damaged_here(tmp_path):
    a = write(tmp_path / "a", [node("k", content=b"x")])
    b = write(tmp_path / "b", [node("k", content=b"x")])
    next(f for f in (a / "artifacts").rglob("*") if f.is_file()).unlink()
    assert finished(a) == {}
    assert joined(a, b).artifacts == 1
    assert set(finished(a)) == {"k"}


def test_merge_leaves_out_what_is_damaged_there(tmp_path):
    a = write(tmp_path / "a", [node("mine", content=b"x")])
    b = write(tmp_path / "b", [node("bad", content=b"y"), node("good", content=b"z")])
    bad = Path(Store(b).artifact(hashlib.sha256(b"y").hexdigest()))
    bad.write_bytes(b"Y")
    told = joined(a, b)
    assert set(finished(a)) == {"mine", "good"}
    assert sound(a)
    assert len(told.damage) == 1
    assert "e · box · d · bad was left out" in told.damage[0]


def test_merge_copies_where_it_cannot_link(tmp_path, monkeypatch):
    a = write(tmp_path / "a", [])
    b = write(tmp_path / "b", [node("k", content=b"x")])

    def refuse(*args, **more):
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    assert joined(a, b).artifacts == 1
    assert set(finished(a)) == {"k"}


def test_a_store_is_not_merged_with_itself(tmp_path):
    a = write(tmp_path / "a", [])
    store = Store(a, write=True)
    with pytest.raises(UsageError, match="is this store itself"):
        merge(store, Store(a))
    store.close()


def test_verify_forgets_what_is_damaged_or_gone(tmp_path):
    root = write(
        tmp_path / "s",
        [node("bad", content=b"x"), node("gone", content=b"y"), node("good", content=b"z")],
    )
    path = {c: Path(Store(root).artifact(hashlib.sha256(c).hexdigest())) for c in (b"x", b"y")}
    path[b"x"].write_bytes(b"X")  # the same size: a run would not notice
    path[b"y"].unlink()
    assert "bad" in finished(root)
    store = Store(root, write=True)
    told = verify(store)
    store.close()
    assert (told.artifacts, told.forgotten, len(told.damage)) == (2, 2, 2)
    assert set(finished(root)) == {"good"}
    assert sound(root)
    store = Store(root, write=True)
    assert verify(store).damage == ()
    store.close()


def test_damaged_line_of_the_journal_is_told_and_pruned(tmp_path):
    root = write(tmp_path / "s", [node("a", content=b"x"), node("b", content=b"y")])
    journal = root / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    at = next(n for n, line in enumerate(lines) if b'"key":"a"' in line)
    lines[at] = lines[at].replace(b'"ok"', b'"OK"')
    journal.write_bytes(b"".join(lines))
    store = Store(root, write=True)
    assert verify(store).damage == (f"{journal}:{at + 1} is damaged and was passed over",)
    prune(store)
    store.close()
    store = Store(root, write=True)
    assert verify(store).damage == ()
    store.close()
    assert set(finished(root)) == {"b"}


def test_giving_up_an_artifact_keeps_scores(tmp_path):
    root = write(
        tmp_path / "s",
        [
            node("stage", name="image", content=b"x" * 5000),
            node("kept", name="bits", content=b"b"),
            node("score", value=1.0),
        ],
    )
    store = Store(root, write=True)
    with pytest.raises(UsageError, match="no artifact is called 'imag'; there are bits, image"):
        prune(store, ["imag"])
    told = prune(store, ["image"])
    store.close()
    assert (told.records, told.artifacts) == (1, 1)
    assert told.freed > 5000
    assert set(finished(root)) == {"kept", "score"}


def test_bytes_that_another_artifact_shares_stay(tmp_path):
    root = write(
        tmp_path / "s",
        [node("a", name="image", content=b"x"), node("b", name="bits", content=b"x")],
    )
    store = Store(root, write=True)
    assert prune(store, ["image"]).artifacts == 0
    store.close()
    assert set(finished(root)) == {"b"}


def test_contents(tmp_path):
    root = write(
        tmp_path / "s",
        [node("a", content=b"xyz"), node("b", "error"), node("c", content=b"xyz")],
        ["p"],
    )
    stray = root / "artifacts" / "ff"
    stray.mkdir()
    (stray / ("f" * 64)).write_bytes(b"12345")
    (stray / "notes.txt").write_bytes(b"someone's")
    there = contents(open_store(root))
    assert there.nodes == {"ok": 2, "error": 1}
    assert (there.artifacts, there.size) == (2, 8)
    assert there.named == {"box": (1, 3)}
    assert there.orphans == (1, 5)
    assert (there.environments, there.published, there.scores) == (1, 1, 1)
    store = Store(root, write=True)
    prune(store)
    store.close()
    assert (stray / "notes.txt").exists(), "files that are not ours stay"


def test_rows_of_all_records(tmp_path):
    root = write(tmp_path / "s", [node("a", value=2.0), node("b", "error", reason="no")], ["p"])
    rows = list(record_rows(Store(root)))
    assert [(r["key"], r.get("outcome"), r["value"]) for r in rows] == [
        ("a", "ok", 2.0),
        ("b", "error", None),
        ("p", None, 1.0),
    ]


def test_no_store(tmp_path):
    with pytest.raises(UsageError, match="there is no store here"):
        open_store(tmp_path)
    assert list(tmp_path.iterdir()) == []


# Runs an upkeep and, at the Nth thing it does to a file, kills itself; prints how many it did.
DRIVER = """
import os, signal, sys
from pathlib import Path
from harness.store import Store
from harness.store.upkeep import merge, prune, verify
what, root, other, at = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])
seen = 0
def hook(event, args):
    global seen
    if event in ("os.rename", "os.remove", "os.link", "open") and str(root) in str(args):
        seen += 1
        if seen == at:
            os.kill(os.getpid(), signal.SIGKILL)
store = Store(root, write=True)
others = Store(other)
sys.addaudithook(hook)
if what == "merge":
    merge(store, others)
elif what == "prune":
    prune(store, ["image"])
else:
    verify(store)
store.close()
print(seen)
"""


def drive(what, root, other, at=0):
    command = [sys.executable, "-c", DRIVER, what, str(root), str(other), str(at)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.faults
@pytest.mark.parametrize("what", ["merge", "prune", "verify"])
def test_killed_at_any_moment_nothing_finished_is_lost(tmp_path, what):
    ours = [node(f"a{n}", content=b"a%d" % n) for n in range(4)]
    ours += [node("image", name="image", content=b"i"), node("lost", content=b"l")]
    ours += [node("fail", "error"), node("score", value=1.0)]
    start = write(tmp_path / "start", ours, ["p"])
    Path(Store(start).artifact(hashlib.sha256(b"l").hexdigest())).write_bytes(b"L")
    theirs = [node(f"b{n}", at=2.0, content=b"b%d" % n) for n in range(4)] + [node("fail")]
    other = write(tmp_path / "other", theirs, ["q"])
    must = {f"a{n}" for n in range(4)} | {"score"}

    whole = Path(shutil.copytree(start, tmp_path / "whole"))
    done = drive(what, whole, other)
    assert done.returncode == 0, done.stderr
    count = int(done.stdout)
    assert count >= 5
    for at in sorted({round(1 + k * (count - 1) / 5) for k in range(6)}):
        root = Path(shutil.copytree(start, tmp_path / f"killed{at}"))
        assert drive(what, root, other, at).returncode == -signal.SIGKILL
        assert must <= set(finished(root))
        assert Store(root).damage == []
        again = drive(what, root, other)  # the same command goes on, or had finished
        assert again.returncode == 0 or "no artifact is called 'image'" in again.stderr
        assert finished(root) == finished(whole)
        assert Store(root).published == Store(whole).published
