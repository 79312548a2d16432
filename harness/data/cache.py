"""Where fetched files lie, and whether they are what they should be."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

from harness.data.digest import FileMemo, digest_matches, remembered_digest
from harness.spec import Resource, Unavailable

__all__ = ["DamagedError", "cache_dir", "cache_path", "find", "resource_path"]


class DamagedError(ValueError):
    """A file is there, but its sha256 is not the declared one."""


def cache_dir() -> Path:
    """Return the folder of everything fetched: ``$HARNESS_CACHE``, or the user's cache."""
    chosen = os.environ.get("HARNESS_CACHE", "")
    if chosen:
        return Path(chosen).expanduser().absolute()
    from platformdirs import user_cache_path

    return user_cache_path("harness", appauthor=False)


def cache_path(owner: str, resource: Resource) -> Path:
    """Return where ``resource`` is downloaded to, whether it is there or not.

    Raises:
        ValueError: the owner's or the resource's name leads out of the cache.
    """
    inside = PurePosixPath(owner) / resource.name
    if inside.is_absolute() or ".." in inside.parts or not owner or not resource.name:
        raise ValueError(f"resource {resource.name!r} of {owner!r}: names must be plain files")
    return cache_dir() / inside


def find(owner: str, resource: Resource) -> Path | None:
    """Return the file of ``resource``, good or damaged, or None where there is none."""
    cached = cache_path(owner, resource)
    root = os.environ.get("HARNESS_DATA", "")
    places = [Path(root).expanduser().absolute() / owner / resource.name] if root else []
    return next((path for path in (*places, cached) if path.is_file()), None)


def resource_path(owner: str, resource: Resource, *, remedy: str = "") -> Path:
    """Return where the verified file of ``resource`` lies.

    A big file is not hashed at every call: its digest is remembered in the cache together
    with its size and modification time.

    Args:
        owner: name of the dataset or model it belongs to.
        resource: what is looked for.
        remedy: what the user does to get it; the command for data where it is empty.

    Raises:
        Unavailable: the file is not on this machine.
        DamagedError: it is, and is not what it should be.
    """
    remedy = remedy or f"run: harness data pull {owner}"
    path = find(owner, resource)
    if path is None:
        raise Unavailable(f"{owner}: {resource.name} is not on this machine", remedy)
    memo = FileMemo(owner, cache_dir())
    found = remembered_digest(path, memo, resource.sha256)
    memo.save()
    if not digest_matches(found, resource.sha256):
        raise DamagedError(
            f"{path} is damaged: sha256 {found}, expected {resource.sha256}; "
            f"delete it, then {remedy}"
        )
    return path
