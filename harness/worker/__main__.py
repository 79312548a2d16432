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
        replies.write(json.dumps(reply, default=str).encode() + b"\n")
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
        if os.getppid() == 1:
            os._exit(0)
        try:
            with open("/proc/self/oom_score_adj", "w") as file:
                file.write("900")
        except OSError:
            pass


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

    outcome = getattr(error, "outcome", "error")
    if type(error).__name__ == "Unavailable":
        outcome = "unavailable"
    reason = " ".join(str(error).split())[:500]
    frames = traceback.extract_tb(error.__traceback__)
    inner = [f for f in frames if "/harness/worker/" not in f.filename]
    where = f" ({os.path.basename(inner[-1].filename)}:{inner[-1].lineno})" if inner else ""
    name = "" if outcome != "error" else f"{type(error).__name__}: "
    log = "".join(traceback.format_exception(error))[-4000:]
    return {"outcome": outcome, "reason": f"{name}{reason}{where}", "log": log}


if __name__ == "__main__":
    main()
