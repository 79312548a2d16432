"""A worker: reads calls as JSON lines, makes them, writes results as JSON lines.

``python -m harness.worker`` is started by :mod:`harness.run.process` with the protocol on file
descriptors of its own, so whatever a model prints cannot disturb it. It needs nothing but the
standard library and the plugin, so it can run under another interpreter.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import resource
import signal
import sys
import time
from typing import Any, BinaryIO

from harness import trace
from harness.worker.calls import Calls, Refused

# what an exception may ask for
_OWN = ("unavailable", "skipped", "nonfinite", "invalid", "oom", "timeout")


def main() -> None:
    """Serve calls until the pipe closes."""
    requests, replies = _take_pipes()
    _die_with_parent()
    calls = Calls()
    gc.freeze()
    while line := requests.readline():
        request = json.loads(line)
        if request["op"] == "limits":
            _limit(request)
            continue
        reply = _serve(calls, request, replies)
        replies.write(_line(reply))
        replies.flush()


def _take_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Move the protocol away from descriptors 0 and 1, which belong to the model's code."""
    requests = os.fdopen(os.dup(0), "rb")
    replies = os.fdopen(int(os.environ.pop("HARNESS_REPLY_FD")), "wb")
    os.set_inheritable(replies.fileno(), False)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    return requests, replies


def _die_with_parent() -> None:
    """Ask the kernel to end this process with the harness, and to choose it when memory is out."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
        if os.getppid() != int(os.environ.pop("HARNESS_PARENT")):
            os._exit(0)  # it was gone before the kernel was asked
        try:
            with open("/proc/self/oom_score_adj", "w") as file:
                file.write("900")
        except OSError:
            pass


def _line(reply: dict[str, Any]) -> bytes:
    """Write a reply as a line of UTF-8; lone surrogates in a model's messages become ``?``."""
    try:
        text = json.dumps(reply, default=str, ensure_ascii=False, skipkeys=True)
    except ValueError as error:  # notes that contain themselves
        reason = f"its notes are not plain data: {error}"
        text = json.dumps({"outcome": "invalid", "reason": reason})
    return text.encode(errors="replace") + b"\n"


def _limit(request: dict[str, Any]) -> None:
    """Bound private writable memory: an allocation beyond it fails instead of hurting others."""
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = int(request["memory"])
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (wanted, hard))


def _serve(calls: Calls, request: dict[str, Any], replies: BinaryIO) -> dict[str, Any]:
    """Make one call and describe how it went."""
    reply: dict[str, Any] = {"outcome": "ok", "unbuilt": True}
    try:
        made = calls.build(request)
        del reply["unbuilt"]
        replies.write(b'{"built":true}\n')
        replies.flush()
        inputs = calls.load(request["inputs"])
        trace.reset()
        before, start = _cpu(), time.perf_counter()
        try:
            result = calls.make(request, made, inputs)
        finally:
            reply["wall"] = time.perf_counter() - start
            reply["cpu"] = _cpu() - before
        reply |= calls.keep(request, result)
    except MemoryError as error:
        reply |= {"outcome": "oom", "reason": f"out of memory: {error}".rstrip(": ")}
    except Refused as error:
        reply |= {"outcome": error.outcome, "reason": str(error)}
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a model may raise anything
        reply |= _describe(error)
    reply["spans"], reply["notes"] = trace.taken()
    reply["rss"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return reply


def _cpu() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def _describe(error: BaseException) -> dict[str, Any]:
    """Turn an exception into an outcome; it may name its own in an attribute ``outcome``."""
    import traceback

    outcome = getattr(error, "outcome", None)
    if type(error).__name__ == "Unavailable":
        outcome = "unavailable"
    try:
        reason = " ".join(str(error).split())[:500]
        log = "".join(traceback.format_exception(error))[-4000:]
    except Exception as worse:  # noqa: BLE001 - its __str__ may raise anything
        reason = log = f"its message cannot be read: {type(worse).__name__}"
    if outcome not in _OWN:
        outcome, reason = "error", f"{type(error).__name__}: {reason}{_where(error)}"
    return {"outcome": outcome, "reason": reason, "log": log}


def _where(error: BaseException) -> str:
    """Return the innermost line of the model's own code, in brackets."""
    import traceback

    frames = [
        f"{os.path.basename(f.filename)}:{f.lineno}"
        for f in traceback.extract_tb(error.__traceback__)
        if not f.filename.startswith("<")
        and "/harness/worker/" not in f.filename
        and "/importlib/" not in f.filename
    ]
    return f" ({frames[-1]})" if frames else ""


if __name__ == "__main__":
    main()
