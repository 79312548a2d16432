"""What of an owner's files is here; fetching and checking all of them."""

from __future__ import annotations

import contextlib
import glob
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from harness.data.cache import cache_dir, cache_path, find
from harness.data.digest import FileMemo, digest_matches, file_digest, remembered_digest
from harness.data.download import DownloadError, download
from harness.spec import Resource

__all__ = ["FileStatus", "pull", "status", "verify"]

Report = Callable[[Resource, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileStatus:
    """How one resource stands on this machine.

    Attributes:
        name: the resource's name.
        path: where its file lies, "" where it is missing.
        state: ``damaged`` is a file whose sha256 is not the declared one.
        sha256: whole digest of the file that is there; the declared one where it is missing.
        size: bytes of the file that is there; the declared size where it is missing.
    """

    name: str
    path: str
    state: Literal["present", "missing", "damaged"]
    sha256: str
    size: int


def status(owner: str, resources: Iterable[Resource]) -> list[FileStatus]:
    """Return the state of each resource, trusting digests remembered of unchanged files."""
    return _states(owner, resources, rehash=False)


def verify(owner: str, resources: Iterable[Resource]) -> list[FileStatus]:
    """Return the state of each resource, reading and hashing every file anew."""
    return _states(owner, resources, rehash=True)


def pull(
    owner: str, resources: Iterable[Resource], progress: Report | None = None
) -> list[FileStatus]:
    """Download what is missing or damaged into the cache; return how each resource stands.

    A file that another owner has in the cache is shared with it, not fetched again.

    Args:
        owner: name of the dataset or model.
        resources: what it needs.
        progress: called with the resource, the bytes that are here and the bytes in all (0
            where that is not known).

    Raises:
        DownloadError: one line for each file that could not be had; the others are there.
    """
    wanted = tuple(resources)
    faults: list[str] = []
    for resource, there in zip(wanted, status(owner, wanted), strict=True):
        target = cache_path(owner, resource)
        if there.state == "present":
            continue
        if there.state == "damaged" and there.path != str(target):
            faults.append(f"{there.path} is damaged and not in the cache: delete or replace it")
            continue
        if _shared(resource, target):
            continue
        try:
            download(resource, target, _bound(progress, resource))
        except DownloadError as error:
            faults.extend(error.lines)
    if faults:
        raise DownloadError(*faults)
    return status(owner, wanted)


def _shared(resource: Resource, target: Path) -> bool:
    """Link to the file another owner has fetched, e.g. one network that two metrics stand on."""
    for there in sorted(cache_dir().glob(f"*/{glob.escape(resource.name)}")):
        with contextlib.suppress(OSError):
            like = resource.sha256
            if there != target and digest_matches(file_digest(there, like), like):
                target.parent.mkdir(parents=True, exist_ok=True)
                target.unlink(missing_ok=True)
                target.hardlink_to(there)
                return True
    return False


def _bound(progress: Report | None, resource: Resource) -> Callable[[int, int], None] | None:
    if progress is None:
        return None
    return lambda done, total: progress(resource, done, total)


def _states(owner: str, resources: Iterable[Resource], *, rehash: bool) -> list[FileStatus]:
    memo = FileMemo(owner, cache_dir())
    found = [_state(owner, resource, memo, rehash=rehash) for resource in resources]
    memo.save()
    return found


def _state(owner: str, resource: Resource, memo: FileMemo, *, rehash: bool) -> FileStatus:
    path = find(owner, resource)
    if path is None:
        return FileStatus(
            name=resource.name,
            path="",
            state="missing",
            sha256=resource.sha256,
            size=resource.size,
        )
    like = resource.sha256
    digest = file_digest(path, like) if rehash else remembered_digest(path, memo, like)
    if rehash:
        memo.put(path, digest)
    return FileStatus(
        name=resource.name,
        path=str(path),
        state="present" if digest_matches(digest, resource.sha256) else "damaged",
        sha256=digest,
        size=path.stat().st_size,
    )
