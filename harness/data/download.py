"""One verified file from a public address, through dropped connections and interrupted runs."""

from __future__ import annotations

import errno
import fcntl
import http.client
import json
import os
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness.data.digest import digest_matches, file_digest
from harness.errors import UsageError
from harness.spec import Resource

__all__ = ["DownloadError", "download"]

Progress = Callable[[int, int], None]

_CHUNK = 1 << 18
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_PASSING = {408, 425, 429}  # the statuses below 500 that say "later"


class DownloadError(UsageError):
    """A file could not be fetched: the address, what happened, and what to do."""


class _DroppedError(Exception):
    """The transfer broke off in a way that may pass; it is tried again."""


@dataclass(frozen=True, slots=True)
class _Version:
    """How the server names the version of a file, to tell whether a part still belongs to it."""

    etag: str = ""
    modified: str = ""
    total: int = 0

    def same_as(self, other: _Version) -> bool:
        pairs = [(self.etag, other.etag), (self.modified, other.modified)]
        stated = next((mine == theirs for mine, theirs in pairs if mine and theirs), True)
        return stated and (self.total == other.total or not (self.total and other.total))


class _Part:
    """The piece of a file that is already here, and the version it was cut from."""

    def __init__(self, target: Path, sha256: str) -> None:
        self.path = target.with_name(f"{target.name}.part")
        self._info = target.with_name(f"{target.name}.part.json")
        self._sha256 = sha256

    def size(self) -> int:
        return self.path.stat().st_size if self.path.is_file() else 0

    def version(self) -> _Version:
        """Return what is known of the part; a part of unknown origin is thrown away."""
        try:
            info = json.loads(self._info.read_text(encoding="utf-8"))
            if info.pop("sha256") == self._sha256:
                return _Version(**info)
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            pass
        self.clear()
        return _Version()

    def begin(self, version: _Version) -> None:
        info = asdict(version) | {"sha256": self._sha256}
        self._info.write_text(json.dumps(info), encoding="utf-8")

    def clear(self) -> None:
        self.path.unlink(missing_ok=True)
        self._info.unlink(missing_ok=True)

    def finish(self, target: Path) -> None:
        with self.path.open("rb") as file:
            os.fsync(file.fileno())
        self.path.replace(target)
        self._info.unlink(missing_ok=True)


def download(
    resource: Resource,
    target: Path,
    progress: Progress | None = None,
    *,
    attempts: int = 6,
    backoff: float = 0.5,
    timeout: float = 30.0,
) -> None:
    """Fetch ``resource`` to ``target``, which appears only when its sha256 is right.

    What has arrived is kept beside it as ``NAME.part`` and gone on with, by this call or a
    later one, as long as the server still has the same version. Two processes that fetch the
    same file do it one after the other, so the second finds it done.

    Args:
        resource: address and digest.
        target: where the file is to lie.
        progress: called with the bytes that are here and the bytes in all (0: not known).
        attempts: how often a transfer that broke off is begun.
        backoff: seconds before the second attempt; twice as long before each further one.
        timeout: seconds without a byte after which a connection counts as dropped.

    Raises:
        DownloadError: in one line, why it could not be had.
    """
    if not resource.url.startswith(("http://", "https://")):
        raise DownloadError(f"{resource.url!r} is no address of a file: expected http(s)://")
    part = _Part(target, resource.sha256)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _locked(target):
            declared = resource.sha256
            if target.is_file() and digest_matches(file_digest(target, declared), declared):
                return
            reason = ""
            for attempt in range(attempts):
                time.sleep(backoff * 2 ** (attempt - 1) if attempt else 0)
                try:
                    _attempt(resource, part, target, progress or _silent, timeout)
                except _DroppedError as dropped:
                    reason = str(dropped)
                else:
                    return
    except OSError as error:
        raise DownloadError(_disk_line(resource, target, part, error)) from error
    raise DownloadError(
        f"{resource.url}: {reason}, {attempts} times; {part.size()} bytes are kept: "
        f"run the command again to go on, or put the file at {target} yourself"
    )


def _silent(done: int, total: int) -> None:
    pass


def _disk_line(resource: Resource, target: Path, part: _Part, error: OSError) -> str:
    if error.errno in _FULL:
        return (
            f"{resource.url}: no room on the disk of {target.parent}; {part.size()} bytes are "
            f"kept: free some space, or set HARNESS_CACHE to another disk, and run it again"
        )
    return f"{target}: cannot be written ({error.strerror or error}); set HARNESS_CACHE"


@contextmanager
def _locked(target: Path) -> Iterator[None]:
    lock = target.with_name(f".{target.name}.lock")
    while True:
        handle = lock.open("w")
        fcntl.flock(handle, fcntl.LOCK_EX)
        # Its last holder may have removed the file while we waited for it: then we hold nothing.
        if lock.exists() and os.path.samestat(lock.stat(), os.fstat(handle.fileno())):
            break
        handle.close()
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)
        fcntl.flock(handle, fcntl.LOCK_UN)  # a child forked meanwhile shares the handle
        handle.close()


def _attempt(
    resource: Resource, part: _Part, target: Path, progress: Progress, timeout: float
) -> None:
    whole = _transfer(resource, part, progress, timeout)
    found = file_digest(part.path, resource.sha256)
    if digest_matches(found, resource.sha256):
        part.finish(target)
        return
    part.clear()
    if not whole:  # pieces of two versions, put together under a server that names neither
        raise _DroppedError("the file changed on the server between two pieces")
    raise DownloadError(
        f"{resource.url}: the file there is not the one expected (sha256 {found}, declared "
        f"{resource.sha256}); nothing was kept: it may have been replaced by its publisher"
    )


def _transfer(resource: Resource, part: _Part, progress: Progress, timeout: float) -> bool:
    """Bring the part to its full length; return whether it all came by this one response."""
    had = part.version()
    offset = part.size()
    total = resource.size or had.total
    if total and offset == total:
        return False
    if total and offset > total:
        part.clear()
        offset = 0
    with _open(resource.url, offset, had, part, timeout) as response:
        start, version = _told(response)
        if start not in (0, offset) or (start and not version.same_as(had)):
            part.clear()
            raise _DroppedError("the file changed on the server")
        if resource.size and version.total and version.total != resource.size:
            part.clear()
            raise DownloadError(
                f"{resource.url}: the file there has {version.total} bytes, expected "
                f"{resource.size}: it may have been replaced by its publisher"
            )
        if not start:
            part.clear()
            part.begin(version)
        _receive(response, part, start, version.total or resource.size, progress)
    return not start


def _open(url: str, offset: int, had: _Version, part: _Part, timeout: float) -> Any:
    from urllib.error import HTTPError, URLError
    from urllib.request import Request, urlopen

    headers = {"Accept-Encoding": "identity", "User-Agent": "harness"}
    if offset:
        headers["Range"] = f"bytes={offset}-"
        strong = had.etag if not had.etag.startswith("W/") else ""
        if strong or had.modified:
            headers["If-Range"] = strong or had.modified
    try:
        return urlopen(Request(url, headers=headers), timeout=timeout)  # noqa: S310 - http(s) only
    except HTTPError as error:
        error.close()
        said = f"HTTP {error.code} {error.reason}"
        if error.code == 416:
            part.clear()
        elif error.code < 500 and error.code not in _PASSING:
            raise DownloadError(f"{url}: {said}; the address may have moved") from error
        raise _DroppedError(said) from error
    except URLError as error:
        if isinstance(error.reason, socket.gaierror | ssl.SSLCertVerificationError):
            raise DownloadError(f"{url}: {error.reason}; check the network") from error
        raise _DroppedError(_words(error.reason)) from error
    except (OSError, http.client.HTTPException) as error:
        raise _DroppedError(_words(error)) from error


def _words(error: object) -> str:
    if isinstance(error, TimeoutError):
        return "the server stopped answering"
    return " ".join(str(error).split()) or type(error).__name__


def _told(response: Any) -> tuple[int, _Version]:
    """Return at which byte the response begins, and the version it belongs to."""
    start, total = 0, int(response.headers.get("Content-Length") or 0)
    if response.status == 206:
        span = re.match(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
        if span is None:
            raise _DroppedError("the server sent a piece without saying which")
        start, total = int(span[1]), int(span[2]) if span[2] != "*" else 0
    etag, modified = response.headers.get("ETag", ""), response.headers.get("Last-Modified", "")
    return start, _Version(etag, modified, total)


def _receive(response: Any, part: _Part, done: int, total: int, progress: Progress) -> None:
    with part.path.open("ab") as file:
        progress(done, total)
        while True:
            try:
                piece = response.read1(_CHUNK)
            except (OSError, http.client.HTTPException) as error:
                raise _DroppedError(_words(error)) from error
            if not piece:
                break
            file.write(piece)
            done += len(piece)
            progress(done, total)
            if total and done > total:
                raise _DroppedError(f"more than the {total} bytes announced arrived")
    if done < total:
        raise _DroppedError(f"the connection was dropped after {done} of {total} bytes")
