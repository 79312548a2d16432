"""Files that come by another way than their address: from a folder, or from another tool's cache.

What a file is, is told by its digest, whatever its name. :func:`export` writes a folder, with a
list of what is in it, from which another machine takes what it needs without a network.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness.data.cache import cache_path
from harness.data.digest import digest_matches, file_digest, file_sha256
from harness.data.manage import status
from harness.spec import Resource

__all__ = ["LOCK", "Locked", "Taken", "export", "known_files", "read_lock", "take"]

Owners = Mapping[str, tuple[Resource, ...]]

LOCK = "weights.lock"


@dataclass(frozen=True, slots=True)
class Taken:
    """What a file turned out to be.

    Attributes:
        name: the resource that it is, "" where nobody asks for it.
        owners: who asks for it.
        new: those of them that had it not.
        namesake: an owner and its resource of the same file name and another digest, where the
            file is nobody's.
    """

    name: str = ""
    owners: tuple[str, ...] = ()
    new: tuple[str, ...] = ()
    namesake: tuple[str, Resource] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked:
    """A file of an exported folder, as ``weights.lock`` lists it.

    Attributes:
        file: its path in the folder.
        name: of the resource.
        url: its public address.
        size: bytes.
        sha256: of the whole file, whatever form its declaration has.
        licence: as declared.
        used_by: the owners that ask for it.
    """

    file: str
    name: str
    url: str
    size: int
    sha256: str
    licence: str
    used_by: tuple[str, ...]


def take(path: Path, owners: Owners) -> Taken:
    """Put a file into the cache of every owner that asks for it and has it not.

    It is linked, or copied where the cache lies on another disk. A file whose size nobody asks
    for is not read.

    Args:
        path: of the file; a link stands for what it points at.
        owners: all that is asked for.

    Raises:
        OSError: the file cannot be read, or the cache not written.
    """
    asked = [(owner, resource) for owner, files in owners.items() for resource in files]
    size, digests, found = path.stat().st_size, {"": "", "md5:": ""}, []
    for owner, resource in asked:
        if resource.size in (0, size):
            form = "md5:" if resource.sha256.startswith("md5:") else ""
            digests[form] = digests[form] or file_digest(path, form)
            if digest_matches(digests[form], resource.sha256):
                found.append((owner, resource))
    if not found:
        named = [(owner, resource) for owner, resource in asked if _called(resource, path.name)]
        return Taken(namesake=named[0] if named else None)
    new = [owner for owner, resource in found if _placed(path, owner, resource)]
    whose = dict.fromkeys(owner for owner, _ in found)
    return Taken(found[0][1].name, tuple(whose), tuple(dict.fromkeys(new)))


def _called(resource: Resource, name: str) -> bool:
    return name in {Path(resource.name).name, resource.url.rpartition("/")[2]}


def _placed(path: Path, owner: str, resource: Resource) -> bool:
    """Put a file where an owner looks for it; return False where a good one is there already."""
    (there,) = status(owner, [resource])
    if there.state == "present":
        return False
    target = cache_path(owner, resource)
    if there.state == "damaged" and there.path != str(target):
        raise OSError(f"{there.path} is damaged and comes first: delete or replace it")
    _put(path, target)
    return True


def _put(path: Path, target: Path) -> None:
    """Link the file at ``path`` to ``target``, or else copy it; whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        try:
            part.hardlink_to(path.resolve())
        except OSError:  # another disk, or one without links
            shutil.copyfile(path, part)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)  # a rename between two links of one file does nothing


def known_files(owners: Owners) -> Iterator[Path]:
    """Yield what other tools have fetched and may be asked for, by its name or its size.

    Looked at are ``hub/checkpoints`` and ``hub/pyiqa`` of the torch hub (``$TORCH_HOME``), the
    cache of OpenAI's CLIP, and the hub cache of Hugging Face (``$HF_HUB_CACHE``, ``$HF_HOME``).
    """
    asked = [resource for files in owners.values() for resource in files]
    sizes = {resource.size for resource in asked if resource.size}
    for folder in _known_folders():
        for path in sorted(folder.rglob("*")):
            with contextlib.suppress(OSError):
                if path.is_file() and (
                    path.stat().st_size in sizes or any(_called(r, path.name) for r in asked)
                ):
                    yield path


def _known_folders() -> list[Path]:
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    torch = os.environ.get("TORCH_HOME") or f"{home}/torch"
    face = os.environ.get("HF_HUB_CACHE") or (
        f"{os.environ.get('HF_HOME') or f'{home}/huggingface'}/hub"
    )
    places = [f"{torch}/hub/checkpoints", f"{torch}/hub/pyiqa", "~/.cache/clip"]
    found = [Path(place).expanduser() for place in places]
    # its files lie under their names in snapshots, as links to blobs
    found += sorted(Path(face).expanduser().glob("models--*/snapshots"))
    return [folder for folder in found if folder.is_dir()]


def export(owners: Owners, folder: Path) -> list[Locked]:
    """Put every file that is here into a folder, once each, and list them in ``weights.lock``.

    Args:
        owners: whose files; what is missing or damaged is left out.
        folder: written to; made where there is none.

    Raises:
        OSError: a file cannot be read, or the folder not written.
    """
    kept: dict[str, Locked] = {}
    for owner, resources in owners.items():
        for resource, there in zip(resources, status(owner, resources), strict=True):
            if there.state != "present":
                continue
            path = Path(there.path)
            sha256 = file_sha256(path)
            if sha256 in kept:
                kept[sha256] = _used(kept[sha256], owner)
                continue
            kept[sha256] = Locked(
                file=f"{owner}/{resource.name}",
                name=resource.name,
                url=resource.url,
                size=there.size,
                sha256=sha256,
                licence=resource.licence,
                used_by=(owner,),
            )
            target = folder / owner / resource.name
            if not (target.is_file() and file_sha256(target) == sha256):
                _put(path, target)
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".{LOCK}"
    listed = {"format": 1, "files": [asdict(locked) for locked in kept.values()]}
    part.write_text(json.dumps(listed, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    part.replace(folder / LOCK)
    return list(kept.values())


def _used(locked: Locked, owner: str) -> Locked:
    if owner in locked.used_by:
        return locked
    return Locked(**asdict(locked) | {"used_by": (*locked.used_by, owner)})


def read_lock(path: Path) -> Sequence[Locked]:
    """Return what a ``weights.lock`` lists.

    Raises:
        ValueError: it is none, or of a later format; one line.
    """
    try:
        listed: Any = json.loads(path.read_text(encoding="utf-8"))
        if listed["format"] != 1:
            raise ValueError(f"format {listed['format']!r}, expected 1")
        return [
            Locked(**entry | {"used_by": tuple(entry["used_by"])}) for entry in listed["files"]
        ]
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{path} is no {LOCK}: {error!r}") from error
