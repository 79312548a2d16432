"""One worker process as its parent sees it: pipes, limits, and how it ended."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.run.executor import Call

__all__ = ["WorkerProcess"]

_TAIL = 8192  # bytes of output kept for a failure's log
_KEPT = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TZ",
    "TMPDIR",
    "LD_LIBRARY_PATH",
    "CUDA_VISIBLE_DEVICES",
)
_KEEP_MEMORY = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_")
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


def worker_environment(extra: dict[str, str]) -> dict[str, str]:
    """Return what a worker may see of the environment: little, and the same everywhere.

    One thread unless the stage says otherwise, so that results and times do not depend on how
    many other workers there are; hubs are told to stay offline; glibc keeps the memory of big
    arrays instead of asking the kernel for it anew at each call.
    """
    kept = {k: v for k, v in os.environ.items() if k in _KEPT or k.startswith("HARNESS_")}
    root = str(Path(__file__).resolve().parents[2])
    added = (p for p in os.environ.get("PYTHONPATH", "").split(os.pathsep) if p)
    return {
        **kept,
        **dict.fromkeys(_THREADS, "1"),
        **dict.fromkeys(_KEEP_MEMORY, str(2**30)),
        "PYTHONPATH": os.pathsep.join([root, *map(os.path.abspath, added)]),
        "PYTHONHASHSEED": "0",
        "HF_HUB_OFFLINE": "1",
        **extra,
    }


class WorkerProcess:
    """A worker in a session and a working folder of its own.

    Args:
        call: the first call; its group and memory limit are the worker's.
        home: an empty folder that will be its working folder and is removed with it.
    """

    def __init__(self, call: Call, home: Path) -> None:
        self.group = call.group
        self.home = home
        home.mkdir(parents=True)
        self.replies, reply_end = os.pipe()
        self.output, output_end = os.pipe()
        env = worker_environment(dict(call.group.env)) | {
            "HARNESS_REPLY_FD": str(reply_end),
            "HARNESS_PARENT": str(os.getpid()),
        }
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "harness.worker"],
            stdin=subprocess.PIPE,
            stdout=output_end,
            stderr=output_end,
            pass_fds=(reply_end,),
            cwd=home,
            env=env,
            start_new_session=True,
        )
        os.close(reply_end)
        os.close(output_end)
        os.set_blocking(self.output, False)
        self._memory = 0
        self._deadline = float("inf")
        self._seconds = 0.0
        self._verdict: tuple[str, str] | None = None
        self._built = False
        self.closed = False
        self._buffer = bytearray()
        self._said = bytearray()

    def streams(self) -> list[tuple[int, Callable[[], bool]]]:
        """Return the descriptors to listen on, and what reads each; False means closed."""
        return [(self.replies, self.read_replies), (self.output, self.read_output)]

    def send(self, call: Call) -> None:
        """Send a call; a worker that is gone is noticed on its reply pipe."""
        self._seconds = call.limits.seconds
        self._deadline = time.monotonic() + self._seconds
        lines = json.dumps(call.request).encode() + b"\n"
        if call.limits.memory != self._memory:
            self._memory = call.limits.memory
            lines = b'{"op":"limits","memory":%d}\n' % self._memory + lines
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(lines)
            self._process.stdin.flush()
        except BrokenPipeError:
            pass

    def read_replies(self) -> bool:
        """Read what has arrived on the reply pipe."""
        data = os.read(self.replies, 1 << 16)
        self._buffer += data
        return bool(data)

    def read_output(self) -> bool:
        """Read what the model printed, keeping the end of it."""
        try:
            data = os.read(self.output, 1 << 20)
        except BlockingIOError:
            return True
        self._said += data
        if len(self._said) > 2 * _TAIL:
            del self._said[:-_TAIL]
        return bool(data)

    def taken(self) -> list[dict[str, Any]]:
        """Return the replies that are complete; building done restarts the clock."""
        *lines, rest = bytes(self._buffer).split(b"\n")
        if not lines:
            return []
        self._buffer[:] = rest
        replies = [json.loads(line) for line in lines]
        if any("built" in r for r in replies):
            self._built = True
            self._deadline = time.monotonic() + self._seconds
        return replies

    def check(self, now: float) -> None:
        """Kill the worker if it is over its time or its memory."""
        if self._verdict is not None:
            return
        if now > self._deadline:
            self._verdict = ("timeout", f"took longer than {self._seconds:g} s")
        elif _resident(self._process.pid) > self._memory:
            self._verdict = ("oom", f"took more than {self._memory / 1e9:g} GB of memory")
        else:
            return
        self._signal()

    def obituary(self) -> dict[str, Any]:
        """Say how a worker ended that did not reply."""
        self._signal()
        status = self._process.wait()
        while self.read_output() and self._pending():
            pass
        log = self.forget_output()
        if self._verdict is not None:
            outcome, reason = self._verdict
        elif status < 0:
            name = signal.Signals(-status).name
            hint = " (by the system: out of memory?)" if -status == signal.SIGKILL else ""
            outcome, reason = "crashed", f"killed by {name}{hint}"
        else:
            outcome, reason = "crashed", f"exited with code {status} instead of answering"
        return {"outcome": outcome, "reason": reason, "log": log, "unbuilt": not self._built}

    def forget_output(self) -> str:
        """Return the end of what was printed since the last call, and forget it."""
        text = bytes(self._said[-_TAIL:]).decode(errors="replace")
        self._said.clear()
        return text

    def kill(self) -> None:
        """End the worker and everything it started, and remove its folder."""
        if self.closed:
            return
        self.closed = True
        self._signal()
        self._process.wait()
        for stream in (self.replies, self.output):
            os.close(stream)
        assert self._process.stdin is not None
        try:
            self._process.stdin.close()
        except BrokenPipeError:
            pass
        shutil.rmtree(self.home, ignore_errors=True)

    def _signal(self) -> None:
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def _pending(self) -> bool:
        import select

        return bool(select.select([self.output], [], [], 0)[0])


def _resident(pid: int) -> int:
    """Return the resident bytes of a process and its children; 0 where it cannot be told."""
    total = 0
    try:
        with open(f"/proc/{pid}/statm") as file:
            total = int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children") as file:
                total += sum(_resident(int(child)) for child in file.read().split())
    except (OSError, IndexError):
        pass
    return total
