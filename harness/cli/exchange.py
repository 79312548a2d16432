"""Files taken in and written out: what ``weights import`` and ``weights export`` do and say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli.text import echo_mark, size
from harness.errors import nearest

if TYPE_CHECKING:
    from harness.data.exchange import Taken
    from harness.spec import Resource

__all__ = ["export_all", "take_all", "take_known"]

Owners = Mapping[str, tuple["Resource", ...]]


def take_all(paths: Sequence[Path], owners: Owners) -> bool:
    """Take in files and all files of folders, a line for each; return whether all are of use."""
    from harness.data import take

    good = True
    for path in paths:
        for fault in _absent(path):
            good = False
            echo_mark("no", fault, err=True)
        files = _files(path)
        if not files:
            good = False
            echo_mark("no", f"{path}: there is no file in it", err=True)
        for file in files:
            try:
                taken = take(file, owners)
            except OSError as error:
                good = False
                echo_mark("no", f"{file}: {error}", err=True)
                continue
            if taken.owners:
                _echo_taken(file, taken)
            else:
                good = False
                echo_mark("no", f"{file}: {_of_no_use(file, taken, owners)}", err=True)
    return good


def take_known(owners: Owners) -> None:
    """Take in what other tools have fetched, a line for each file that somebody asks for."""
    from harness.data import known_files, take

    found = False
    for file in known_files(owners):
        try:
            taken = take(file, owners)
        except OSError as error:
            echo_mark("none", f"{file}: {error}", err=True)
            continue
        found = found or bool(taken.owners)
        if taken.owners:
            _echo_taken(file, taken)
        elif taken.namesake:
            echo_mark("none", f"{file}: {_of_no_use(file, taken, owners)}", err=True)
    if not found:
        echo_mark("none", "no other tool has fetched anything that is asked for")


def export_all(owners: Owners, folder: Path, *, asked: bool) -> bool:
    """Write a folder of the owners' files, a line for each; return whether all is well.

    Args:
        owners: whose files.
        folder: where to.
        asked: whether they were named, so that a file that is not here is a fault.
    """
    from harness.data import export, status

    try:
        written = export(owners, folder)
    except OSError as error:
        echo_mark("no", f"{folder}: {error}", err=True)
        return False
    for locked in written:
        echo_mark("ok", f"{locked.file}, {size(locked.size)}, for {', '.join(locked.used_by)}")
    good = True
    for owner, resources in owners.items():
        lacking = [s for s in status(owner, resources) if s.state != "present"]
        if lacking:
            good = good and not asked
            told = ", ".join(f"{s.name} is {s.state}" for s in lacking)
            echo_mark("no" if asked else "none", f"{owner}: {told}", err=True)
    return good


def _files(path: Path) -> list[Path]:
    """Return a file, or the files of a folder without hidden ones and its list of them."""
    from harness.data.exchange import LOCK

    if not path.is_dir():
        return [path]
    return [
        file
        for file in sorted(path.rglob("*"))
        if file.is_file()
        and file.name != LOCK
        and not any(part.startswith(".") for part in file.relative_to(path).parts)
    ]


def _absent(folder: Path) -> Iterator[str]:
    """Yield a line for each file that a folder's list names and the folder has not."""
    from harness.data.exchange import LOCK, read_lock

    lock = folder / LOCK
    if lock.is_file():
        try:
            listed = read_lock(lock)
        except ValueError as error:
            yield str(error)
            return
        for entry in listed:
            if not (folder / entry.file).is_file():
                yield f"{folder / entry.file} is missing, and {lock} lists it"


def _echo_taken(file: Path, taken: Taken) -> None:
    rest = [owner for owner in taken.owners if owner not in taken.new]
    told = f"for {', '.join(taken.new)}" if taken.new else ""
    here = f"here already for {', '.join(rest)}" if rest else ""
    echo_mark("ok", f"{file}: {taken.name}, {'; '.join(filter(None, (told, here)))}")


def _of_no_use(file: Path, taken: Taken, owners: Owners) -> str:
    """Say why a file is of no use: cut short, another version, or nobody's."""
    if taken.namesake is None:
        names = {Path(resource.name).name for files in owners.values() for resource in files}
        asked = "no model, metric or dataset asks for a file of this digest"
        return f"{asked}{nearest(file.name, names)}"
    owner, resource = taken.namesake
    has = file.stat().st_size
    if resource.size and has < resource.size:
        what = f"of {resource.size:,} bytes and this has {has:,}: it is cut short"
    else:
        what = f"of digest {resource.sha256} and this has another: it is damaged"
    return f"{owner} asks for a {resource.name} {what}, or another version"
