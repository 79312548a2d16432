"""Worker processes on this machine, driven over pipes."""

from __future__ import annotations

import selectors
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.run.executor import Call, Done
from harness.run.node import Group
from harness.run.worker_process import WorkerProcess

__all__ = ["ProcessExecutor"]

_LOOK_SECONDS = 0.1  # how often memory and deadlines are looked at


class ProcessExecutor:
    """At most ``jobs`` calls at once; idle workers are kept for further calls of their group.

    Args:
        jobs: how many calls run at a time.
        scratch: a folder for the workers' working folders.
    """

    def __init__(self, jobs: int, scratch: Path) -> None:
        self._jobs = jobs
        self._scratch = Path(tempfile.mkdtemp(prefix="run-", dir=scratch))
        self._selector = selectors.DefaultSelector()
        self._busy: dict[WorkerProcess, Call] = {}
        self._idle: list[WorkerProcess] = []
        self._retired: set[str] = set()
        self._started = 0
        self._looked = 0.0

    def free(self) -> int:
        """Return how many more calls may be submitted now."""
        return self._jobs - len(self._busy)

    def waiting(self, group: Group) -> bool:
        """Return whether a worker of the group stands ready."""
        return any(w.group.name == group.name for w in self._idle)

    def submit(self, call: Call) -> None:
        """Start a call on a waiting worker of its group, or on a new one."""
        worker = next((w for w in self._idle if w.group.name == call.group.name), None)
        if worker is None:
            worker = self._start(call)
        else:
            self._idle.remove(worker)
        self._busy[worker] = call
        worker.send(call)

    def poll(self, timeout: float) -> list[Done]:
        """Return the calls that ended, waiting at most ``timeout`` seconds for the first."""
        done: list[Done] = []
        end = time.monotonic() + timeout
        while not done:
            left = end - time.monotonic()
            for key, _ in self._selector.select(max(0.0, min(left, _LOOK_SECONDS))):
                worker, read = key.data
                if worker.closed:  # ended by what it wrote on its other pipe
                    continue
                done += self._heard(worker, read)
            self._look()
            if left <= 0:
                break
        return done

    def retire(self, group: Group) -> None:
        """End the idle workers of a group for which no further call will come."""
        self._retired.add(group.name)
        for worker in [w for w in self._idle if w.group.name == group.name]:
            self._idle.remove(worker)
            self._end(worker)

    def close(self) -> None:
        """End every worker with all its children."""
        for worker in [*self._busy, *self._idle]:
            self._end(worker)
        self._busy.clear()
        self._idle.clear()
        self._selector.close()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def _start(self, call: Call) -> WorkerProcess:
        if len(self._idle) >= 2 * self._jobs:  # the one that has waited longest
            self._end(self._idle.pop(0))
        self._started += 1
        worker = WorkerProcess(call, self._scratch / str(self._started))
        for stream, read in worker.streams():
            self._selector.register(stream, selectors.EVENT_READ, (worker, read))
        return worker

    def _end(self, worker: WorkerProcess) -> None:
        for stream, _ in worker.streams():
            self._forget(stream)
        worker.kill()

    def _forget(self, stream: int) -> None:
        try:
            self._selector.unregister(stream)
        except KeyError:
            pass

    def _heard(self, worker: WorkerProcess, read: Callable[[], bool]) -> list[Done]:
        """Take what a worker wrote; a closed reply pipe means that it is gone."""
        stream = worker.replies if read == worker.read_replies else worker.output
        if not read():
            self._forget(stream)
            if stream == worker.output:
                return []
            return self._lost(worker)
        replies = [r for r in worker.taken() if "built" not in r]
        call = self._busy.get(worker)
        if not replies or call is None:
            return []
        del self._busy[worker]
        if worker.group.name in self._retired:
            self._end(worker)
        else:
            self._idle.append(worker)
        return [Done(token=call.token, reply=_with_log(replies[0], worker))]

    def _lost(self, worker: WorkerProcess) -> list[Done]:
        reply = worker.obituary()
        self._end(worker)
        if worker in self._idle:
            self._idle.remove(worker)
        call = self._busy.pop(worker, None)
        return [Done(token=call.token, reply=reply)] if call else []

    def _look(self) -> None:
        """End workers that are over their time or memory; their pipes then tell."""
        now = time.monotonic()
        if now - self._looked < _LOOK_SECONDS:
            return
        self._looked = now
        for worker in self._busy:
            worker.check(now)


def _with_log(reply: dict[str, Any], worker: WorkerProcess) -> dict[str, Any]:
    if reply["outcome"] == "ok":
        worker.forget_output()
        return reply
    said = worker.forget_output()
    return {**reply, "log": "\n".join(t for t in (said, reply.get("log", "")) if t)[-8000:]}
