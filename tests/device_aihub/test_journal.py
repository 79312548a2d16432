"""The journal: whatever a kill leaves of it is read, and nothing is taken back."""

from __future__ import annotations

import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.spec import Unavailable
from harness_plugins.device_aihub.deadline import Deadline, TimeUpError
from harness_plugins.device_aihub.journal import Journal, key_of

END = st.sampled_from(["", "done", "failed", "refused", "lost"])


def _filled(folder, ends):
    """Return a journal with one submission for each end, under one key."""
    journal = Journal(folder)
    for place, end in enumerate(ends):
        attempt = journal.intend("key", "compile", "g_s", 100)
        if end not in ("refused", "lost"):
            journal.submitted(attempt, f"j{place}")
        if end:
            journal.ended(attempt, end, {"place": place})
    return journal


def _state(journal):
    return [(a.name, a.job, a.end, a.about) for a in journal.attempts("key")]


@settings(max_examples=20)  # each line is waited for until it is on disk
@given(ends=st.lists(END, min_size=1, max_size=4), share=st.floats(0, 1))
def test_a_journal_cut_at_any_byte_tells_what_was_whole(tmp_path_factory, ends, share):
    journal = _filled(tmp_path_factory.mktemp("journal"), ends)
    path = journal.folder / "journal.jsonl"
    whole = path.read_bytes()
    cut = round(share * len(whole))
    path.write_bytes(whole[: whole.rfind(b"\n", 0, cut) + 1])
    expected = _state(journal)
    path.write_bytes(whole[:cut])
    # the last line may be whole but for its end
    found = _state(journal)
    path.write_bytes(whole[:cut] + b"\n")
    assert found in (expected, _state(journal))
    path.write_bytes(whole[:cut])
    journal.intend("key", "compile", "g_s", 100)
    assert _state(journal)[:-1] == found


def test_what_is_read_is_what_was_written(tmp_path):
    journal = _filled(tmp_path, ["failed", "lost", "refused", "done", ""])
    found = journal.attempts("key")
    assert [(a.job, a.end) for a in found] == [
        ("j0", "failed"),
        ("", "lost"),
        ("", "refused"),
        ("j3", "done"),
        ("j4", ""),
    ]
    assert len({a.name for a in found}) == 5
    assert [a.counts for a in found] == [True, False, False, True, True]
    assert journal.attempts("another") == []


def test_the_budget_is_of_jobs_that_were_made(tmp_path):
    journal = _filled(tmp_path, ["lost", "refused", "failed", ""])
    journal.intend("key", "inference", "g_s", 3)
    with pytest.raises(Unavailable, match=r"budget of 3 AI Hub jobs is spent \(3 submitted\)"):
        journal.intend("key", "inference", "g_s", 3)


def test_workers_never_spend_more_than_the_budget(tmp_path):
    spent = []

    def spend(journal):
        try:
            while True:
                spent.append(journal.intend("key", "compile", "g_s", 12).name)
        except Unavailable:
            pass

    threads = [threading.Thread(target=spend, args=(Journal(tmp_path),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(spent) == len(set(spent)) == 12


def test_an_old_upload_is_forgotten(tmp_path):
    journal = Journal(tmp_path)
    journal.upload("abc", "m1")
    assert journal.uploaded("abc", 0.0) == "m1"
    assert journal.uploaded("abc", time.time() + 1) == ""
    assert journal.uploaded("abd", 0.0) == ""


def test_work_is_held_by_one_and_in_one_order(tmp_path):
    first, second = Journal(tmp_path), Journal(tmp_path)
    deadline = Deadline(0.2)
    with (
        first.holding(["b", "a"], lambda: pytest.fail("nobody else holds it")),
        pytest.raises(TimeUpError, match=r"busy after 0.2 s"),
        second.holding(["a", "c", "b"], lambda: deadline.pause(0.01, "busy")),
    ):
        pytest.fail("two hold the same work")
    with second.holding(["a", "c", "b", "a"], lambda: pytest.fail("it was let go")):
        pass


@given(
    st.dictionaries(st.text(max_size=3), st.integers() | st.lists(st.text(max_size=2)), max_size=5)
)
def test_keys_do_not_depend_on_the_order_of_names(value):
    turned = dict(reversed(value.items()))
    assert key_of("compile", value) == key_of("compile", turned)
    assert key_of("compile", value) != key_of("inference", value)
