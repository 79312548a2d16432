"""What was asked of AI Hub: written before it is asked, and never taken back.

One file of JSON lines in the device's folder, shared by all workers. A line is on disk before the
next step is taken, so a process that is killed at any moment leaves enough to find its jobs
again. Standard library alone.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from harness.spec import Unavailable

__all__ = ["Attempt", "Journal", "key_of"]

_TITLE = 40


def key_of(*parts: Any) -> str:
    """Return the digest of plain JSON: equal work has an equal key."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass(slots=True)
class Attempt:
    """One submission of a job, from the intent to the end.

    Attributes:
        name: what the job is called at AI Hub; no other submission is ever called so.
        started: when it was intended, in seconds since 1970.
        job: AI Hub's id, once known.
        end: ``""`` while open; ``"done"``, ``"failed"`` (AI Hub says so), ``"refused"`` (it was
            never accepted), ``"lost"`` (AI Hub knows no such job).
        about: what was learned at its end, plain JSON.
    """

    key: str
    kind: str
    name: str
    started: float
    job: str = ""
    end: str = ""
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def counts(self) -> bool:
        """Whether a job was made, or may have been made."""
        return self.end not in {"refused", "lost"}


class Journal:
    """The journal of one device folder.

    Args:
        folder: made where it does not exist.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._path = folder / "journal.jsonl"

    # --- reading ---------------------------------------------------------------------------

    def attempts(self, key: str) -> list[Attempt]:
        """Return the submissions for a key, in order."""
        return [a for a in _replay(self._lines()) if a.key == key]

    def uploaded(self, sha256: str, newer_than: float) -> str:
        """Return the id under which AI Hub holds these bytes, ``""`` where it does not."""
        ids = [
            line["id"]
            for line in self._lines()
            if line["event"] == "uploaded"
            and line["sha256"] == sha256
            and line["time"] >= newer_than
        ]
        return str(ids[-1]) if ids else ""

    def _lines(self) -> list[dict[str, Any]]:
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return []
        found = []
        for line in data.split(b"\n"):
            with contextlib.suppress(ValueError):  # one that a kill has torn
                found.append(json.loads(line))
        return found

    # --- writing ---------------------------------------------------------------------------

    def intend(self, key: str, kind: str, title: str, budget: int) -> Attempt:
        """Write that a job will be submitted, under a name of its own.

        Raises:
            Unavailable: ``budget`` jobs were submitted from this folder.
        """
        name = f"{title[:_TITLE]} harness-{uuid.uuid4().hex[:20]}"
        attempt = Attempt(key, kind, name, time.time())
        with self._locked():
            used = sum(a.counts for a in _replay(self._lines()))
            if used >= budget:
                raise Unavailable(
                    f"the budget of {budget} AI Hub jobs is spent ({used} submitted)",
                    f"allow more in the suite: {{aihub: {{budget: {2 * budget}, …}}}}",
                )
            self._write({"event": "intent", "key": key, "kind": kind, "name": attempt.name})
        return attempt

    def submitted(self, attempt: Attempt, job: str) -> None:
        """Write the id that AI Hub gave."""
        self.append({"event": "submitted", "name": attempt.name, "job": job})

    def ended(self, attempt: Attempt, end: str, about: Mapping[str, Any]) -> None:
        """Write how a submission ended."""
        self.append({"event": "ended", "name": attempt.name, "end": end, "about": about})

    def upload(self, sha256: str, id_: str) -> None:
        """Write under which id AI Hub holds bytes."""
        self.append({"event": "uploaded", "sha256": sha256, "id": id_})

    def append(self, line: Mapping[str, Any]) -> None:
        """Write a line and wait until it is on disk."""
        with self._locked():
            self._write(line)

    def _write(self, line: Mapping[str, Any]) -> None:
        data = json.dumps({**line, "time": time.time()}, ensure_ascii=False).encode() + b"\n"
        with open(self._path, "ab+") as file:
            if file.tell():
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":  # a line that a kill has torn ends here
                    data = b"\n" + data
            file.write(data)
            file.flush()
            os.fsync(file.fileno())

    # --- locks -----------------------------------------------------------------------------

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        with self._lock_file("journal") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    @contextlib.contextmanager
    def holding(self, keys: Iterable[str], wait: Callable[[], None]) -> Iterator[None]:
        """Hold work to oneself; the kernel lets go of it when the process ends.

        Args:
            keys: of the work; taken in one order by all, so that nobody waits in a circle.
            wait: called while another process holds one; raises to give up.
        """
        with contextlib.ExitStack() as held:
            for key in sorted(set(keys)):
                file = held.enter_context(self._lock_file(key))
                while not _try_lock(file):
                    wait()
            yield

    def _lock_file(self, name: str) -> BinaryIO:
        folder = self.folder / "locks"
        folder.mkdir(exist_ok=True)
        return open(folder / name, "ab")


def _try_lock(file: BinaryIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _replay(lines: Iterable[Mapping[str, Any]]) -> list[Attempt]:
    """Return all submissions that the lines tell of, in order."""
    found: dict[str, Attempt] = {}
    for line in lines:
        name = line.get("name")
        if line["event"] == "intent":
            found[name] = Attempt(line["key"], line["kind"], line["name"], line["time"])
        elif line["event"] == "submitted":
            found[name].job = line["job"]
        elif line["event"] == "ended":
            found[name].end, found[name].about = line["end"], line["about"]
    return list(found.values())
